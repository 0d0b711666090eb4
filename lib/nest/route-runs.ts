import { Inject, Injectable } from '@nestjs/common';
import { lastValueFrom } from 'rxjs';
import { ClusterFlight } from '../core/cluster-flight.js';
import { identifiersOf } from '../core/identifiers/dependency.js';
import { type CacheStatus } from '../core/responses/cache-status.js';
import { isOutage, statusOfError } from '../core/responses/staleness.js';
import { type StoredResponse } from '../core/responses/stored-response.js';
import { SingleFlight } from '../core/single-flight.js';
import { AlkeyEvents } from './alkey-events.js';
import { type HeaderMap } from './http-exchange.js';
import { type HandlerRun, ResponseCapture } from './response-capture.js';
import { ResponseStore } from './response-store.js';
import { RouteBypasses } from './route-bypasses.js';
import { RouteHeaders } from './route-headers.js';
import { type Visit, type Wanted } from './route-visit.js';
import { StaleAnswers } from './stale-answers.js';

/** An answer that is to be made. */
export interface Missed extends Wanted {
  readonly outdated: boolean;
  /** The one that it is to replace, where the route may give it. */
  readonly stale: StoredResponse | undefined;
  /** As the response stood before. */
  readonly headers: HeaderMap;
  readonly status: number;
}

/** Runs handlers for what is not stored, and stores what they answer. */
@Injectable()
export class RouteRuns {
  private readonly runs = new SingleFlight<string, HandlerRun>();

  constructor(
    private readonly responses: ResponseStore,
    private readonly capture: ResponseCapture,
    private readonly headers: RouteHeaders,
    private readonly bypasses: RouteBypasses,
    private readonly stale: StaleAnswers,
    private readonly events: AlkeyEvents,
    @Inject(ClusterFlight) private readonly cluster: ClusterFlight | undefined,
  ) {}

  /** The body for a request: of its own run, of another's, or the outdated one where the route allows it. */
  async answer(visit: Visit, missed: Missed): Promise<unknown> {
    const { plan } = visit;
    const { slot, fingerprint, dependencies, outdated } = missed;
    const key = `${slot} ${fingerprint}`;
    const meanwhile = this.giveStale(visit, missed, {
      forMs: plan.staleWhileRevalidateMs,
    });
    if (meanwhile) {
      if (!this.runs.has(key)) this.renew(visit, missed, key);
      return meanwhile.value;
    }
    this.events.emit('miss', {
      source: 'http',
      name: plan.name,
      identifiers: identifiersOf(dependencies),
      reason: outdated ? 'outdated' : 'absent',
      collapsed: this.runs.has(key),
    });
    let own = false;
    let run: HandlerRun;
    try {
      run = await this.runOnce(key, () => {
        const produce = (): Promise<HandlerRun> => {
          own = true;
          return this.run(visit, missed);
        };
        return plan.singleFlight === 'cluster' && this.cluster
          ? this.runForAll(this.cluster, missed, produce)
          : produce();
      });
    } catch (error) {
      const status = statusOfError(error);
      const instead = this.giveInstead(visit, missed, status, own, error);
      if (!instead) throw error;
      return instead.value;
    }
    if (run.reason !== undefined) {
      const { status } = run;
      const error = `It answered ${status}.`;
      const instead = this.giveInstead(visit, missed, status, own, error);
      if (instead) return instead.value;
    }
    return own
      ? this.answerOwn(visit, missed, run)
      : this.answerShared(visit, missed, run);
  }

  /** Joins the run under way, or begins one. */
  private runOnce(
    key: string,
    produce: () => Promise<HandlerRun>,
  ): Promise<HandlerRun> {
    return this.runs.run(key, produce, made =>
      made.response ? this.responses.arrived() : undefined,
    );
  }

  /** The answer of the request that ran the handler. */
  private answerOwn(
    { plan, exchange }: Visit,
    { dependencies }: Missed,
    run: HandlerRun,
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
    this.bypasses.report(plan, detail, dependencies);
    return run.value;
  }

