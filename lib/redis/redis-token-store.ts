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
import { inOneTrip, type RedisCommands } from './redis-commands.js';
import {
  HOLD,
  READ_TOKEN,
  RELEASE,
  REPLACE,
  storedToken,
  WRITE_TOKEN,
  type RedisScript,
} from './scripts.js';

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

interface SeenPresent {
  readonly key: string;
  /** When this process last gave the token its whole life back. */
  readonly refreshedAtMs: number;
}

const IDENTIFIER_PREFIX = 'alkey:';

/** A token that is read again after this share of its life gets its whole life back. */
const REFRESH_SHARE = 4;

/**
 * Tokens in Redis, one string per identifier, each changed by a script that touches that key alone.
 *
 * A read is one round trip: identifiers that this process saw present lately are read by `MGET`
 * (on a cluster by `GET`), all others by a script that mints what is missing, sent in the same tick.
 * Where another process has released an identifier that was expected present, minting its new token
 * takes a second round trip.
 *
 * Redis must not evict keys of this namespace for want of memory (`maxmemory-policy noeviction`, or
 * room enough): an evicted hold is one that nobody sees. A failover to a replica that had not
 * received a hold has the same effect, for as long as that one commit takes.
 */
export class RedisTokenStore extends TokenStore {
  readonly #commands: RedisCommands;
  readonly #keyPrefix: string;
  readonly #randomBytes: RandomBytes;
  readonly #tokenTtlMs: number;
  readonly #clock: () => number;
  readonly #maxPresent: number;
  /** What was there lately, the longest ago first. */
  readonly #present = new Map<Identifier, SeenPresent>();

  constructor(options: RedisTokenStoreOptions) {
    super();
    this.#commands = options.commands;
    this.#keyPrefix = `${options.namespace}:`;
    this.#randomBytes = options.randomBytes;
    this.#tokenTtlMs = options.tokenTtlMs;
    this.#clock = options.clock;
    this.#maxPresent = options.maxPresent ?? 100_000;
  }

  override async read(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    if (identifiers.length === 0) return [];
    try {
      const keys = this.#keysIfAllPresent(identifiers);
      if (!keys) return await this.#readMixed(identifiers);
      const values = await this.#commands.getMany(keys);
      return await this.#answersOf(identifiers, values);
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

  #keysIfAllPresent(
    identifiers: readonly Identifier[],
  ): readonly string[] | undefined {
    const refreshedAfterMs = this.#refreshedAfterMs();
    const keys: string[] = [];
    for (const identifier of identifiers) {
      const seen = this.#present.get(identifier);
      if (!seen || seen.refreshedAtMs <= refreshedAfterMs) return undefined;
      keys.push(seen.key);
    }
    return keys;
  }

  async #readMixed(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    const refreshedAfterMs = this.#refreshedAfterMs();
    const present: Identifier[] = [];
    const keys: string[] = [];
    const others: Identifier[] = [];
    for (const identifier of identifiers) {
      const seen = this.#present.get(identifier);
      if (seen && seen.refreshedAtMs > refreshedAfterMs) {
        present.push(identifier);
        keys.push(seen.key);
      } else {
        others.push(identifier);
      }
    }
    const answers = await Promise.all([
      this.#readPresent(present, keys),
      this.#readOrMint(others),
    ]);
    const next = answers.map(each => each.values());
    const isOther = new Set(others);
    return identifiers.map(
      identifier => next[isOther.has(identifier) ? 1 : 0]!.next().value ?? HELD,
    );
  }

  async #readPresent(
    identifiers: readonly Identifier[],
    keys: readonly string[],
  ): Promise<readonly (Token | Held)[]> {
    const values = await this.#commands.getMany(keys);
    return this.#answersOf(identifiers, values);
  }

  /** What the values of keys expected present say; a promise only where one was missing. */
  #answersOf(
    identifiers: readonly Identifier[],
    values: readonly (string | null)[],
  ): readonly (Token | Held)[] | Promise<readonly (Token | Held)[]> {
    const answers: (Token | Held)[] = [];
    const gone: number[] = [];
    for (const value of values) {
      const token = value === null ? undefined : storedToken(value);
      if (token === undefined) {
        const place = answers.length;
        this.#present.delete(identifiers[place]!);
        if (value === null) gone.push(place);
      }
      // What is not there is minted below; what is no token is held, until the script says otherwise.
      answers.push((token as Token | undefined) ?? HELD);
    }
    return gone.length === 0
      ? answers
      : this.#mintGone(identifiers, answers, gone);
  }

  async #mintGone(
    identifiers: readonly Identifier[],
    answers: readonly (Token | Held)[],
    gone: readonly number[],
  ): Promise<readonly (Token | Held)[]> {
    const minted = await this.#readOrMint(
      gone.map(place => identifiers[place]!),
    );
    const all = [...answers];
    for (const [index, place] of gone.entries()) all[place] = minted[index]!;
    return all;
  }

  /** Reads by the script, which gives what is there its whole life and mints what is not. */
  async #readOrMint(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    const tokenTtlMs = wholeMs(this.#tokenTtlMs);
    const sentAtMs = this.#clock();
    return inOneTrip(identifiers, async identifier => {
      const key = this.#keyOf(identifier);
      const fresh = mintToken(this.#randomBytes);
      const token = await this.#commands.run(READ_TOKEN, key, [
        fresh,
        tokenTtlMs,
      ]);
      if (token === undefined) return HELD;
      this.#sawPresent(identifier, { key, refreshedAtMs: sentAtMs });
      return token as Token;
    });
  }

  #refreshedAfterMs(): number {
    return this.#clock() - this.#tokenTtlMs / REFRESH_SHARE;
  }

  async #change(
    operation: TokenStoreOperation,
    script: RedisScript<void>,
    identifiers: readonly Identifier[],
    args: readonly string[],
  ): Promise<void> {
    // What this process changes it does not expect present, which saves its next read a round trip.
    for (const identifier of identifiers) this.#present.delete(identifier);
    try {
      await inOneTrip(identifiers, identifier =>
        this.#commands.run(script, this.#keyOf(identifier), args),
      );
    } catch (cause) {
      throw failure(operation, identifiers, cause);
    }
  }

  #sawPresent(identifier: Identifier, seen: SeenPresent): void {
    this.#present.delete(identifier);
    this.#present.set(identifier, seen);
    if (this.#present.size <= this.#maxPresent) return;
    const [oldest] = this.#present.keys();
    if (oldest !== undefined) this.#present.delete(oldest);
  }

  #keyOf(identifier: Identifier): string {
    return this.#keyPrefix === IDENTIFIER_PREFIX
      ? identifier
      : this.#keyPrefix + identifier.slice(IDENTIFIER_PREFIX.length);
  }
}

function failure(
  operation: TokenStoreOperation,
  identifiers: readonly Identifier[],
  cause: unknown,
): TokenStoreError {
  return new TokenStoreError(operation, identifiers, { why: 'failed', cause });
}

// Redis takes whole milliseconds only; rounded up, so that a lease is never shorter than asked.
function wholeMs(ms: number): string {
  return String(Math.ceil(ms));
}
