import { Inject, Injectable } from '@nestjs/common';
import { defer, lastValueFrom, type Observable } from 'rxjs';
import { LatestRuns } from '../core/latest-runs.js';
import { type CacheStatus } from '../core/responses/cache-status.js';
import { type ResolvedOptions } from './alkey.options.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import { type HandlerRun, ResponseCapture } from './response-capture.js';
import { RouteBypasses } from './route-bypasses.js';
import { RouteHeaders } from './route-headers.js';
import { type AskedAnswer } from './route-requests.js';
import { type Visit } from './route-visit.js';
import { within } from './within.js';

type Dependencies = AskedAnswer['dependencies'];

/**
 * Answers while a writer is about to commit. Nothing is kept then, but not every request has to run the
 * handler: whoever finds a run under way waits until it is over, and asks again. By then the writer is
 * done, or else all who waited share the next run, since it begins after they asked.
 */
@Injectable()
export class HeldAnswers {
  private readonly runs = new LatestRuns<string, HandlerRun>();

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    private readonly capture: ResponseCapture,
    private readonly headers: RouteHeaders,
    private readonly bypasses: RouteBypasses,
  ) {}

  /** `again` reads the tokens once more, and comes back here if they are held still. */
  answer(
    visit: Visit,
    asked: AskedAnswer,
    again: () => Promise<Observable<unknown>>,
  ): Observable<unknown> | Promise<Observable<unknown>> {
    const { slot, dependencies, fingerprints } = asked;
    // HEAD has no body to share.
    if (visit.exchange.method !== 'GET') {
      return this.bypasses.pass(visit, 'held', dependencies);
    }
    // With what a guard or a function chose: the address alone may not tell two answers apart.
    const key = [slot, ...fingerprints.identifiers].join(' ');
    if (visit.heldAfter === undefined) {
      visit.heldAfter = this.runs.begun;
      const earlier = this.runs.latest(key);
      if (earlier) return this.afterwards(earlier.answer, again);
    }
    const { heldAfter } = visit;
    // Deferred: nobody runs a handler for a request that was given up.
    return defer(() => {
      const latest = this.runs.latest(key);
      return latest && latest.number > heldAfter
        ? this.share(visit, dependencies, latest.answer)
        : this.run(visit, dependencies, key);
    });
  }

  /** For no longer than a request waits for a store: the run may hang. */
  private async afterwards(
    run: Promise<unknown>,
    again: () => Promise<Observable<unknown>>,
  ): Promise<Observable<unknown>> {
    try {
      await within(this.options.storeTimeoutMs, () => run);
    } catch {
      // Its failure is the business of whoever ran it.
    }
    return again();
  }

  private async run(
    visit: Visit,
    dependencies: Dependencies,
    key: string,
  ): Promise<unknown> {
    const { plan, exchange, next } = visit;
    this.report(visit, dependencies, { forward: 'bypass', detail: 'held' });
    const before = exchange.responseHeaders();
    const { value } = await this.runs.begin(key, async () => {
      const answered = await lastValueFrom(next.handle());
      return this.capture.take(plan, exchange, answered, before);
    });
    this.headers.dress(plan, exchange);
    return value;
  }

  private async share(
    visit: Visit,
    dependencies: Dependencies,
    running: Promise<HandlerRun>,
  ): Promise<unknown> {
    const { plan, exchange } = visit;
    const said = {
      forward: 'bypass',
      collapsed: true,
      detail: 'held',
    } as const;
    let run: HandlerRun;
    try {
      run = await running;
    } catch (error) {
      this.report(visit, dependencies, said);
      throw error;
    }
    const body =
      run.response && this.capture.restore(plan, run.response, exchange);
    // What cannot be shared is the other's own: a cookie, a stream, something private.
    if (!body) {
      return lastValueFrom(this.bypasses.pass(visit, 'held', dependencies));
    }
    this.report(visit, dependencies, said);
    this.headers.dress(plan, exchange);
    return body.value;
  }

  private report(
    { plan, exchange }: Visit,
    dependencies: Dependencies,
    said: CacheStatus,
  ): void {
    this.headers.report(exchange, said, dependencies);
    this.bypasses.report(plan, 'held', dependencies);
  }
}
