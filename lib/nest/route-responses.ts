import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
} from '@nestjs/common';
import { type Observable, of } from 'rxjs';
import { HeldAnswers } from './held-answers.js';
import { httpExchange } from './http-exchange.js';
import { type Handler } from './nest-metadata.js';
import { RecordedRoutes } from './recorded-routes.js';
import { type EarlyAnswer, ResponseStore } from './response-store.js';
import { RouteBypasses } from './route-bypasses.js';
import { RouteHits } from './route-hits.js';
import { RoutePlans } from './route-plans.js';
import {
  type Asked,
  type AskedAnswer,
  RouteRequests,
} from './route-requests.js';
import { RouteRuns } from './route-runs.js';
import { type Visit, type Wanted } from './route-visit.js';
import { mayBeStale } from './stale-answers.js';
import { TokenReader, type TokenReading } from './token-reader.js';

/** Serves cached routes: from the store where nothing was written, else by their handlers. */
@Injectable()
export class RouteResponses {
  constructor(
    private readonly plans: RoutePlans,
    private readonly requests: RouteRequests,
    private readonly reader: TokenReader,
    private readonly responses: ResponseStore,
    private readonly hits: RouteHits,
    private readonly recorded: RecordedRoutes,
    private readonly bypasses: RouteBypasses,
    private readonly held: HeldAnswers,
    private readonly runs: RouteRuns,
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
    if (visit.plan.recorded) return this.recorded.answer(visit, asked);
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
    if (this.hits.confirms(visit, wanted, asked.tags)) return of(undefined);
    const stored = this.responses.find(slot, fingerprint);
    return (
      (stored && this.hits.give(visit, wanted, stored)) ??
      this.lookUp(visit, wanted, early)
    );
  }

  /** The stored answer, or the handler's, as an observable of one value. */
  private async lookUp(
    visit: Visit,
    wanted: Wanted,
    early: EarlyAnswer | undefined,
  ): Promise<Observable<unknown>> {
    const { slot, fingerprint } = wanted;
    const orStale = mayBeStale(visit.plan);
    const { response, outdated, stale } = await this.responses.lookUp(
      slot,
      fingerprint,
      { orStale, early },
    );
    const given = response && this.hits.give(visit, wanted, response);
    return (
      given ??
      this.runs.begin(visit, { slot, declared: wanted, outdated, stale })
    );
  }
}
