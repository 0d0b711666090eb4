import { Inject, Injectable } from '@nestjs/common';
import { defer, lastValueFrom, type Observable } from 'rxjs';
import { ClusterFlight } from '../core/cluster-flight.js';
import { dependenciesOn } from '../core/identifiers/dependency.js';
import { isOutage, statusOfError } from '../core/responses/staleness.js';
import { AlkeyEvents } from './alkey-events.js';
import { type Handled, HandlerRuns } from './handler-runs.js';
import { RecordedAnswers } from './recorded-answers.js';
import { type HandlerRun, ResponseCapture } from './response-capture.js';
import { ResponseStore } from './response-store.js';
import { RouteBypasses } from './route-bypasses.js';
import { type Made, RouteFlights } from './route-flights.js';
import { RouteHeaders } from './route-headers.js';
import { RouteHits } from './route-hits.js';
import {
  dependenciesOf,
  type Missed,
  type MissedAnswer,
  type Visit,
} from './route-visit.js';
import { StaleAnswers } from './stale-answers.js';

/** Runs handlers for what is not stored, and stores what they answer. */
@Injectable()
export class RouteRuns {
  constructor(
    private readonly responses: ResponseStore,
    private readonly capture: ResponseCapture,
    private readonly headers: RouteHeaders,
    private readonly bypasses: RouteBypasses,
    private readonly stale: StaleAnswers,
    private readonly events: AlkeyEvents,
    private readonly hits: RouteHits,
    private readonly flights: RouteFlights,
    private readonly handlers: HandlerRuns,
    private readonly recorded: RecordedAnswers,
    @Inject(ClusterFlight) private readonly cluster: ClusterFlight | undefined,
  ) {}

  /** The answer for a request, once somebody asks for it. */
  begin(visit: Visit, missed: MissedAnswer): Observable<unknown> {
    const { exchange } = visit;
    // HEAD has no body to store.
    if (exchange.method !== 'GET') {
      return this.bypasses.pass(visit, 'method', dependenciesOf(missed));
    }
    // Deferred: nobody runs a handler, or hears its failure, for a request that was given up.
    return defer(() => {
      const headers = exchange.responseHeaders();
      const status = exchange.status();
      return this.answer(visit, { ...missed, headers, status });
    });
  }

  /** The body for a request: of its own run, of another's, or the outdated one where the route allows it. */
  private async answer(visit: Visit, missed: Missed): Promise<unknown> {
    const { plan } = visit;
    const { declared, outdated, recorded } = missed;
    const key = flightOf(missed);
    const meanwhile = this.hits.giveOutdated(visit, missed, {
      forMs: plan.staleWhileRevalidateMs,
    });
    if (meanwhile) {
      if (!this.flights.has(key)) this.renew(visit, missed, key);
      return meanwhile.value;
    }
    const since = recorded?.since;
    const isAlone = recorded !== undefined && this.flights.isForOne(key);
    // What an older run has read may be older than this request. What is found when it is over is not.
    if (
      recorded &&
      !isAlone &&
      !visit.hasWaited &&
      this.flights.hasOlder(key, recorded.since)
    ) {
      visit.hasWaited = true;
      await this.flights.olderOver(key);
      return lastValueFrom(await recorded.again());
    }
    this.events.emit('miss', {
      source: 'http',
      name: plan.name,
      identifiers: declared?.identifiers ?? [],
      reason: outdated ? 'outdated' : 'absent',
      collapsed: !isAlone && this.flights.has(key, since),
    });
    let own = false;
    const runHere = (): Promise<Made> => {
      own = true;
      return this.run(visit, missed);
    };
    let made: Made;
    try {
      made = await (isAlone
        ? runHere()
        : this.flights.run(key, since, () =>
            plan.singleFlight === 'cluster' && this.cluster
              ? this.runForAll(this.cluster, missed, runHere)
              : runHere(),
          ));
    } catch (error) {
      const status = statusOfError(error);
      const instead = this.giveInstead(visit, missed, status, own, error);
      if (!instead) throw error;
      return instead.value;
    }
    const { run } = made;
    if (run.reason !== undefined) {
      const { status } = run;
      const error = `It answered ${status}.`;
      const instead = this.giveInstead(visit, missed, status, own, error);
      if (instead) return instead.value;
    }
    return own ? this.answerOwn(visit, made) : this.answerShared(visit, made);
  }

  /** The answer of the request that ran the handler. */
  private answerOwn(
    { plan, exchange }: Visit,
    { run, dependencies, why }: Made,
  ): unknown {
    // An outdated answer cannot be used, which is a miss (RFC 9211, section 2.2).
    const forward = 'miss';
    this.headers.dress(plan, exchange);
    if (run.response) {
      this.headers.report(exchange, { forward, stored: true }, dependencies);
      return this.headers.bodyFor(plan, exchange, run.value);
    }
    const { reason: detail } = run;
    this.headers.report(exchange, { forward, detail }, dependencies);
    this.bypasses.report(plan, detail, dependencies, why);
    return run.value;
  }

