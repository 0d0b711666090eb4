import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AlkeyError, describeValue } from '../core/errors.js';
import { identifiersOf } from '../core/identifiers/dependency.js';
import {
  everyRowIdentifier,
  EVERYTHING,
  type Identifier,
  parseIdentifier,
  tableIdentifier,
} from '../core/identifiers/identifier.js';
import {
  composeKey,
  fingerprintOf,
  type KeyPart,
} from '../core/keys/cache-key.js';
import { encodeCanonical } from '../core/keys/canonical-encoding.js';
import { RecentKeys } from '../core/keys/recent-keys.js';
import { type UnreadPart } from '../core/keys/unread-key.js';
import { chosenText, chosenUnder } from '../core/tokens/chosen-token.js';
import { TokenStore } from '../core/tokens/token-store.js';
import { chosenToken, mintToken } from '../core/tokens/token.js';
import { EntityCatalog } from '../typeorm/entity-catalog.js';
import { AlkeyEvents } from './alkey-events.js';
import { checkModuleOption } from './alkey.option-checks.js';
import { type ResolvedOptions } from './alkey.options.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import { ManualTouches } from './manual-touches.js';
import { Recorder } from './recorder.js';
import { RefResolver } from './ref-resolver.js';
import { type Ref } from './refs.js';
import { TokenReader, type TokenReading } from './token-reader.js';
import { WrappedValues } from './wrapped-values.js';

