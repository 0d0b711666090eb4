import { type Identifier } from '../identifiers/identifier.js';
import { type Timers } from '../tokens/timers.js';
import { type TokenStore } from '../tokens/token-store.js';
import { type Holder, mintHolder, type RandomBytes } from '../tokens/token.js';

export interface AnnouncerOptions {
  /** `strict`: hold before the commit; `commit`: replace after it. */
  readonly consistency: 'strict' | 'commit';
  /** How long a hold outlives a process that died, in milliseconds. */
  readonly leaseMs: number;
  /**
   * How often holds are renewed at least while they last, in milliseconds; each half of `leaseMs` in
   * any case.
   */
  readonly renewalMs?: number | undefined;
  /** How much longer a hold lasts after the commit, in milliseconds; 0: not at all. */
  readonly replicaLagMs: number;
  readonly randomBytes: RandomBytes;
  readonly timers: Timers;
  /** Milliseconds of a clock that never goes back. */
  readonly clock: () => number;
  /** Told what was announced and what changed; must not throw. */
  readonly onHeld: (identifiers: readonly Identifier[]) => void;
  readonly onReleased: (
    identifiers: readonly Identifier[],
    heldMs: number,
  ) => void;
  readonly onTouched: (identifiers: readonly Identifier[]) => void;
}

/** Announces commits to a token store and tells it how they ended. */
export class WriteAnnouncer {
  constructor(
    private readonly store: TokenStore,
    private readonly options: AnnouncerOptions,
  ) {}

  /**
   * A writer's announcement; nothing is held yet. `isAbandoned` is asked before each renewal: a
   * writer that went away without an end leaves its holds to their lease.
   */
  begin(isAbandoned: () => boolean): Announcement {
    return new Announcement(this.store, this.options, isAbandoned);
  }
}

/** One writer's announcement: from before its commit until after it. */
export class Announcement {
  private mintedHolder: Holder | undefined;
  private readonly held = new Set<Identifier>();
  /** `undefined`: nothing is held, or it is over. */
  private stopRenewing: (() => void) | undefined;
  private heldSince = 0;
  private renewedAtMs = -Infinity;

  constructor(
    private readonly store: TokenStore,
    private readonly options: AnnouncerOptions,
    private readonly isAbandoned: () => boolean,
  ) {}

  /** Made when it is first needed: most announcements of `consistency: 'commit'` never hold. */
  private get holder(): Holder {
    this.mintedHolder ??= mintHolder(this.options.randomBytes);
    return this.mintedHolder;
  }

  private get renewalMs(): number {
    const { leaseMs, renewalMs = Infinity } = this.options;
    return Math.min(renewalMs, leaseMs / 2);
  }

  /**
   * Holds what is not held yet, until `settle`. With `consistency: 'commit'` nothing is held.
   *
   * @throws TokenStoreError when the store did not take it; it counts as held all the same, since
   * it may have arrived
   */
  async hold(identifiers: readonly Identifier[]): Promise<void> {
    if (this.options.consistency === 'commit') return;
    const added = [...new Set(identifiers)].filter(
      identifier => !this.held.has(identifier),
    );
    if (added.length === 0) return;
    for (const identifier of added) this.held.add(identifier);
    if (!this.stopRenewing) {
      this.heldSince = this.options.clock();
      this.renewLater();
    }
    const { clock, leaseMs } = this.options;
    let sentAtMs: number;
    do {
      // Again where the process stood still, its renewals too, for so long that what was acknowledged
      // may be gone. Where the store is merely slow, they have been sent meanwhile.
      sentAtMs = clock();
      await this.store.hold(added, this.holder, leaseMs);
    } while (
      this.stopRenewing &&
      clock() - Math.max(sentAtMs, this.renewedAtMs) >= this.renewalMs
    );
    this.options.onHeld(added);
  }

  /**
   * Ends the announcement, and never rejects: the store reports its own failures and remembers what
   * it could not take. `changed` have been written, or may have been; of everything else that
   * was held nothing was.
   *
   * Tokens that nobody held are replaced first, and only then the holds dropped: a row whose key
   * was not known before is covered by them until then.
   */
  async settle(changed: readonly Identifier[]): Promise<void> {
    this.stopRenewing?.();
    this.stopRenewing = undefined;
    if (changed.length > 0) this.options.onTouched(changed);
    const unheld = changed.filter(identifier => !this.held.has(identifier));
    const unchanged = new Set(this.held);
    for (const identifier of changed) unchanged.delete(identifier);
    const written = changed.filter(identifier => this.held.has(identifier));
    await ended(this.replace(unheld));
    await Promise.all([
      ended(this.release(written, 'changed')),
      ended(this.release([...unchanged], 'unchanged')),
    ]);
    if (this.held.size > 0) {
      const heldMs = this.options.clock() - this.heldSince;
      this.options.onReleased([...this.held], heldMs);
    }
    this.held.clear();
  }

  private async replace(identifiers: readonly Identifier[]): Promise<void> {
    if (identifiers.length === 0) return;
    const { consistency, replicaLagMs } = this.options;
    if (replicaLagMs === 0 || consistency === 'commit') {
      await this.store.replace(identifiers);
      return;
    }
    // A replica may not have the rows yet that were just inserted; a release holds on for its lag
    // whether or not it was held before.
    await this.release(identifiers, 'changed');
  }

  private async release(
    identifiers: readonly Identifier[],
    outcome: 'changed' | 'unchanged',
  ): Promise<void> {
    if (identifiers.length === 0) return;
    const lagMs = outcome === 'changed' ? this.options.replicaLagMs : 0;
    await this.store.release(identifiers, this.holder, outcome, lagMs);
  }

  /** A slow commit renews its holds while it waits: their lease may end, and a store may lose them. */
  private renewLater(): void {
    const { clock, leaseMs, timers } = this.options;
    this.stopRenewing = timers.after(this.renewalMs, () => {
      this.stopRenewing = undefined;
      if (this.isAbandoned()) return;
      this.renewedAtMs = clock();
      void ended(this.store.hold([...this.held], this.holder, leaseMs));
      this.renewLater();
    });
  }
}

/** The store has reported the failure and remembers what it concerns. */
async function ended(operation: Promise<void>): Promise<void> {
  try {
    await operation;
  } catch {
    // Nothing to add: the data is written, and the caller must not hear of the cache.
  }
}
