import { type Identifier } from '../identifiers/identifier.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { RETRY_MS } from './recovery.js';
import {
  StoreDeadlines,
  type StoreDeadlinesOptions,
} from './store-deadlines.js';
import { HELD, type Held, type Holder, type Token } from './token.js';
import { TokenDebts, type TokenDebt } from './token-debts.js';
import {
  TokenStoreError,
  type TokenStoreOperation,
} from './token-store-error.js';
import { TokenStore, type HoldOutcome } from './token-store.js';

/** What a guarded store tells; it names no identifier and no token. */
export type TokenStoreEvent =
  | {
      readonly type: 'store-error';
      readonly operation: TokenStoreOperation;
      /** How many identifiers the operation named. */
      readonly identifiers: number;
      readonly error: TokenStoreError;
    }
  | {
      /** The store answers again and is owed nothing: tokens are trusted again. */
      readonly type: 'store-recovered';
      readonly operation: TokenStoreOperation;
      readonly identifiers: number;
    };

export interface GuardedTokenStoreOptions extends StoreDeadlinesOptions {
  readonly store: TokenStore;
  /** Told of failures and of their end. Must not throw. */
  readonly onEvent: (event: TokenStoreEvent) => void;
  /** Identifiers owed to the store before whole tables are owed instead. @default 10_000 */
  readonly maxDebts?: number;
}

const FAILURES_TO_PAUSE = 3;

/**
 * A store at the edge of the process: no call takes longer than it may, a store that is away is not
 * asked all the time, and what it did not acknowledge is made up for.
 *
 * An operation that fails rejects with `TokenStoreError`; an answer that comes later is ignored, but
 * the store may have done what it was asked, or may do it later still. So what failed is owed:
 *
 * - A `hold` is sent again until the store has it or its writer has ended. If the commit goes on
 *   without it, other processes may serve what they know for as long as the release takes to
 *   arrive; this one does not.
 * - A `release` or `replace` is sent again until the store has it. Where the hold had arrived,
 *   nobody is served anything stale meanwhile: it ends by itself, and its token with it.
 * - A `hold` that arrives after its own release reads as held for its lease and no longer.
 *
 * While anything is owed `read` answers `HELD` for everything. What is owed is known to this process
 * alone: if it dies before it could pay, a hold that had arrived ends by its lease, but where none
 * had, tokens that should have changed live on until the next write, or until they expire unread.
 */
export class GuardedTokenStore extends TokenStore {
  readonly #store: TokenStore;
  readonly #options: GuardedTokenStoreOptions;
  readonly #breaker: CircuitBreaker;
  readonly #debts: TokenDebts;
  readonly #deadlines: StoreDeadlines;
  #lastError: TokenStoreError | undefined;
  #isPaying = false;
  #cancelRetry: (() => void) | undefined;
  #isClosed = false;