/** Composes cache keys that change when what they name changes, and caches values under them. */
@Injectable()
export class CacheKeyService {
  private readonly recent = new RecentKeys();

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    private readonly refs: RefResolver,
    private readonly reader: TokenReader,
    private readonly store: TokenStore,
    private readonly wrapped: WrappedValues,
    private readonly recorder: Recorder,
    private readonly touches: ManualTouches,
    private readonly catalog: EntityCatalog,
    private readonly events: AlkeyEvents,
  ) {}

  /**
   * A key that changes whenever something among `parts` does: instances of entities, classes,
   * identifiers, `row(User, 42)`. Any other value counts as it is.
   *
   * Where a writer is about to commit, or the store is away, the key is one that never comes again:
   * what is cached under it is never found.
   *
   * @throws AlkeyError `ALKEY_UNENCODABLE_PART` for a value that cannot be told apart from others,
   * `ALKEY_UNKNOWN_TABLE` for an identifier of no known table
   */
  async key(...parts: readonly unknown[]): Promise<string> {
    const unread = this.recent.keyOf(this.partsOf(parts));
    const reading =
      this.reader.peek(unread.identifiers) ??
      (await this.reader.read(unread.identifiers));
    this.noteReading(unread.identifiers, reading);
    return reading.kind === 'tokens'
      ? unread.under(reading.tokens)
      : uniqueKey();
  }

  /** The token of what `ref` names: the same until that changes. */
  async token(ref: Ref): Promise<string> {
    const [dependency, ...others] = this.refs.require(ref);
    if (!dependency) throw new Error('A ref names at least one table.');
    const identifiers = identifiersOf([dependency, ...others]);
    const reading = await this.reader.read(identifiers);
    this.noteReading(identifiers, reading);
    if (reading.kind !== 'tokens') return mintToken(randomBytes);
    const [first, ...wider] = reading.tokens;
    if (first === undefined) return mintToken(randomBytes);
    if (wider.length === 0) return first;
    return (
      chosenText(first, wider) ?? fingerprintOf(identifiers, reading.tokens)
    );
  }

  /**
   * Makes `token` the token of what `ref` names, until that changes.
   *
   * @throws AlkeyError `ALKEY_INVALID_TOKEN` where it is empty, `TokenStoreError` where the store
   * did not take it
   */
  async setToken(ref: Ref, token: string): Promise<void> {
    if (typeof token !== 'string' || token === '') {
      throw new AlkeyError(
        'ALKEY_INVALID_TOKEN',
        `Expected a token to be a text that is not empty, got ${describeValue(token)}. The token stays as it was.`,
      );
    }
    const dependencies = this.refs.require(ref);
    for (const { identifier, reads } of dependencies) {
      const wider = reads.slice(1);
      const tokens = await this.store.read(wider);
      const known = tokens.filter(value => typeof value === 'string');
      await this.store.write(
        identifier,
        wider.length === 0 ? chosenToken(token) : chosenUnder(token, known),
      );
    }
  }

  /**
   * The value cached under `parts`, or what `produce` answers, which is then cached until what `parts` name is
   * written; where they name nothing, until what `produce` reads through TypeORM is. Concurrent
   * calls share one run of `produce`; while a writer is about to commit nothing is cached.
   *
   * Carries what JSON carries, undefined, bigints, Dates, Maps, Sets, bytes, URLs, RegExps and
   * instances of classes by their own properties, or what the `serializer` carries. What cannot be
   * carried is an error outside production, and there it is answered and not cached; nor is a
   * failure, which reaches every caller of its run. Not for use inside a transaction: what is read
   * there may be older, or newer, than what others see.
   *
   * @throws AlkeyError as `key` does, `ALKEY_INVALID_OPTION` where `ttlMs` is no integer >= 1, and
   * `ALKEY_UNENCODABLE_VALUE` outside production
   */
  async wrap<T>(
    parts: readonly unknown[],
    produce: () => Promise<T>,
    options: { readonly ttlMs?: number } = {},
  ): Promise<T> {
    const { ttlMs = this.options.ttlMs } = options;
    checkModuleOption('ttlMs', ttlMs);
    const unread = this.partsOf(parts);
    const slot = slotOf(unread, this.options.release);
    const refs = unread.filter(part => typeof part !== 'string');
    return (await (refs.length === 0
      ? this.wrapped.recorded(slot, ttlMs, produce)
      : this.wrapped.declared(slot, ttlMs, identifiersOf(refs), produce))) as T;
  }

  /**
   * Says what the answer of the handler, or of the `produce`, that is running now depends on besides what it
   * reads through TypeORM. Where its refs are declared, and outside of both, this changes nothing.
   *
   * Wait for it before you read the data: what was read before is not vouched for.
   *
   * @throws AlkeyError as `invalidate` does, for what names nothing
   */
  async dependsOn(...refs: readonly Ref[]): Promise<void> {
    await this.recorder.dependsOn(refs.flatMap(ref => this.refs.require(ref)));
  }

  /**
   * Outdates whatever depends on `refs`, as if they had been written: for what the database changes
   * behind TypeORM's back. A row counts as written with its table; a class with all its rows.
   *
   * Does not reject where the store is away: it is told as soon as it answers again, and until then
   * this process trusts no token.
   */
  async invalidate(...refs: readonly Ref[]): Promise<void> {
    const identifiers = refs
      .flatMap(ref => this.refs.require(ref))
      .flatMap(({ identifier }) => writtenWith(identifier));
    await this.touches.touch([...new Set(identifiers)]);
  }

  /** Outdates everything that was cached under any token of the observed data sources. */
  async invalidateAll(): Promise<void> {
    await this.touches.touch([
      ...this.catalog
        .tables()
        .flatMap(({ id }) => writtenWith(tableIdentifier(id))),
      EVERYTHING,
    ]);
  }

  /** What a program keeps under a key or a token may be what a recorded handler answers. */
  private noteReading(
    identifiers: readonly Identifier[],
    reading: TokenReading,
  ): void {
    if (reading.kind === 'tokens') {
      this.recorder.note(identifiers, reading.tokens);
    } else this.recorder.refuse(reading.kind);
  }

  private partsOf(values: readonly unknown[]): readonly UnreadPart[] {
    const parts: UnreadPart[] = [];
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      const resolution = this.refs.resolve(value);
      if (resolution.kind === 'literal') {
        parts.push(encodeCanonical(value, index + 1));
        continue;
      }
      const { dependencies, rowKey } = resolution;
      for (const dependency of dependencies) parts.push(dependency);
      if (rowKey === undefined) continue;
      // The sign before it is none that a canonical text begins with: the row is not the value.
      parts.push(`#${encodeCanonical(rowKey, index + 1)}`);
    }
    return parts;
  }
}

/** Names the place of a value, whatever the tokens are. */
function slotOf(
  parts: readonly UnreadPart[],
  release: string | undefined,
): string {
  return composeKey([
    { kind: 'literal', value: release },
    ...parts.map((part): KeyPart =>
      typeof part === 'string'
        ? { kind: 'literal', value: part }
        : { kind: 'ref', identifier: part.identifier, tokens: [] },
    ),
  ]);
}

/** Never the same twice, so that nothing made now is found later. */
function uniqueKey(): string {
  return composeKey([{ kind: 'literal', value: mintToken(randomBytes) }]);
}

/** The identifiers that a write of what an identifier names touches. */
function writtenWith(identifier: Identifier): readonly Identifier[] {
  const parsed = parseIdentifier(identifier);
  switch (parsed?.kind) {
    case 'row':
      return [identifier, tableIdentifier(parsed.table), EVERYTHING];
    case 'table':
      return [everyRowIdentifier(parsed.table), identifier, EVERYTHING];
    default:
      return [identifier];
  }
}
