import { Injectable, Logger } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { type Fingerprint } from '../core/keys/cache-key.js';
import { type StoredResponse } from '../core/responses/stored-response.js';
import { type RoutePlan } from './route-plans.js';
import { within } from './within.js';

interface Sighting {
  readonly fingerprint: Fingerprint;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Slots remembered; of others the time of storing is known. */
const MAX_SIGHTINGS = 10_000;

/** Whether `plan` ever gives an outdated answer. */
export function mayBeStale(plan: RoutePlan): boolean {
  return plan.staleWhileRevalidateMs > 0 || plan.staleIfErrorMs > 0;
}

/** Knows how long answers have been outdated, and which of them are being renewed. */
@Injectable()
export class StaleAnswers {
  private readonly logger = new Logger('Alkey');
  private readonly sightings = new LRUCache<string, Sighting>({
    max: MAX_SIGHTINGS,
  });
  private readonly renewals = new Set<string>();

  /** The answer in `slot` was found to be current. */
  sawCurrent(plan: RoutePlan, slot: string, fingerprint: Fingerprint): void {
    if (mayBeStale(plan)) {
      this.sightings.set(slot, { fingerprint, at: Date.now() });
    }
  }

  /**
   * For how many milliseconds an answer has been outdated, at most: since this process last found it
   * current, or else since it was stored. When a write outdated it, nobody noted.
   */
  outdatedMs(slot: string, stale: StoredResponse): number {
    const sighting = this.sightings.get(slot);
    const current =
      sighting?.fingerprint === stale.fingerprint
        ? Math.max(sighting.at, stale.storedAt)
        : stale.storedAt;
    return Math.max(0, Date.now() - current);
  }

  /**
   * Runs `renew` unless the same is under way; for as long as the stale answer may be given nobody
   * begins another. A failure is for the log, as there is no client to hear it.
   */
  async renew(
    { name, staleWhileRevalidateMs }: RoutePlan,
    key: string,
    renew: () => Promise<unknown>,
  ): Promise<void> {
    if (this.renewals.has(key)) return;
    this.renewals.add(key);
    try {
      await within(staleWhileRevalidateMs, () =>
        renew().catch((error: unknown) => this.failed(name, error)),
      );
    } catch {
      // It takes longer, and what it answers is stored all the same.
    } finally {
      this.renewals.delete(key);
    }
  }

  /** A handler failed, and its client was given an outdated answer. */
  failed(name: string, error: unknown): void {
    this.logger.error(
      `${name} failed; an outdated answer was given instead.`,
      error instanceof Error ? error.stack : String(error),
    );
  }
}
