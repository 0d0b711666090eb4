import { Inject, Injectable } from '@nestjs/common';
import { AlkeyError } from '../core/errors.js';
import { type CacheSource } from '../core/events.js';
import { type Identifier } from '../core/identifiers/identifier.js';
import { type Fingerprint } from '../core/keys/cache-key.js';
import { type StoredBody } from '../core/responses/stored-response.js';
import { AlkeyEvents } from './alkey-events.js';
import { type ResolvedOptions } from './alkey.options.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import { ResponseStore } from './response-store.js';
import { type ValueText, ValueTexts } from './value-texts.js';

/** Where a value is kept, under which tokens, and what events call it. */
export interface ValuePlace {
  readonly source: CacheSource;
  readonly name: string;
  readonly slot: string;
  readonly identifiers: readonly Identifier[];
  readonly fingerprint: Fingerprint;
  readonly ttlMs: number;
}

/** What a place holds: the value made under its tokens, or none; `outdated`: made under others. */
export interface FoundValue {
  readonly found?: { readonly value: unknown } | undefined;
  readonly outdated: boolean;
}

/** Values that are handed to code, kept until what they depend on is written. */
@Injectable()
export class KeptValues {
  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    private readonly responses: ResponseStore,
    private readonly texts: ValueTexts,
    private readonly events: AlkeyEvents,
  ) {}

  /** Never rejects; what is found is the caller's own copy. */
  async find(place: ValuePlace): Promise<FoundValue> {
    const { source, name, identifiers, slot, fingerprint } = place;
    const { response, outdated } = await this.responses.lookUp(
      slot,
      fingerprint,
    );
    const found = response && this.texts.valueOf(name, response.body);
    if (!response || !found) return { outdated };
    const ageMs = Date.now() - response.storedAt;
    const freshness = 'fresh';
    this.events.emit('hit', { source, name, identifiers, ageMs, freshness });
    return { found, outdated };
  }

  /**
   * Keeps a value, in the background; answers what is kept of it, `undefined` where nothing is.
   *
   * @throws AlkeyError `ALKEY_UNENCODABLE_VALUE` for a value that cannot be stored, outside production
   */
  keep(place: ValuePlace, value: unknown): StoredBody | undefined {
    const { source, name, identifiers, slot, fingerprint, ttlMs } = place;
    const encoded = this.texts.storedTextOf(name, value);
    if (!encoded.ok) {
      const reason = 'unencodable';
      this.events.emit('bypass', { source, name, reason, identifiers });
      if (this.texts.strict) throw unencodable(name, encoded);
      return undefined;
    }
    if (Buffer.byteLength(encoded.text) > this.options.maxBodyBytes) {
      const reason = 'too-large';
      this.events.emit('bypass', { source, name, reason, identifiers });
      return undefined;
    }
    const body: StoredBody = { kind: 'value', encoded: encoded.text };
    const size = this.responses.put(
      slot,
      { fingerprint, status: 0, headers: [], body, storedAt: Date.now() },
      ttlMs,
    );
    this.events.emit('stored', { source, name, identifiers, size, ttlMs });
    return body;
  }

  /** Resolves when whoever looks finds what was kept until now. */
  arrived(): Promise<void> {
    return this.responses.arrived();
  }
}

function unencodable(
  name: string,
  { why, cause }: Extract<ValueText, { readonly ok: false }>,
): AlkeyError {
  return new AlkeyError(
    'ALKEY_UNENCODABLE_VALUE',
    `Could not store what ${name} answered: ${why}. Answer plain data, or give AlkeyModule a \`serializer\` ` +
      'that carries it. With NODE_ENV=production it is answered and not cached.',
    cause === undefined ? undefined : { cause },
  );
}
