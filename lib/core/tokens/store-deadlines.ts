import { type Identifier } from '../identifiers/identifier.js';
import { Deadline } from './deadline.js';
import { type Timers } from './timers.js';
import {
  TokenStoreError,
  type TokenStoreOperation,
} from './token-store-error.js';

export interface StoreDeadlinesOptions {
  /**
   * Milliseconds an operation on up to a thousand identifiers may take; as long again for each
   * further thousand.
   */
  readonly storeTimeoutMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly clock: () => number;
  readonly timers: Timers;
}

const IDENTIFIERS_PER_TIMEOUT = 1_000;

/** Ends operations of a store that take longer than their number of identifiers allows. */
export class StoreDeadlines {
  readonly #options: StoreDeadlinesOptions;
  /** By how many times the timeout they allow. */
  readonly #deadlines = new Map<number, Deadline>();

  constructor(options: StoreDeadlinesOptions) {
    this.#options = options;
  }

  /**
   * The answer of `call`; what comes after its time is ignored.
   *
   * @throws TokenStoreError `'timeout'`
   */
  inTime<Answer>(
    operation: TokenStoreOperation,
    identifiers: readonly Identifier[],
    call: () => Promise<Answer>,
  ): Promise<Answer> {
    const { clock, storeTimeoutMs, timers } = this.#options;
    const shares = Math.ceil(identifiers.length / IDENTIFIERS_PER_TIMEOUT);
    const timeoutMs = storeTimeoutMs * shares;
    let deadline = this.#deadlines.get(shares);
    if (!deadline) {
      deadline = new Deadline(timeoutMs, clock, timers);
      this.#deadlines.set(shares, deadline);
    }
    return deadline.of(
      call,
      () =>
        new TokenStoreError(operation, identifiers, {
          why: 'timeout',
          timeoutMs,
        }),
    );
  }

  /** Stops the timers; calls under way are then waited for without an end. */
  close(): void {
    for (const deadline of this.#deadlines.values()) deadline.close();
  }
}
