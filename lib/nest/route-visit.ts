import { type CallHandler, type ExecutionContext } from '@nestjs/common';
import { type Observable } from 'rxjs';
import {
  type Dependency,
  dependenciesOn,
} from '../core/identifiers/dependency.js';
import { type Identifier } from '../core/identifiers/identifier.js';
import { type Fingerprint } from '../core/keys/cache-key.js';
import { type KnownTokens } from '../core/reads/recording.js';
import { type StoredResponse } from '../core/responses/stored-response.js';
import { type HeaderMap, type HttpExchange } from './http-exchange.js';
import { type RoutePlan } from './route-plans.js';

/** A request on its way: what it asks, and what its route says. */
export interface Visit {
  readonly plan: RoutePlan;
  readonly exchange: HttpExchange;
  readonly context: ExecutionContext;
  readonly next: CallHandler;
  /** How many runs beside the cache had begun when it first found a writer about to commit. */
  heldAfter?: number;
  /** How many runs had begun when it asked for what a recorded handler answers. */
  since?: number;
  /** Whether it has waited for a run that had begun before. */
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

/** An answer that is to be made. */
export interface MissedAnswer {
  readonly slot: string;
  /** What it depends on, under which tokens; `undefined`: what the handler reads is recorded. */
  readonly declared: Wanted | undefined;
  /** Where it is recorded: the tokens that were read already, and how to look once more. */
  readonly recorded?: {
    readonly known: KnownTokens;
    readonly since: number;
    readonly again: () => Promise<Observable<unknown>>;
  };
  readonly outdated: boolean;
  /** The one that it is to replace, where the route may give it. */
  readonly stale: StoredResponse | undefined;
}

export interface Missed extends MissedAnswer {
  /** As the response stood before. */
  readonly headers: HeaderMap;
  readonly status: number;
}

/** As far as they are known before the run. */
export function dependenciesOf({
  declared,
  stale,
}: MissedAnswer): readonly Dependency[] {
  return declared
    ? declared.dependencies
    : dependenciesOn(stale?.identifiers ?? []);
}
