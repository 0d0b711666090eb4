import { randomBytes } from 'node:crypto';
import { type Identifier } from '../core/identifiers/identifier.js';
import { MemoryTokenStore } from '../core/tokens/memory-token-store.js';
import { systemClock } from '../core/tokens/timers.js';
import { type HoldOutcome, TokenStore } from '../core/tokens/token-store.js';
import { type TokenStoreOperation } from '../core/tokens/token-store-error.js';
import { type Held, type Holder, type Token } from '../core/tokens/token.js';

/**
 * How a store goes wrong: it refuses (`'down'`), does what it is asked but its answer is lost
 * (`'mute'`), or does it only when told to (`'late'`); without an answer either way.
 */
export type Fault = 'none' | 'down' | 'mute' | 'late';

/** What a store is asked to do. */
export type StoreOperation = TokenStoreOperation;

interface PlannedFault {
  readonly operation: StoreOperation | 'any';
  readonly fault: Fault;
  callsBefore: number;
}

/** A real store whose connection can be broken. */
export class FaultyTokenStore extends TokenStore {
  /** What becomes of every call that nothing else was planned for. */
  fault: Fault = 'none';
  /** What was asked of it, in order: `hold alkey:users#1`. */
  readonly asked: string[] = [];
  readonly #store: TokenStore;
  readonly #late: (() => Promise<unknown>)[] = [];
  #planned: readonly PlannedFault[] = [];

  /** `store` does the work; by default one in memory. */
  constructor(store: TokenStore = memoryStore()) {
    super();
    this.#store = store;
  }

  /**
   * Lets one call go wrong: the `nth` of this operation from now on, counted from 1. Several plans
   * count independently; of those that meet in one call the first decides.
   */
  failOn(
    operation: StoreOperation | 'any',
    nth = 1,
    fault: Exclude<Fault, 'none'> = 'down',
  ): void {
    const plan = { operation, fault, callsBefore: nth - 1 };
    this.#planned = [...this.#planned, plan];
  }

  /** Carries out what came while the fault was `'late'`. */
  async deliver(): Promise<void> {
    for (const run of this.#late.splice(0)) await run();
  }

  override read(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    return this.#run('read', identifiers, () => this.#store.read(identifiers));
  }

  override hold(
    identifiers: readonly Identifier[],
    holder: Holder,
    leaseMs: number,
  ): Promise<void> {
    return this.#run('hold', identifiers, () =>
      this.#store.hold(identifiers, holder, leaseMs),
    );
  }

  override release(
    identifiers: readonly Identifier[],
    holder: Holder,
    outcome: HoldOutcome,
    lagMs?: number,
  ): Promise<void> {
    return this.#run('release', identifiers, () =>
      this.#store.release(identifiers, holder, outcome, lagMs),
    );
  }

  override replace(identifiers: readonly Identifier[]): Promise<void> {
    return this.#run('replace', identifiers, () =>
      this.#store.replace(identifiers),
    );
  }

  override write(identifier: Identifier, token: Token): Promise<void> {
    return this.#run('write', [identifier], () =>
      this.#store.write(identifier, token),
    );
  }

  override close(): Promise<void> {
    this.asked.push('close');
    return this.#store.close();
  }

  async #run<Answer>(
    operation: StoreOperation,
    identifiers: readonly Identifier[],
    call: () => Promise<Answer>,
  ): Promise<Answer> {
    this.asked.push(`${operation} ${identifiers.join(' ')}`);
    switch (this.#nextFault(operation)) {
      case 'none':
        return call();
      case 'down':
        throw new Error('The store is down.');
      case 'mute':
        await call();
        return never();
      case 'late':
        this.#late.push(call);
        return never();
    }
  }

  #nextFault(operation: StoreOperation): Fault {
    const counted = this.#planned.filter(
      plan => plan.operation === 'any' || plan.operation === operation,
    );
    const due = counted.filter(plan => plan.callsBefore === 0);
    for (const plan of counted) plan.callsBefore -= 1;
    this.#planned = this.#planned.filter(plan => !due.includes(plan));
    return due[0]?.fault ?? this.fault;
  }
}

function memoryStore(): TokenStore {
  return new MemoryTokenStore({
    clock: systemClock,
    randomBytes,
    tokenTtlMs: 86_400_000,
    maxTokens: 100_000,
  });
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
