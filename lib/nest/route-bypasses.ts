import { Injectable } from '@nestjs/common';
import { type Observable, tap } from 'rxjs';
import {
  type Dependency,
  identifiersOf,
} from '../core/identifiers/dependency.js';
import { type BypassReason } from '../core/responses/cacheability.js';
import { BypassReports } from './bypass-reports.js';
import { RouteHeaders } from './route-headers.js';
import { type RoutePlan } from './route-plans.js';
import { type Visit } from './route-visit.js';

/** Lets requests pass by the cache, and says why. */
@Injectable()
export class RouteBypasses {
  constructor(
    private readonly headers: RouteHeaders,
    private readonly reports: BypassReports,
  ) {}

  pass(
    { plan, exchange, next }: Visit,
    reason: BypassReason,
    dependencies: readonly Dependency[] = [],
  ): Observable<unknown> {
    const said = { forward: 'bypass', detail: reason } as const;
    this.headers.report(exchange, said, dependencies);
    this.report(plan, reason, dependencies);
    if (plan.untouched) return next.handle();
    return next.handle().pipe(tap(() => this.headers.dress(plan, exchange)));
  }

  report(
    { name }: RoutePlan,
    reason: BypassReason,
    dependencies: readonly Dependency[],
    why?: string,
  ): void {
    const identifiers = identifiersOf(dependencies);
    this.reports.report('http', name, reason, identifiers, why);
  }
}
