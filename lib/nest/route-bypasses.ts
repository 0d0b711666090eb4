import { Injectable, Logger } from '@nestjs/common';
import { type Observable, tap } from 'rxjs';
import {
  type Dependency,
  identifiersOf,
} from '../core/identifiers/dependency.js';
import { type BypassReason } from '../core/responses/cacheability.js';
import { AlkeyEvents } from './alkey-events.js';
import { OncePerText } from './once-per-text.js';
import { RouteHeaders } from './route-headers.js';
import { type RoutePlan } from './route-plans.js';
import { type Visit } from './route-visit.js';

/** Lets requests pass by the cache, and says why. */
@Injectable()
export class RouteBypasses {
  private readonly logger = new Logger('Alkey');
  private readonly told = new OncePerText();

  constructor(
    private readonly headers: RouteHeaders,
    private readonly events: AlkeyEvents,
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
  ): void {
    const identifiers = identifiersOf(dependencies);
    this.events.emit('bypass', { source: 'http', name, reason, identifiers });
    if (reason !== 'credentials') return;
    this.told.run(name, () =>
      this.logger.warn(
        `${name} is not cached for requests with credentials (Authorization, Cookie or request.user), because its scope is 'anonymous'. ` +
          "Give @CacheKeyed a `scope`: 'shared' where its answer is the same for all, or a function that says whose it is. Logged once for each route.",
      ),
    );
  }
}
