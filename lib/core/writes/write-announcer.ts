import {
  type Identifier,
  insertingIdentifierOf,
} from '../identifiers/identifier.js';
import { RECOVERY_MS } from '../tokens/recovery.js';
import { type Timers } from '../tokens/timers.js';
import { type HoldOutcome, type TokenStore } from '../tokens/token-store.js';
import { type Holder, holderMint, type RandomBytes } from '../tokens/token.js';

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
  private readonly mintHolder: () => Holder;
  /** Ends of announcements that nobody waits for. */
  private readonly endings = new Set<Promise<void>>();

  constructor(
    private readonly store: TokenStore,
    private readonly options: AnnouncerOptions,
  ) {
    this.mintHolder = holderMint(options.randomBytes);
  }

  /**
   * A writer's announcement; nothing is held yet. `isAbandoned` is asked before each renewal: a
   * writer that went away without an end leaves its holds to their lease.
   */
  begin(isAbandoned: () => boolean): Announcement {
    return new Announcement(
      this.store,
      this.options,
      this.mintHolder(),
      isAbandoned,
      ending => this.watch(ending),
    );
  }

  /** Resolves when the store has been told of all that has ended, as far as it answers. */
  async settled(): Promise<void> {
    while (this.endings.size > 0) await Promise.all(this.endings);
  }

  private watch(ending: Promise<void>): void {
    this.endings.add(ending);
    void ending.then(() => this.endings.delete(ending));
  }
}

/** One writer's announcement: from before its commit until after it. */
export class Announcement {
  private readonly held = new Set<Identifier>();
  /** Holds that the store has not acknowledged. */
  private unacknowledged = 0;
  /** Until when everything that was acknowledged is held for certain, by the process's own clock. */
  private certainUntilMs = Infinity;
  /** `undefined`: nothing is held, or it is over. */
  private stopRenewing: (() => void) | undefined;
  private heldSince = 0;
  private renewedAtMs = -Infinity;

  constructor(
    private readonly store: TokenStore,
    private readonly options: AnnouncerOptions,
    private readonly holder: Holder,
    private readonly isAbandoned: () => boolean,
    /** Handed what goes on after `settle`, which never rejects. */
    private readonly goesOn: (ending: Promise<void>) => void,
  ) {}

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
    const added: Identifier[] = [];
    for (const identifier of identifiers) {
      if (this.held.has(identifier)) continue;
      this.held.add(identifier);
      added.push(identifier);
    }
    if (added.length === 0) return;
    if (!this.stopRenewing) {
      this.heldSince = this.options.clock();
      this.renewLater();
    }
    const { clock, leaseMs } = this.options;
    this.unacknowledged += 1;
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
    this.unacknowledged -= 1;
    this.certainUntilMs = Math.min(
      this.certainUntilMs,
      this.certainFrom(sentAtMs),
    );
    this.options.onHeld(added);
  }

  /**
   * Ends the announcement, and never rejects: the store reports its own failures and remembers what
   * it could not take. `changed` have been written, or may have been; of everything else that
   * was held nothing was.
   *
   * Waits for the store only where somebody could be served what the write has outdated meanwhile.
   * What is held for certain reads as held until its release has arrived, and if that never does,
   * until the lease has ended: either way the token from before the write is gone. So a caller who
   * has seen the commit succeed sees its effect, and so does everybody whom it tells.
   */
  async settle(changed: readonly Identifier[]): Promise<void> {
    this.stopRenewing?.();
    this.stopRenewing = undefined;
    if (changed.length > 0) this.options.onTouched(changed);
    if (this.held.size === 0) {
      await succeeds(this.replace(changed));
      return;
    }
    const isCovered = this.covers(changed);
    const unchanged = new Set(this.held);
    let late = 0;
    for (const identifier of changed) {
      if (!unchanged.delete(identifier)) late += 1;
    }
    const told = succeeds(this.release(changed, 'changed'));
    // What covers tokens that nobody held is let go when these have changed, and not before; where the
    // store does not say that they have, it changes as well.
    const outcome = late === 0 || (await told) ? 'unchanged' : 'changed';
    const restored = succeeds(this.release([...unchanged], outcome));
    const ending = this.ended(told, restored);
    if (isCovered) this.goesOn(ending);
    else await ending;
  }

  /** Whether no token of these is read before the store has learned of the end. */
  private covers(changed: readonly Identifier[]): boolean {
    return (
      this.unacknowledged === 0 &&
      this.options.clock() < this.certainUntilMs &&
      changed.every(identifier => {
        if (this.held.has(identifier)) return true;
        // A row whose key was not known before: whoever asks for its token asks for this one as well.
        const inserting = insertingIdentifierOf(identifier);
        return inserting !== undefined && this.held.has(inserting);
      })
    );
  }

  private async ended(...releases: readonly Promise<boolean>[]): Promise<void> {
    await Promise.all(releases);
    const heldMs = this.options.clock() - this.heldSince;
    this.options.onReleased([...this.held], heldMs);
    this.held.clear();
  }

  private async replace(identifiers: readonly Identifier[]): Promise<void> {
    if (identifiers.length === 0) return;
    const { consistency, replicaLagMs } = this.options;
    if (replicaLagMs === 0 || consistency === 'commit') {
      await this.store.replace(identifiers);
      return;
    }
    // A replica may not have the rows yet that were just written; a release holds on for its lag
    // whether or not it was held before.
    await this.release(identifiers, 'changed');
  }

  private async release(
    identifiers: readonly Identifier[],
    outcome: HoldOutcome,
  ): Promise<void> {
    if (identifiers.length === 0) return;
    const lagMs = outcome === 'changed' ? this.options.replicaLagMs : 0;
    await this.store.release(identifiers, this.holder, outcome, lagMs);
  }

  /**
   * Half the lease is left to the store's clock, which may run differently. A store that lost its
   * data may give others a token `RECOVERY_MS` later, unless the hold was renewed by then.
   */
  private certainFrom(sentAtMs: number): number {
    return sentAtMs + Math.min(this.options.leaseMs / 2, RECOVERY_MS);
  }

  /** A slow commit renews its holds while it waits: their lease may end, and a store may lose them. */
  private renewLater(): void {
    const { clock, timers } = this.options;
    this.stopRenewing = timers.after(this.renewalMs, () => {
      this.stopRenewing = undefined;
      if (this.isAbandoned()) return;
      this.renewedAtMs = clock();
      void succeeds(this.renew(this.renewedAtMs));
      this.renewLater();
    });
  }

  private async renew(sentAtMs: number): Promise<void> {
    const { leaseMs } = this.options;
    await this.store.hold([...this.held], this.holder, leaseMs);
    this.certainUntilMs = Math.max(
      this.certainUntilMs,
      this.certainFrom(sentAtMs),
    );
  }
}

/** Never rejects: the store has reported the failure and remembers what it concerns. */
async function succeeds(operation: Promise<void>): Promise<boolean> {
  try {
    await operation;
    return true;
  } catch {
    // Nothing to add: the data is written, and the caller must not hear of the cache.
    return false;
  }
}