  /** The same answer for a request that waited for it, where it is one that others may have. */
  private answerShared(visit: Visit, { run, dependencies }: Made): unknown {
    const { plan, exchange } = visit;
    const forward = 'miss';
    // What cannot be shared is the other's own: a cookie, a stream, something private.
    const reason = run.reason ?? 'unencodable';
    const body =
      run.response && this.capture.restore(plan, run.response, exchange);
    if (!body) {
      return lastValueFrom(this.bypasses.pass(visit, reason, dependencies));
    }
    this.headers.dress(plan, exchange);
    this.headers.report(exchange, { forward, collapsed: true }, dependencies);
    return this.headers.bodyFor(plan, exchange, body.value);
  }

  /** Runs the handler unless another process does, whose answer is then found in the store. */
  private runForAll(
    cluster: ClusterFlight,
    missed: Missed,
    produce: () => Promise<Made>,
  ): Promise<Made> {
    const produceForAll = async (): Promise<Made> => {
      const made = await produce();
      // The others look for it as soon as this run is over.
      await this.responses.settled();
      return made;
    };
    return cluster.run(
      flightOf(missed),
      () => this.findMade(missed),
      produceForAll,
    );
  }

  /** What another process made meanwhile. */
  private async findMade({
    slot,
    declared,
  }: Missed): Promise<Made | undefined> {
    if (declared) {
      const { fingerprint, dependencies } = declared;
      const { response } = await this.responses.lookUp(slot, fingerprint);
      return response && { run: { value: undefined, response }, dependencies };
    }
    const found = await this.recorded.find(slot);
    return found.kind === 'found'
      ? {
          run: { value: undefined, response: found.response },
          dependencies: dependenciesOn(found.identifiers),
        }
      : undefined;
  }

  /** Runs the handler. What it answers takes the place of what was stored, unless it is no answer. */
  private async run(visit: Visit, missed: Missed): Promise<Made> {
    const made = await this.make(visit, missed);
    if (!missed.declared) this.flights.sawMade(missed.slot, made.run);
    return made;
  }

  private async make(visit: Visit, missed: Missed): Promise<Made> {
    const { plan, exchange } = visit;
    const { slot, declared, recorded, headers, stale } = missed;
    const forgetAfter = (status: number): void => {
      if (stale && !isOutage(status)) this.responses.remove(slot);
    };
    let handled: Handled;
    try {
      handled = declared
        ? await this.handlers.run(visit, declared)
        : await this.handlers.record(visit, recorded?.known);
    } catch (error) {
      forgetAfter(statusOfError(error));
      throw error;
    }
    const { value, under } = handled;
    const { dependencies } = under;
    if (under.reason !== undefined) {
      const status = exchange.status();
      forgetAfter(status);
      const { reason, why } = under;
      return { run: { value, reason, status }, dependencies, why };
    }
    const storedAt = Date.now();
    const { fingerprint, identifiers } = under;
    const ttlMs = Math.min(plan.ttlMs, under.ttlMs);
    // What ends before is made anew under the same tokens, which say nothing of that then.
    const tagged =
      ttlMs < plan.ttlMs ? undefined : { slot, fingerprint, madeAt: storedAt };
    const run = this.capture.take(plan, exchange, value, headers, tagged);
    if (!run.response) {
      forgetAfter(run.status);
      return { run, dependencies };
    }
    const { name } = plan;
    const response = {
      ...run.response,
      fingerprint,
      storedAt,
      ...(declared ? {} : { identifiers }),
    };
    const size = this.responses.put(slot, response, ttlMs, name);
    this.stale.sawCurrent(plan, slot, fingerprint);
    const source = 'http';
    this.events.emit('stored', { source, name, identifiers, size, ttlMs });
    return { run, dependencies };
  }

  /** Gives the outdated answer instead of a failure, which the log hears of. */
  private giveInstead(
    visit: Visit,
    missed: Missed,
    failedWith: number,
    own: boolean,
    error: unknown,
  ): { readonly value: unknown } | undefined {
    const { plan } = visit;
    const { staleIfErrorMs: forMs, name } = plan;
    if (!isOutage(failedWith)) return undefined;
    const instead = this.hits.giveOutdated(visit, missed, {
      forMs,
      failedWith,
    });
    if (instead && own) {
      this.stale.failed(name, error);
      this.bypasses.report(plan, 'handler-error', dependenciesOf(missed));
    }
    return instead;
  }

  /** Makes the new answer once the outdated one is sent; the handler keeps the request it was given. */
  private renew(visit: Visit, missed: Missed, key: string): void {
    const { plan, exchange } = visit;
    const report = (reason: NonNullable<HandlerRun['reason']>): void =>
      this.bypasses.report(plan, reason, dependenciesOf(missed));
    void this.stale.renew(plan, key, async () => {
      await exchange.closed();
      exchange.detach();
      exchange.reset(missed.headers, missed.status);
      try {
        const { run } = await this.flights.run(key, undefined, () =>
          this.run(visit, missed),
        );
        const { reason } = run;
        if (reason !== undefined) report(reason);
      } catch (error) {
        report('handler-error');
        throw error;
      }
    });
  }
}

/** Which requests may share a run: those under the same tokens; where these are not known, of one slot. */
function flightOf({ slot, declared }: MissedAnswer): string {
  return declared ? `${slot} ${declared.fingerprint}` : slot;
}
