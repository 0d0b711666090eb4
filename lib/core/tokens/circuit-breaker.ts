export interface CircuitBreakerOptions {
  /** Milliseconds of a clock that never goes back. */
  readonly clock: () => number;
  /** Failures in a row after which calls are refused. */
  readonly failuresToOpen: number;
  /** Milliseconds of refusing before one call is let through to see. */
  readonly pauseMs: number;
}

/**
 * Decides whether a call is worth making: after several failures in a row none is for a short
 * while, then one at a time until one succeeds.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #failuresInARow = 0;
  #pausedUntilMs: number | undefined;
  #isProbing = false;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  /** Whether to make the call; how it ended is to be said, as of calls that are made in any case. */
  admits(): boolean {
    if (this.#pausedUntilMs === undefined) return true;
    if (this.#isProbing || this.#options.clock() < this.#pausedUntilMs) {
      return false;
    }
    this.#isProbing = true;
    return true;
  }

  succeeded(): void {
    this.#failuresInARow = 0;
    this.#pausedUntilMs = undefined;
    this.#isProbing = false;
  }

  failed(): void {
    const { clock, failuresToOpen, pauseMs } = this.#options;
    this.#failuresInARow += 1;
    if (this.#failuresInARow < failuresToOpen) return;
    this.#pausedUntilMs = clock() + pauseMs;
    this.#isProbing = false;
  }
}
