import { type Identifier } from '../core/identifiers/identifier.js';
import {
  HELD,
  mintToken,
  type Held,
  type Holder,
  type RandomBytes,
  type Token,
} from '../core/tokens/token.js';
import {
  TokenStoreError,
  type TokenStoreOperation,
} from '../core/tokens/token-store-error.js';
import { TokenStore, type HoldOutcome } from '../core/tokens/token-store.js';
import { RECOVERY_MS } from '../core/tokens/recovery.js';
import { ledgerKey, ledgerKeyInSlotOf } from './ledger-key.js';
import { chunksOf, inOneTrip, type RedisCommands } from './redis-commands.js';
import { PresentTokens, type SeenToken } from './present-tokens.js';
import { type RedisScript } from './redis-script.js';
import { SharedReads } from './shared-reads.js';
import { isReply } from './server-epoch.js';
import { type StoredToken } from './stored-tokens.js';
import {
  HOLD,
  READ_TOKENS,
  RELEASE,
  REPLACE,
  WRITE_TOKEN,
} from './token-scripts.js';

export interface RedisTokenStoreOptions {
  readonly commands: RedisCommands;
  /** Prefix of every key: under `shop`, `alkey:users#1` is kept as `shop:users#1`. */
  readonly namespace: string;
  readonly randomBytes: RandomBytes;
  /** Whole milliseconds a token lives without being read. */
  readonly tokenTtlMs: number;
  /** Milliseconds of a clock that never goes back; only ever compared with itself. */
  readonly clock: () => number;
  /** Identifiers remembered as present, so that `MGET` can read them. @default 100_000 */
  readonly maxPresent?: number;
}

/** Identifiers whose keys one script may touch, and the ledger that keeps account of them. */
interface Part {
  readonly identifiers: readonly Identifier[];
  readonly keys: readonly string[];
  readonly ledger: string;
}

const IDENTIFIER_PREFIX = 'alkey:';

/** What one script does in well under a millisecond, so that others get their turn. */
const KEYS_PER_SCRIPT = 100;

/**
 * Tokens in Redis, one string per identifier, each changed by a script; on a cluster each script
 * touches one of them, elsewhere up to a hundred.
 *
 * A read is one round trip: identifiers that this process saw present lately are read by `MGET`
 * (on a cluster by `GET`; behind sentinels, where it cannot be told which server answers, not at
 * all), all others by a script that mints what is missing, sent in the same tick. Where another
 * process has released an identifier that was expected present, minting its new token takes a second
 * round trip.
 *
 * Redis may lose what it acknowledged: emptied, started again from a file, replaced by a replica that
 * lagged, or evicting keys. Tokens from before are then never trusted again, and nothing is for
 * `RECOVERY_MS`, in which writers announce themselves once more.
 */
export class RedisTokenStore extends TokenStore {
  readonly #commands: RedisCommands;
  readonly #keyPrefix: string;
  readonly #randomBytes: RandomBytes;
  readonly #tokenTtlMs: number;
  readonly #clock: () => number;
  readonly #present: PresentTokens;
  readonly #reads: SharedReads;
  readonly #ledger: string;
  /** Ledgers that were there: if one is not, it was lost. */
  readonly #known = new Set<string>();

