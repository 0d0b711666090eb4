import { Inject, Injectable } from '@nestjs/common';
import { AlkeyError } from '../core/errors.js';
import { type CacheSource } from '../core/events.js';
import { type Identifier } from '../core/identifiers/identifier.js';
import { type Fingerprint, fingerprintOf } from '../core/keys/cache-key.js';
import { type KnownTokens } from '../core/reads/recording.js';
import { type BypassReason } from '../core/responses/cacheability.js';
import {
  type StoredBody,
  type StoredResponse,
} from '../core/responses/stored-response.js';
import { type Token } from '../core/tokens/token.js';
import { AlkeyEvents } from './alkey-events.js';
import { type ResolvedOptions } from './alkey.options.js';
import { BypassReports } from './bypass-reports.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import { RecordedAnswers } from './recorded-answers.js';
import { ResponseStore } from './response-store.js';
import { TokenReader } from './token-reader.js';
import { type ValueText, ValueTexts } from './value-texts.js';

/** A value that is asked for: where it is kept, what it depends on, and what events call it. */
export interface WantedValue {
  readonly source: CacheSource;
  readonly name: string;
  readonly slot: string;
  readonly identifiers: readonly Identifier[];
  readonly ttlMs: number;
}

/** Where a value is kept, under which tokens. */
export interface ValuePlace extends WantedValue {
  readonly fingerprint: Fingerprint;
  readonly tokens: readonly Token[];
  /** The value says itself what it depends on, because it was found out while it was made. */
  readonly listed?: true;
}

/** A value that says itself what it depends on. */
export type WantedListed = Omit<WantedValue, 'identifiers'>;

/** The same as `FoundValue` of such a value. */
export type FoundListed =
  | {
      readonly kind: 'found';
      readonly value: unknown;
      readonly identifiers: readonly Identifier[];
      readonly tokens: readonly Token[];
      readonly leftMs: number;
    }
  | {
      readonly kind: 'absent';
      readonly outdated: boolean;
      /** The tokens that were read on the way. */
      readonly known: KnownTokens;
    }
  | { readonly kind: 'bypass'; readonly reason: BypassReason };

/** Makes the value of what is stored; `undefined` where it cannot be made, or is not wanted. */
export type ReadStored<Value> = (
  response: StoredResponse,
) => { readonly value: Value } | undefined;

/** What is there; `absent`: nothing that was made under the tokens of now, `bypass`: none to trust. */
export type FoundValue<Value = unknown> =
  | {
      readonly kind: 'found';
      readonly value: Value;
      readonly place: ValuePlace;
      /** Milliseconds that it lives. */
      readonly leftMs: number;
    }
  | {
      readonly kind: 'absent';
      readonly place: ValuePlace;
      /** Whether there is one that was made under others. */
      readonly outdated: boolean;
    }
  | { readonly kind: 'bypass'; readonly reason: BypassReason };

const NO_TOKENS: KnownTokens = new Map();

/** Values that are handed to code, kept until what they depend on is written. */
@Injectable()
export class KeptValues {
  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    private readonly reader: TokenReader,
    private readonly responses: ResponseStore,
    private readonly recorded: RecordedAnswers,
    private readonly texts: ValueTexts,
    private readonly reports: BypassReports,
    private readonly events: AlkeyEvents,
  ) {}

  /** Reads the tokens, and looks. Never rejects; what is found is the caller's own copy. */
  find(wanted: WantedValue): Promise<FoundValue> {
    return this.lookUp(wanted, ({ body }) =>
      this.texts.valueOf(wanted.name, body),
    );
  }

  /** The same for what was kept by `keepText`. */
  async lookUp<Value>(
    wanted: WantedValue,
    readStored: ReadStored<Value>,
  ): Promise<FoundValue<Value>> {
    const { source, name, identifiers, slot } = wanted;
    const peeked = this.reader.peek(identifiers);
    // What will be needed is asked for at the same time.
    const early = peeked ? undefined : this.responses.ask(slot);
    const reading = peeked ?? (await this.reader.read(identifiers));
    if (reading.kind !== 'tokens') {
      this.reports.report(source, name, reading.kind, identifiers);
      return { kind: 'bypass', reason: reading.kind };
    }
    const { tokens } = reading;
    const fingerprint = fingerprintOf(identifiers, tokens);
    const place = { ...wanted, fingerprint, tokens };
    const { response, outdated } = await this.responses.lookUp(
      slot,
      fingerprint,
      { early },
    );
    const found = response && readStored(response);
    if (!response || !found) return { kind: 'absent', place, outdated };
    const leftMs = this.hit(wanted, identifiers, response);
    return { kind: 'found', value: found.value, place, leftMs };
  }

  /** The same for a value that says itself what it depends on. */
  async findListed(wanted: WantedListed): Promise<FoundListed> {
    const { source, name, slot } = wanted;
    const found = await this.recorded.find(slot);
    switch (found.kind) {
      case 'found': {
        const { response, identifiers, tokens } = found;
        const made = this.texts.valueOf(name, response.body);
        if (!made) return { kind: 'absent', outdated: false, known: NO_TOKENS };
        const { value } = made;
        const leftMs = this.hit(wanted, identifiers, response);
        return { kind: 'found', value, identifiers, tokens, leftMs };
      }
      case 'absent':
        return found;
      case 'held':
      case 'store-unavailable':
        this.reports.report(source, name, found.kind, found.identifiers);
        return { kind: 'bypass', reason: found.kind };
    }
  }

  /** Tells of it, and answers how many milliseconds it lives. */
  private hit(
    { source, name, ttlMs }: WantedListed,
    identifiers: readonly Identifier[],
    { storedAt }: StoredResponse,
  ): number {
    const ageMs = Date.now() - storedAt;
    const freshness = 'fresh';
    this.events.emit('hit', { source, name, identifiers, ageMs, freshness });
    return Math.max(0, ttlMs - ageMs);
  }

  /**
   * Keeps a value, in the background; answers what is kept of it, `undefined` where nothing is.
   *
   * @throws AlkeyError `ALKEY_UNENCODABLE_VALUE` for a value that cannot be stored, outside production
   */
  keep(place: ValuePlace, value: unknown): StoredBody | undefined {
    const { source, name, identifiers } = place;
    const encoded = this.texts.storedTextOf(name, value);
    if (encoded.ok) return this.keepText(place, encoded.text);
    this.reports.report(source, name, 'unencodable', identifiers);
    if (this.texts.strict) throw unencodable(name, encoded);
    return undefined;
  }

  /** The same for a value that the caller has made text of, and makes again. */
  keepText(place: ValuePlace, encoded: string): StoredBody | undefined {
    const { source, name, identifiers, slot, fingerprint, ttlMs } = place;
    if (Buffer.byteLength(encoded) > this.options.maxBodyBytes) {
      this.reports.report(source, name, 'too-large', identifiers);
      return undefined;
    }
    const body: StoredBody = { kind: 'value', encoded };
    const size = this.responses.put(
      slot,
      {
        fingerprint,
        status: 0,
        headers: [],
        body,
        storedAt: Date.now(),
        ...(place.listed ? { identifiers } : {}),
      },
      ttlMs,
      // Who calls or queries makes ever new places; those of `wrap` the program names.
      source === 'wrap' ? undefined : name,
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
