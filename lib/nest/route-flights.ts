import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { type Dependency } from '../core/identifiers/dependency.js';
import { type BypassReason } from '../core/responses/cacheability.js';
import { SingleFlight } from '../core/single-flight.js';
import { olderRunOver } from './older-runs.js';
import { type HandlerRun } from './response-capture.js';
import { ResponseStore } from './response-store.js';

/** What one run of a handler gave, and what it depends on. */
export interface Made {
  readonly run: HandlerRun;
  readonly dependencies: readonly Dependency[];
  /** Of a read that nobody understands, what stands in the way. */
  readonly why?: string | undefined;
}

/** Slots remembered whose answers are nobody else's; of others requests wait in vain for a run. */
const MAX_UNSHARED = 10_000;

/** They pass: the next answer may be one for others. */
const PASSING: ReadonlySet<BypassReason> = new Set([
  'held',
  'store-unavailable',
]);

/** Runs of handlers that requests share. */
@Injectable()
export class RouteFlights {
  private readonly runs = new SingleFlight<string, Made>();
  private readonly unshared = new LRUCache<string, true>({ max: MAX_UNSHARED });

  constructor(private readonly responses: ResponseStore) {}

  /** How many runs have begun until now. */
  get begun(): number {
    return this.runs.begun;
  }

  /** Whether the last answer of this flight was for one request alone, so that waiting for another is in vain. */
  isForOne(key: string): boolean {
    return this.unshared.has(key);
  }

  /** Whether a run is under way that may be shared by whoever asked `since`. */
  has(key: string, since?: number): boolean {
    return this.runs.has(key, since);
  }

  /** Whether one is under way that began before that. */
  hasOlder(key: string, since: number): boolean {
    return this.runs.hasOlder(key, since);
  }

  /** Waits until that one is over, or hangs. */
  olderOver(key: string): Promise<void> {
    return olderRunOver(this.runs, key);
  }

  /** Joins the run under way, or begins one. */
  run(
    key: string,
    since: number | undefined,
    produce: () => Promise<Made>,
  ): Promise<Made> {
    return this.runs.run(
      key,
      produce,
      ({ run }) => (run.response ? this.responses.arrived() : undefined),
      since,
    );
  }

  /** A run of a recorded handler ended with this. */
  sawMade(key: string, { reason }: HandlerRun): void {
    if (reason === undefined) this.unshared.delete(key);
    else if (!PASSING.has(reason)) this.unshared.set(key, true);
  }
}
