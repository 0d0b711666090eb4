import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
} from '@nestjs/common';
import { defer, from, type Observable, of, switchMap } from 'rxjs';
import {
  type Dependency,
  identifiersOf,
} from '../core/identifiers/dependency.js';
import { fingerprintOf } from '../core/keys/cache-key.js';
import { confirmedTag } from '../core/responses/entity-tag.js';
import { AlkeyEvents } from './alkey-events.js';
import { httpExchange } from './http-exchange.js';
import { type Handler } from './nest-metadata.js';
import { ResponseCapture } from './response-capture.js';
import { ResponseStore } from './response-store.js';
import { RouteBypasses } from './route-bypasses.js';
import { RouteHeaders } from './route-headers.js';
import { RoutePlans } from './route-plans.js';
import { RouteRequests } from './route-requests.js';
import { RouteRuns } from './route-runs.js';
import { type Visit, type Wanted } from './route-visit.js';
import { mayBeStale, StaleAnswers } from './stale-answers.js';
import { TokenReader } from './token-reader.js';

/** Serves cached routes: from the store where nothing was written, else by their handlers. */
@Injectable()
export class RouteResponses {
  constructor(
    private readonly plans: RoutePlans,
    private readonly requests: RouteRequests,
    private readonly reader: TokenReader,
    private readonly responses: ResponseStore,
    private readonly capture: ResponseCapture,
    private readonly headers: RouteHeaders,
    private readonly bypasses: RouteBypasses,
    private readonly runs: RouteRuns,
    private readonly stale: StaleAnswers,
    private readonly events: AlkeyEvents,
  ) {}

  serve(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const plan = this.plans.planOf(
      context.getClass(),
      context.getHandler() as Handler,
    );
    if (!plan) return next.handle();
    const exchange = httpExchange(context);
    // A handler for all methods: what it answers to the others is none of a cache's business.
    if (exchange.method !== 'GET' && exchange.method !== 'HEAD') {
      return next.handle();
    }
    const visit: Visit = { plan, exchange, context, next };
    if (plan.untouched) return this.bypasses.pass(visit, 'response-handled');
    return from(this.lookUp(visit)).pipe(switchMap(answer => answer));
  }

  /** The stored answer, or the handler's, as an observable of one value. */
  private async lookUp(visit: Visit): Promise<Observable<unknown>> {
    const { plan, exchange, context } = visit;
    const asked = await this.requests.ask(plan, exchange, context);
    if (asked.reason !== undefined)
      return this.bypasses.pass(visit, asked.reason);
    const { slot, dependencies } = asked;
    const identifiers = identifiersOf(dependencies);
    const reading = await this.reader.read(identifiers);
    if (reading.kind !== 'tokens') {
      return this.bypasses.pass(visit, reading.kind, dependencies);
    }
    const fingerprint = fingerprintOf(identifiers, reading.tokens);
    const wanted: Wanted = { slot, fingerprint, dependencies };
    if (this.confirms(visit, wanted)) return of(undefined);
    const orStale = mayBeStale(plan);
    const found = await this.responses.lookUp(slot, fingerprint, { orStale });
    const { response, outdated, stale } = found;
    const body = response && this.capture.restore(plan, response, exchange);
    if (response && body) {
      this.stale.sawCurrent(plan, slot, fingerprint);
      const ageMs = Date.now() - response.storedAt;
      this.hit(visit, dependencies, ageMs, plan.ttlMs - ageMs);
      return of(this.headers.bodyFor(plan, exchange, body.value));
    }
    // HEAD has no body to store.
    if (exchange.method !== 'GET') {
      return this.bypasses.pass(visit, 'method', dependencies);
    }
    // Deferred: nobody runs a handler, or hears its failure, for a request that was given up.
    return defer(() => {
      const headers = exchange.responseHeaders();
      const status = exchange.status();
      const missed = { ...wanted, outdated, stale, headers, status };
      return this.runs.answer(visit, missed);
    });
  }

  /** Answers 304 where the tokens alone say that the client has the current answer. */
  private confirms(
    visit: Visit,
    { slot, fingerprint, dependencies }: Wanted,
  ): boolean {
    const { plan, exchange } = visit;
    // A tag that a middleware or `@Header` set is the one that the client has.
    if (plan.form !== 'text' || exchange.responseHeaders().has('etag')) {
      return false;
    }
    const confirmed = confirmedTag(
      exchange.requestHeader('if-none-match'),
      { slot, fingerprint, confirmedBy: 'tokens' },
      { now: Date.now(), ttlMs: plan.ttlMs },
    );
    if (!confirmed) return false;
    this.stale.sawCurrent(plan, slot, fingerprint);
    exchange.setStatus(304);
    exchange.setHeader('ETag', confirmed.entityTag);
    this.hit(visit, dependencies, undefined, confirmed.leftMs);
    return true;
  }

  private hit(
    { plan, exchange }: Visit,
    dependencies: readonly Dependency[],
    ageMs: number | undefined,
    leftMs: number,
  ): void {
    // No Age: the tokens that were just read validated the answer (RFC 9111 §5.1).
    this.headers.dress(plan, exchange);
    // A deploy may have shortened the route's ttlMs.
    const ttlSeconds = Math.max(0, leftMs) / 1000;
    this.headers.report(exchange, { hit: true, ttlSeconds }, dependencies);
    this.events.emit('hit', {
      source: 'http',
      name: plan.name,
      identifiers: identifiersOf(dependencies),
      ageMs,
      freshness: 'fresh',
    });
  }
}