  /** The same answer for a request that waited for it, where it is one that others may have. */
  private answerShared(
    visit: Visit,
    { dependencies }: Missed,
    run: HandlerRun,
  ): unknown {
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
    { slot, fingerprint }: Missed,
    produce: () => Promise<HandlerRun>,
  ): Promise<HandlerRun> {
    const find = async (): Promise<HandlerRun | undefined> => {
      const { response } = await this.responses.lookUp(slot, fingerprint);
      return response && { value: undefined, response };
    };
    const produceForAll = async (): Promise<HandlerRun> => {
      const made = await produce();
      // The others look for it as soon as this run is over.
      await this.responses.settled();
      return made;
    };
    return cluster.run(`${slot} ${fingerprint}`, find, produceForAll);
  }

  /** Runs the handler. What it answers takes the place of what was stored, unless it is no answer. */
  private async run(
    { plan, exchange, next }: Visit,
    { slot, fingerprint, dependencies, headers, stale }: Missed,
  ): Promise<HandlerRun> {
    const forgetAfter = (status: number): void => {
      if (stale && !isOutage(status)) this.responses.remove(slot);
    };
    let value: unknown;
    try {
      value = await lastValueFrom(next.handle());
    } catch (error) {
      forgetAfter(statusOfError(error));
      throw error;
    }
    const storedAt = Date.now();
    const tagged = { slot, fingerprint, madeAt: storedAt };
    const made = this.capture.take(plan, exchange, value, headers, tagged);
    if (!made.response) {
      forgetAfter(made.status);
      return made;
    }
    const { name, ttlMs } = plan;
    const response = { ...made.response, fingerprint, storedAt };
    const size = this.responses.put(slot, response, ttlMs, name);
    this.stale.sawCurrent(plan, slot, fingerprint);
    const identifiers = identifiersOf(dependencies);
    const source = 'http';
    this.events.emit('stored', { source, name, identifiers, size, ttlMs });
    return made;
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
    const instead = this.giveStale(visit, missed, { forMs, failedWith });
    if (instead && own) {
      this.stale.failed(name, error);
      this.bypasses.report(plan, 'handler-error', missed.dependencies);
    }
    return instead;
  }

  /** Gives the outdated answer. It was not validated, so it has an Age (RFC 9111 §4). */
  private giveStale(
    { plan, exchange }: Visit,
    { slot, dependencies, stale, headers, status }: Missed,
    allowed: { readonly forMs: number; readonly failedWith?: number },
  ): { readonly value: unknown } | undefined {
    const { forMs, failedWith } = allowed;
    const outdatedMs = stale ? this.stale.outdatedMs(slot, stale) : Infinity;
    if (!stale || outdatedMs >= forMs) return undefined;
    exchange.reset(headers, status);
    const body = this.capture.restore(plan, stale, exchange);
    if (!body) return undefined;
    const ageMs = Math.max(0, Date.now() - stale.storedAt);
    exchange.setHeader('Age', `${Math.floor(ageMs / 1000)}`);
    this.headers.dress(plan, exchange);
    const said: CacheStatus =
      failedWith === undefined
        ? { hit: true, ttlSeconds: -outdatedMs / 1000, detail: 'stale' }
        : { forward: 'stale', forwardStatus: failedWith, detail: 'stale' };
    this.headers.report(exchange, said, dependencies);
    this.events.emit('hit', {
      source: 'http',
      name: plan.name,
      identifiers: identifiersOf(dependencies),
      ageMs,
      freshness: 'stale',
    });
    return { value: this.headers.bodyFor(plan, exchange, body.value) };
  }

  /** Makes the new answer once the outdated one is sent; the handler keeps the request it was given. */
  private renew(visit: Visit, missed: Missed, key: string): void {
    const { plan, exchange } = visit;
    const report = (reason: NonNullable<HandlerRun['reason']>): void =>
      this.bypasses.report(plan, reason, missed.dependencies);
    void this.stale.renew(plan, key, async () => {
      await exchange.closed();
      exchange.detach();
      exchange.reset(missed.headers, missed.status);
      try {
        const { reason } = await this.runOnce(key, () =>
          this.run(visit, missed),
        );
        if (reason !== undefined) report(reason);
      } catch (error) {
        report('handler-error');
        throw error;
      }
    });
  }
}
