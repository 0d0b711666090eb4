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
  /** When this process last gave a token its whole life back, the longest ago first. */
  readonly #present = new Map<Identifier, number>();

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
      const refreshedAfterMs = this.#clock() - this.#tokenTtlMs / REFRESH_SHARE;
      const present: Identifier[] = [];
      const others: Identifier[] = [];
      for (const identifier of identifiers) {
        const refreshedAtMs = this.#present.get(identifier);
        const list =
          refreshedAtMs !== undefined && refreshedAtMs > refreshedAfterMs
            ? present
            : others;
        list.push(identifier);
      }
      if (others.length === 0) return await this.#readPresent(present);
      if (present.length === 0) return await this.#readOrMint(others);
      const [presentAnswers, otherAnswers] = await Promise.all([
        this.#readPresent(present),
        this.#readOrMint(others),
      ]);
      return inOrderOf(
        identifiers,
        new Map([
          ...pairs(present, presentAnswers),
          ...pairs(others, otherAnswers),
        ]),
      );
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

  async #readPresent(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    const values = await this.#commands.getMany(
      identifiers.map(identifier => this.#keyOf(identifier)),
    );
    const answers: (Token | Held)[] = [];
    const gone: Identifier[] = [];
    for (const [index, value] of values.entries()) {
      const token = value === null ? undefined : storedToken(value);
      // Held, until the script says otherwise.
      answers.push((token as Token | undefined) ?? HELD);
      if (token === undefined) {
        const identifier = identifiers[index]!;
        this.#present.delete(identifier);
        if (value === null) gone.push(identifier);
      }
    }
    if (gone.length === 0) return answers;
    const minted = new Map(pairs(gone, await this.#readOrMint(gone)));
    return answers.map((answer, index) =>
      answer === HELD ? (minted.get(identifiers[index]!) ?? HELD) : answer,
    );
  }

  async #readOrMint(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    const tokenTtlMs = wholeMs(this.#tokenTtlMs);
    const sentAtMs = this.#clock();
    const tokens = await inOneTrip(identifiers, identifier =>
      this.#commands.run(READ_TOKEN, this.#keyOf(identifier), [
        mintToken(this.#randomBytes),
        tokenTtlMs,
      ]),
    );
    return tokens.map((token, index) => {
      if (token === undefined) return HELD;
      this.#sawPresent(identifiers[index]!, sentAtMs);
      return token as Token;
    });
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

  #sawPresent(identifier: Identifier, refreshedAtMs: number): void {
    this.#present.delete(identifier);
    this.#present.set(identifier, refreshedAtMs);
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

function pairs<Answer>(
  identifiers: readonly Identifier[],
  answers: readonly Answer[],
): [Identifier, Answer][] {
  return identifiers.map((identifier, index) => [identifier, answers[index]!]);
}

function inOrderOf<Answer>(
  identifiers: readonly Identifier[],
  answers: ReadonlyMap<Identifier, Answer>,
): Answer[] {
  return identifiers.map(identifier => answers.get(identifier)!);
}

// Redis takes whole milliseconds only; rounded up, so that a lease is never shorter than asked.
function wholeMs(ms: number): string {
  return String(Math.ceil(ms));
}