  constructor(options: GuardedTokenStoreOptions) {
    super();
    this.#store = options.store;
    this.#options = options;
    this.#breaker = new CircuitBreaker({
      clock: options.clock,
      failuresToOpen: FAILURES_TO_PAUSE,
      pauseMs: RETRY_MS,
    });
    this.#debts = new TokenDebts(options.maxDebts ?? 10_000);
    this.#deadlines = new StoreDeadlines(options);
  }

  override async read(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    if (identifiers.length === 0) return [];
    if (this.#debts.isEmpty) {
      const answers = await this.#ask('read', identifiers, () =>
        this.#store.read(identifiers),
      );
      if (this.#debts.isEmpty) return answers;
    }
    void this.#payDebts();
    return identifiers.map(() => HELD);
  }

  override peek(
    identifiers: readonly Identifier[],
  ): readonly (Token | Held)[] | undefined {
    return this.#debts.isEmpty ? this.#store.peek(identifiers) : undefined;
  }

  override async hold(
    identifiers: readonly Identifier[],
    holder: Holder,
    leaseMs: number,
  ): Promise<void> {
    if (identifiers.length === 0) return;
    const untilMs = this.#options.clock() + leaseMs;
    try {
      await this.#ask('hold', identifiers, () =>
        this.#store.hold(identifiers, holder, leaseMs),
      );
      this.#debts.held(holder, identifiers);
    } catch (error) {
      this.#owe({ operation: 'hold', identifiers, holder, leaseMs, untilMs });
      throw error;
    }
  }

  override async release(
    identifiers: readonly Identifier[],
    holder: Holder,
    outcome: HoldOutcome,
    lagMs = 0,
  ): Promise<void> {
    // Owed still, until the store has acknowledged: otherwise this process would trust, for the time
    // of this call, tokens that the commit has outdated.
    const owed = this.#debts.ended(holder, outcome, lagMs);
    if (identifiers.length === 0) return;
    try {
      await this.#ask('release', identifiers, () =>
        this.#store.release(identifiers, holder, outcome, lagMs),
      );
    } catch (error) {
      this.#owe({ operation: 'release', identifiers, holder, outcome, lagMs });
      throw error;
    }
    if (owed.length === 0) return;
    const released = new Set(identifiers);
    for (const debt of owed) {
      if (debt.identifiers.every(each => released.has(each))) {
        this.#paid(debt);
      }
    }
  }

  override async replace(identifiers: readonly Identifier[]): Promise<void> {
    if (identifiers.length === 0) return;
    try {
      await this.#ask('replace', identifiers, () =>
        this.#store.replace(identifiers),
      );
    } catch (error) {
      this.#owe({ operation: 'replace', identifiers });
      throw error;
    }
  }

  /** Not owed when it fails: the token that was there is as good as before. */
  override async write(identifier: Identifier, token: Token): Promise<void> {
    await this.#ask('write', [identifier], () =>
      this.#store.write(identifier, token),
    );
  }

  /** Tries once more to pay what is owed, then closes the store. */
  override async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry?.();
    await this.#payDebts();
    await this.#store.close();
    this.#deadlines.close();
  }

  async #ask<Answer>(
    operation: TokenStoreOperation,
    identifiers: readonly Identifier[],
    call: () => Promise<Answer>,
  ): Promise<Answer> {
    // What is written is announced in any case: a hold that comes late is better than none.
    if (isForRequests(operation) && !this.#breaker.admits()) {
      throw new TokenStoreError(operation, identifiers, {
        why: 'refused',
        cause: this.#lastError,
      });
    }
    try {
      const answer = await this.#deadlines.inTime(operation, identifiers, call);
      this.#breaker.succeeded();
      this.#tellIfRecovered(operation, identifiers);
      return answer;
    } catch (cause) {
      const error =
        cause instanceof TokenStoreError
          ? cause
          : new TokenStoreError(operation, identifiers, {
              why: 'failed',
              cause,
            });
      if (error.why === 'rejected') this.#breaker.succeeded();
      else this.#breaker.failed();
      this.#lastError = error;
      this.#options.onEvent({
        type: 'store-error',
        operation,
        identifiers: identifiers.length,
        error,
      });
      throw error;
    }
  }

  #owe(debt: TokenDebt): void {
    this.#debts.owe(debt);
    this.#retryLater();
  }

  #paid(debt: TokenDebt): void {
    this.#debts.paid(debt);
    this.#tellIfRecovered(debt.operation, debt.identifiers);
  }

  #tellIfRecovered(
    operation: TokenStoreOperation,
    { length: identifiers }: readonly Identifier[],
  ): void {
    if (!this.#lastError || !this.#debts.isEmpty) return;
    this.#lastError = undefined;
    this.#options.onEvent({ type: 'store-recovered', operation, identifiers });
  }

  #retryLater(): void {
    if (this.#isClosed || this.#cancelRetry) return;
    this.#cancelRetry = this.#options.timers.after(RETRY_MS, () => {
      this.#cancelRetry = undefined;
      void this.#payDebts();
    });
  }

  /** Never rejects: what fails is told by an event, and tried again later. */
  async #payDebts(): Promise<void> {
    if (this.#isPaying || this.#debts.isEmpty) return;
    this.#isPaying = true;
    try {
      const [first, ...others] = this.#debts.due(this.#options.clock());
      // The first alone, because a store that was away is asked one thing at a time.
      if (first && (await this.#pay(first))) {
        await Promise.all(others.map(debt => this.#pay(debt)));
      }
    } finally {
      this.#isPaying = false;
    }
    if (!this.#debts.isEmpty) this.#retryLater();
  }

  async #pay(debt: TokenDebt): Promise<boolean> {
    try {
      await this.#ask(debt.operation, debt.identifiers, () => this.#tell(debt));
    } catch {
      return false;
    }
    this.#paid(debt);
    return true;
  }

  #tell(debt: TokenDebt): Promise<void> {
    const { identifiers } = debt;
    switch (debt.operation) {
      case 'hold':
        return this.#store.hold(identifiers, debt.holder, debt.leaseMs);
      case 'release':
        return this.#store.release(
          identifiers,
          debt.holder,
          debt.outcome,
          debt.lagMs,
        );
      case 'replace':
        return this.#store.replace(identifiers);
    }
  }
}

function isForRequests(operation: TokenStoreOperation): boolean {
  return operation === 'read' || operation === 'write';
}