  constructor(options: RedisTokenStoreOptions) {
    super();
    this.#commands = options.commands;
    this.#keyPrefix = `${options.namespace}:`;
    this.#reads = new SharedReads(options.commands);
    this.#ledger = ledgerKey(this.#keyPrefix);
    this.#randomBytes = options.randomBytes;
    this.#tokenTtlMs = options.tokenTtlMs;
    this.#clock = options.clock;
    this.#present = new PresentTokens(
      options.tokenTtlMs,
      options.maxPresent ?? 100_000,
    );
  }

  override async read(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    if (identifiers.length === 0) return [];
    try {
      const answers = await this.#readEach(identifiers);
      return this.#isSettled(identifiers)
        ? answers
        : identifiers.map(() => HELD);
    } catch (cause) {
      throw failure('read', identifiers, cause);
    }
  }

  override async hold(
    identifiers: readonly Identifier[],
    holder: Holder,
    leaseMs: number,
  ): Promise<void> {
    await this.#change('hold', HOLD, identifiers, [holder, wholeMs(leaseMs)]);
  }

  override async release(
    identifiers: readonly Identifier[],
    holder: Holder,
    outcome: HoldOutcome,
    lagMs = 0,
  ): Promise<void> {
    await this.#change('release', RELEASE, identifiers, [
      holder,
      outcome,
      wholeMs(lagMs),
      wholeMs(this.#tokenTtlMs),
    ]);
  }

  override async replace(identifiers: readonly Identifier[]): Promise<void> {
    await this.#change('replace', REPLACE, identifiers, []);
  }

  override async write(identifier: Identifier, token: Token): Promise<void> {
    await this.#change(
      'write',
      WRITE_TOKEN,
      [identifier],
      [token, wholeMs(this.#tokenTtlMs)],
    );
  }

  /** Forgets what it saw; the connection belongs to whoever opened it. */
  override async close(): Promise<void> {
    this.#present.clear();
  }

  #readEach(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    const nowMs = this.#clock();
    const present: SeenToken[] = [];
    const others: Identifier[] = [];
    for (const identifier of identifiers) {
      const seen = this.#present.find(identifier, nowMs);
      if (seen) present.push(seen);
      else others.push(identifier);
    }
    if (others.length === 0) return this.#readPresent(present);
    if (present.length === 0) return this.#readOrMint(others);
    return this.#readBoth(identifiers, present, others);
  }

  async #readBoth(
    identifiers: readonly Identifier[],
    present: readonly SeenToken[],
    others: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    const answers = await Promise.all([
      this.#readPresent(present),
      this.#readOrMint(others),
    ]);
    const next = answers.map(each => each.values());
    const isOther = new Set(others);
    return identifiers.map(
      identifier => next[isOther.has(identifier) ? 1 : 0]!.next().value ?? HELD,
    );
  }

  async #readPresent(
    present: readonly SeenToken[],
  ): Promise<readonly (Token | Held)[]> {
    const values = await this.#reads.getMany(present);
    if (values.every(isToken)) return values;
    const missing: number[] = [];
    for (const [place, value] of values.entries()) {
      if (isToken(value)) continue;
      this.#present.forget(present[place]!.identifier);
      if (value === undefined) missing.push(place);
    }
    if (missing.length === 0) return values as readonly (Token | Held)[];
    const minted = await this.#readOrMint(
      missing.map(place => present[place]!.identifier),
    );
    const answers = [...values] as (Token | Held)[];
    for (const [index, place] of missing.entries()) {
      answers[place] = minted[index]!;
    }
    return answers;
  }

  /** Reads by the script, which gives what is there its whole life and mints what is not. */
  async #readOrMint(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    const sentAtMs = this.#clock();
    const parts = await inOneTrip(this.#parts(identifiers), async part => {
      const { ledger, keys } = part;
      const answers = await this.#commands.run(
        READ_TOKENS,
        [ledger, ...keys],
        [
          this.#known.has(ledger) ? '1' : '0',
          mintToken(this.#randomBytes),
          wholeMs(this.#tokenTtlMs),
          wholeMs(RECOVERY_MS),
        ],
      );
      if (answers.length === 0) return keys.map((): Held => HELD);
      this.#known.add(ledger);
      for (const [index, answer] of answers.entries()) {
        if (answer === HELD) continue;
        this.#present.saw(part.identifiers[index]!, keys[index]!, sentAtMs);
      }
      return answers;
    });
    return parts.length === 1 ? parts[0]! : parts.flat();
  }

  #isSettled(identifiers: readonly Identifier[]): boolean {
    if (this.#commands.crossesSlots) {
      return this.#commands.isSettled(this.#ledger);
    }
    return identifiers.every(identifier =>
      this.#commands.isSettled(this.#keyOf(identifier)),
    );
  }

  /** What one script each is run on. */
  #parts(identifiers: readonly Identifier[]): readonly Part[] {
    const { crossesSlots } = this.#commands;
    const chunks = chunksOf(identifiers, crossesSlots ? KEYS_PER_SCRIPT : 1);
    return chunks.map(chunk => {
      const keys = chunk.map(identifier => this.#keyOf(identifier));
      const ledger = crossesSlots
        ? this.#ledger
        : ledgerKeyInSlotOf(keys[0]!, this.#keyPrefix);
      return { identifiers: chunk, keys, ledger };
    });
  }

  async #change(
    operation: TokenStoreOperation,
    script: RedisScript<void>,
    identifiers: readonly Identifier[],
    args: readonly string[],
  ): Promise<void> {
    // What this process changes it does not expect present, which saves its next read a round trip.
    for (const identifier of identifiers) this.#present.forget(identifier);
    try {
      await inOneTrip(this.#parts(identifiers), ({ ledger, keys }) =>
        this.#commands.run(script, [ledger, ...keys], args),
      );
    } catch (cause) {
      throw failure(operation, identifiers, cause);
    }
  }

  #keyOf(identifier: Identifier): string {
    return this.#keyPrefix === IDENTIFIER_PREFIX
      ? identifier
      : this.#keyPrefix + identifier.slice(IDENTIFIER_PREFIX.length);
  }
}

function isToken(value: StoredToken): value is Token {
  return typeof value === 'string';
}

function failure(
  operation: TokenStoreOperation,
  identifiers: readonly Identifier[],
  cause: unknown,
): TokenStoreError {
  return new TokenStoreError(operation, identifiers, {
    why: isReply(cause) ? 'rejected' : 'failed',
    cause,
  });
}

// Redis takes whole milliseconds only; rounded up, so that a lease is never shorter than asked.
function wholeMs(ms: number): string {
  return String(Math.ceil(ms));
}
