import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
} from '@nestjs/common';
import { defer, type Observable, of } from 'rxjs';
import { confirmedTag } from '../core/responses/entity-tag.js';
import { type StoredResponse } from '../core/responses/stored-response.js';
import { AlkeyEvents } from './alkey-events.js';
import { HeldAnswers } from './held-answers.js';
import { httpExchange } from './http-exchange.js';
import { type Handler } from './nest-metadata.js';
import { ResponseCapture } from './response-capture.js';
import { type EarlyAnswer, ResponseStore } from './response-store.js';
import { RouteBypasses } from './route-bypasses.js';
import { RouteHeaders } from './route-headers.js';
import { RoutePlans } from './route-plans.js';
import {
  type Asked,
  type AskedAnswer,
  RouteRequests,
} from './route-requests.js';
import { RouteRuns } from './route-runs.js';
import { type Visit, type Wanted } from './route-visit.js';
import { mayBeStale, StaleAnswers } from './stale-answers.js';
import { TokenReader, type TokenReading } from './token-reader.js';

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
    private readonly held: HeldAnswers,
    private readonly runs: RouteRuns,
    private readonly stale: StaleAnswers,
    private readonly events: AlkeyEvents,
  ) {}

  /** At once where everything is known here, else by a promise; the handler runs on subscription. */
  serve(
    context: ExecutionContext,
    next: CallHandler,
  ): Observable<unknown> | Promise<Observable<unknown>> {
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
    const asked = this.requests.ask(plan, exchange, context);
    return asked instanceof Promise
      ? asked.then(found => this.answer(visit, found))
      : this.answer(visit, asked);
  }

  private answer(
    visit: Visit,
    asked: Asked,
  ): Observable<unknown> | Promise<Observable<unknown>> {
    if (asked.reason !== undefined) {
      return this.bypasses.pass(visit, asked.reason);
    }
    const reading = this.reader.peek(asked.fingerprints.identifiers);
    return reading
      ? this.answerUnder(visit, asked, reading)
      : this.readAndAnswer(visit, asked);
  }

  /** Asks for the tokens and, where it will be needed, for the stored answer at the same time. */
  private async readAndAnswer(
    visit: Visit,
    asked: AskedAnswer,
  ): Promise<Observable<unknown>> {
    // A client that has an answer may need none.
    const early = visit.exchange.requestHeader('if-none-match')
      ? undefined
      : this.responses.ask(asked.slot);
    const reading = await this.reader.read(asked.fingerprints.identifiers);
    return this.answerUnder(visit, asked, reading, early);
  }

  private answerUnder(
    visit: Visit,
    asked: AskedAnswer,
    reading: TokenReading,
    early?: EarlyAnswer,
  ): Observable<unknown> | Promise<Observable<unknown>> {
    const { slot, dependencies, fingerprints } = asked;
    if (reading.kind === 'held') {
      return this.held.answer(visit, asked, () =>
        this.readAndAnswer(visit, asked),
      );
    }
    if (reading.kind !== 'tokens') {
      return this.bypasses.pass(visit, reading.kind, dependencies);
    }
    const { identifiers } = fingerprints;
    const fingerprint = fingerprints.of(reading.tokens);
    const wanted: Wanted = { slot, fingerprint, dependencies, identifiers };
    if (this.confirms(visit, wanted, asked)) return of(undefined);
    const stored = this.responses.find(slot, fingerprint);
    return (
      (stored && this.give(visit, wanted, stored)) ??
      this.lookUp(visit, wanted, early)
    );
  }

  /** The stored answer, or the handler's, as an observable of one value. */
  private async lookUp(
    visit: Visit,
    wanted: Wanted,
    early: EarlyAnswer | undefined,
  ): Promise<Observable<unknown>> {
    const { plan, exchange } = visit;
    const orStale = mayBeStale(plan);
    const { response, outdated, stale } = await this.responses.lookUp(
      wanted.slot,
      wanted.fingerprint,
      { orStale, early },
    );
    const given = response && this.give(visit, wanted, response);
    if (given) return given;
    // HEAD has no body to store.
    if (exchange.method !== 'GET') {
      return this.bypasses.pass(visit, 'method', wanted.dependencies);
    }
    // Deferred: nobody runs a handler, or hears its failure, for a request that was given up.
    return defer(() => {
      const headers = exchange.responseHeaders();
      const status = exchange.status();
      const missed = { ...wanted, outdated, stale, headers, status };
      return this.runs.answer(visit, missed);
    });
  }

  /** The stored answer; `undefined` where it cannot be made here. */
  private give(
    visit: Visit,
    wanted: Wanted,
    response: StoredResponse,
  ): Observable<unknown> | undefined {
    const { plan, exchange } = visit;
    const body = this.capture.restore(plan, response, exchange);
    if (!body) return undefined;
    const ageMs = Date.now() - response.storedAt;
    this.hit(visit, wanted, ageMs, plan.ttlMs - ageMs);
    return of(this.headers.bodyFor(plan, exchange, body.value));
  }

  /** Answers 304 where the tokens alone say that the client has the current answer. */
  private confirms(
    visit: Visit,
    wanted: Wanted,
    { tags }: AskedAnswer,
  ): boolean {
    const { plan, exchange } = visit;
    const known = exchange.requestHeader('if-none-match');
    if (known === undefined) return false;
    // A tag that a middleware or `@Header` set is the one that the client has.
    if (plan.form !== 'text' || exchange.responseHeader('etag') !== undefined) {
      return false;
    }
    const confirmed = confirmedTag(known, tags.of(wanted.fingerprint), {
      now: Date.now(),
      ttlMs: plan.ttlMs,
    });
    if (!confirmed) return false;
    exchange.setStatus(304);
    exchange.setHeader('ETag', confirmed.entityTag);
    this.hit(visit, wanted, undefined, confirmed.leftMs);
    return true;
  }

  private hit(
    { plan, exchange }: Visit,
    { slot, fingerprint, dependencies, identifiers }: Wanted,
    ageMs: number | undefined,
    leftMs: number,
  ): void {
    this.stale.sawCurrent(plan, slot, fingerprint);
    // No Age: the tokens that were just read validated the answer (RFC 9111 §5.1).
    this.headers.dress(plan, exchange);
    // A deploy may have shortened the route's ttlMs.
    const ttlSeconds = Math.max(0, leftMs) / 1000;
    this.headers.report(exchange, { hit: true, ttlSeconds }, dependencies);
    if (!this.events.hasListeners('hit')) return;
    this.events.emit('hit', {
      source: 'http',
      name: plan.name,
      identifiers,
      ageMs,
      freshness: 'fresh',
    });
  }
}
