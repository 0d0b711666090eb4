import { type Timers } from './tokens/timers.js';

/** Says who among several processes makes something. Every operation may fail. */
export interface RunLeases {
  /** Whether `owner` makes it for the next `leaseMs`: nobody else does, or it did before. */
  take(key: string, owner: string, leaseMs: number): Promise<boolean>;
  isTaken(key: string): Promise<boolean>;
  /** Ends the lease of `owner`; safe where it has ended. */
  drop(key: string, owner: string): Promise<void>;
}

export interface ClusterFlightOptions {
  readonly leases: RunLeases;
  /** Milliseconds anybody waits for an answer of the leases before going on as if there were none. */
  readonly leaseTimeoutMs: number;
  readonly newOwner: () => string;
  readonly timers: Timers;
  /** Milliseconds of a clock that never goes back. */
  readonly clock: () => number;
}

/** How long a process that died keeps the others waiting, in milliseconds. */
const LEASE_MS = 1_000;
/** How long anybody waits for another process, in milliseconds; then it runs by itself. */
const LONGEST_WAIT_MS = 5_000;
const POLL_MS = 20;

/**
 * Lets several processes share one run. Those that come later look for its outcome, until it is
 * there, its process is gone, or they have waited long enough; then they run by themselves.
 */
export class ClusterFlight {
  readonly #options: ClusterFlightOptions;

  constructor(options: ClusterFlightOptions) {
    this.#options = options;
  }

  /**
   * What `produce` makes, or what `find` finds of what another process made meanwhile. Rejects as
   * these do, never for want of a lease. Others can find what `produce` made when it resolves.
   */
  async run<Made>(
    key: string,
    find: () => Promise<Made | undefined>,
    produce: () => Promise<Made>,
  ): Promise<Made> {
    const { leases, newOwner } = this.#options;
    const owner = newOwner();
    const isFirst = await this.#asked(true, leases.take(key, owner, LEASE_MS));
    if (!isFirst) return (await this.#follow(key, find)) ?? produce();
    const stop = this.#renew(key, owner);
    try {
      return await produce();
    } finally {
      stop();
      // Not waited for: if it fails, it ends by itself.
      void this.#asked(undefined, leases.drop(key, owner));
    }
  }

  async #follow<Made>(
    key: string,
    find: () => Promise<Made | undefined>,
  ): Promise<Made | undefined> {
    const { clock, leases } = this.#options;
    const untilMs = clock() + LONGEST_WAIT_MS;
    while (clock() < untilMs) {
      await this.#sleep(POLL_MS);
      // Asked before looking: what is made before its end is there to be found.
      const isTaken = await this.#asked(false, leases.isTaken(key));
      const found = await find();
      if (found !== undefined || !isTaken) return found;
    }
    return undefined;
  }

  #renew(key: string, owner: string): () => void {
    const { leases, timers } = this.#options;
    let stop: (() => void) | undefined;
    const renewLater = (): void => {
      stop = timers.after(LEASE_MS / 3, () => {
        void this.#asked(true, leases.take(key, owner, LEASE_MS));
        renewLater();
      });
    };
    renewLater();
    return () => stop?.();
  }

  #sleep(ms: number): Promise<void> {
    return new Promise(resolve => {
      this.#options.timers.after(ms, resolve);
    });
  }

  /** What the leases answer; `otherwise` where they fail, or do not in time. */
  #asked<Value>(otherwise: Value, asked: Promise<Value>): Promise<Value> {
    const { leaseTimeoutMs, timers } = this.#options;
    return new Promise(resolve => {
      const cancel = timers.after(leaseTimeoutMs, () => resolve(otherwise));
      const end = (answer: Value): void => {
        cancel();
        resolve(answer);
      };
      asked.then(end, () => end(otherwise));
    });
  }
}
