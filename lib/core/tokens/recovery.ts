/**
 * How long no token is trusted after a store may have lost holds: its data are gone or from before,
 * another server has taken its place, or the connection to it broke. Milliseconds.
 *
 * By its end every writer that is alive has announced itself again: it renews its holds every
 * `RENEWAL_MS`, and what a process could not tell the store it repeats every `RETRY_MS`. A writer
 * that died is not there to do so; its COMMIT, if it was sent, has reached the database long before.
 */
export const RECOVERY_MS = 500;

/** How often a writer renews its holds in a store that may lose them, in milliseconds. */
export const RENEWAL_MS = 200;

/** How long to wait before a store that failed is told again, in milliseconds. */
export const RETRY_MS = 100;

/**
 * Whether a server has been there for long enough to be trusted after it was away: others may still
 * owe it what they wrote meanwhile.
 */
export class Recovery {
  readonly #clock: () => number;
  #isAway = false;
  #settledFromMs = -Infinity;

  /** `clock`: milliseconds of a clock that never goes back. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  get isSettled(): boolean {
    return !this.#isAway && this.#clock() >= this.#settledFromMs;
  }

  failed(): void {
    this.#isAway = true;
  }

  /** Safe to repeat. */
  answered(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#settledFromMs = this.#clock() + RECOVERY_MS;
  }
}
