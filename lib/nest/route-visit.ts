import { type CallHandler, type ExecutionContext } from '@nestjs/common';
import { type Dependency } from '../core/identifiers/dependency.js';
import { type Identifier } from '../core/identifiers/identifier.js';
import { type Fingerprint } from '../core/keys/cache-key.js';
import { type HttpExchange } from './http-exchange.js';
import { type RoutePlan } from './route-plans.js';

/** A request on its way: what it asks, and what its route says. */
export interface Visit {
  readonly plan: RoutePlan;
  readonly exchange: HttpExchange;
  readonly context: ExecutionContext;
  readonly next: CallHandler;
  /** How many runs beside the cache had begun when it first found a writer about to commit. */
  heldAfter?: number;
  /** Whether it has waited for a run of its recorded handler that had begun before. */
  hasWaited?: boolean;
}

/** What a request asks for, and under which tokens. */
export interface Wanted {
  readonly slot: string;
  readonly fingerprint: Fingerprint;
  readonly dependencies: readonly Dependency[];
  /** What the tokens are of. */
  readonly identifiers: readonly Identifier[];
}
