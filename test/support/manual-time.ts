import { type Timers } from '../../lib/core/tokens/timers.js';

interface Due {
  readonly atMs: number;
  readonly run: () => void;
}

/** A clock and timers that stand still until told. */
export class ManualTime {
  #nowMs = 1_000;
  readonly #due = new Set<Due>();

  readonly clock = (): number => this.#nowMs;

  readonly timers: Timers = {
    after: (ms, run) => {
      const due = { atMs: this.#nowMs + ms, run };
      this.#due.add(due);
      return () => void this.#due.delete(due);
    },
  };

  get pendingTimers(): number {
    return this.#due.size;
  }

  /** Lets `ms` pass in which the process does nothing at all. */
  standStill(ms: number): void {
    this.#nowMs += ms;
  }

  /** Lets `ms` pass, runs what falls due in its order, and waits for what that sets off. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await settled();
      const [next] = [...this.#due]
        .filter(due => due.atMs <= untilMs)
        .toSorted((a, b) => a.atMs - b.atMs);
      if (!next) break;
      this.#due.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
    this.#nowMs = untilMs;
    await settled();
  }
}

/** Everything that promises alone could do has been done. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
