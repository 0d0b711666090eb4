import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
} from '@nestjs/common';
import { from, lastValueFrom, type Observable, switchMap } from 'rxjs';
import {
  type Dependency,
  identifiersOf,
} from '../core/identifiers/dependency.js';
import { type Identifier } from '../core/identifiers/identifier.js';
import { type Fingerprint, fingerprintOf } from '../core/keys/cache-key.js';
import {
  appendCacheStatus,
  type CacheStatus,
  cacheStatusMember,
} from '../core/responses/cache-status.js';
import {
  type BypassReason,
  maySelect,
} from '../core/responses/cacheability.js';
import { SingleFlight } from '../core/single-flight.js';
import { AlkeyEvents } from './alkey-events.js';
import { type ResolvedOptions } from './alkey.options.js';
import { type HandlerRun, ResponseCapture } from './response-capture.js';
import { httpExchange, type HttpExchange } from './http-exchange.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import { type Handler } from './nest-metadata.js';
import { ResponseStore } from './response-store.js';
import { type RoutePlan, RoutePlans } from './route-plans.js';
import { TokenReader } from './token-reader.js';

/** A request on its way: what it asks, and what its route says. */
interface Visit {
  readonly plan: RoutePlan;
  readonly exchange: HttpExchange;
  readonly next: CallHandler;
}

/** Serves cached routes: from the store where nothing was written, else by their handlers. */
@Injectable()
export class RouteResponses {
  private readonly runs = new SingleFlight<string, HandlerRun>();
  /** Contexts that were served already: a controller and its handler may both carry the interceptor. */
  private readonly served = new WeakSet<ExecutionContext>();

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    private readonly plans: RoutePlans,
    private readonly reader: TokenReader,
    private readonly responses: ResponseStore,
    private readonly capture: ResponseCapture,
    private readonly events: AlkeyEvents,
  ) {}

  serve(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http' || this.served.has(context)) {
      return next.handle();
    }
    const plan = this.plans.planOf(
      context.getClass(),
      context.getHandler() as Handler,
    );
    if (!plan) return next.handle();
    this.served.add(context);
    const exchange = httpExchange(context);
    const visit: Visit = { plan, exchange, next };
    const principal = plan.principal?.(context);
    const selection = plan.untouched
      ? { use: false as const, reason: 'response-handled' as const }
      : maySelect({
          method: exchange.method,
          scope: plan.scope,
          credentials: exchange.credentials,
          principal,
        });
    if (!selection.use) return this.bypass(visit, selection.reason);
    return from(this.lookUp(visit, context, principal)).pipe(
      switchMap(answer => answer),
    );
  }

  /** The stored answer, or the handler's, as an observable of one value. */
  private async lookUp(
    visit: Visit,
    context: ExecutionContext,
    principal: string | number | undefined,
  ): Promise<Observable<unknown>> {
    const { plan, exchange } = visit;
    const dependencies = await plan.refs(context);
    if (!dependencies) return this.bypass(visit, 'invalid-key');
    const slot = this.slotOf(visit, context, principal);
    if (slot === undefined) return this.bypass(visit, 'unencodable');
    const identifiers = identifiersOf(dependencies);
    const reading = await this.reader.read(identifiers);
    if (reading.kind !== 'tokens') {
      return this.bypass(visit, reading.kind, dependencies);
    }
    const fingerprint = fingerprintOf(identifiers, reading.tokens);
    const stored = await this.responses.find(slot, fingerprint);
    const body = stored && this.capture.restore(stored, exchange);
    if (stored && body) {
      this.report(exchange, { hit: true }, dependencies);
      this.events.emit('hit', {
        source: 'http',
        name: plan.name,
        identifiers,
        ageMs: Date.now() - stored.storedAt,
        freshness: 'fresh',
      });
      return from([body.value]);
    }
    // HEAD has no body to store.
    if (exchange.method !== 'GET') {
      return this.bypass(visit, 'method', dependencies);
    }
    return from(this.miss(visit, dependencies, slot, fingerprint));
  }

  private async miss(
    visit: Visit,
    dependencies: readonly Dependency[],
    slot: string,
    fingerprint: Fingerprint,
  ): Promise<unknown> {
    const { plan, exchange, next } = visit;
    const identifiers = identifiersOf(dependencies);
    const key = `${slot} ${fingerprint}`;
    const collapsed = this.runs.has(key);
    this.events.emit('miss', {
      source: 'http',
      name: plan.name,
      identifiers,
      reason: 'absent',
      collapsed,
    });
    const before = exchange.responseHeaders();
    let own = false;
    const run = await this.runs.run(key, async () => {
      own = true;
      const value = await lastValueFrom(next.handle(), {
        defaultValue: undefined,
      });
      const made = this.capture.take(
        plan,
        exchange,
        value,
        before,
        fingerprint,
      );
      if (made.response) {
        const size = this.responses.put(slot, made.response, plan.ttlMs);
        this.events.emit('stored', {
          source: 'http',
          name: plan.name,
          identifiers,
          size,
          ttlMs: plan.ttlMs,
        });
      }
      return made;
    });
    return own
      ? this.answerOwn(visit, run, dependencies)
      : this.answerShared(visit, run, dependencies);
  }

  /** The answer of the request that ran the handler. */
  private answerOwn(
    { plan, exchange }: Visit,
    run: HandlerRun,
    dependencies: readonly Dependency[],
  ): unknown {
    if (run.response) {
      this.report(exchange, { forward: 'miss', stored: true }, dependencies);
    } else {
      const { reason } = run;
      this.report(exchange, { forward: 'miss', detail: reason }, dependencies);
      this.reportBypass(plan, reason, identifiersOf(dependencies));
    }
    return run.value;
  }

  /** The same answer for a request that waited for it, where it is one that others may have. */
  private answerShared(
    visit: Visit,
    run: HandlerRun,
    dependencies: readonly Dependency[],
  ): unknown {
    const { exchange } = visit;
    // What cannot be shared is the other's own: a cookie, a stream, something private.
    const reason = run.reason ?? 'unencodable';
    const body = run.response && this.capture.restore(run.response, exchange);
    if (!body) return lastValueFrom(this.bypass(visit, reason, dependencies));
    this.report(exchange, { forward: 'miss', collapsed: true }, dependencies);
    return body.value;
  }

  private bypass(
    { plan, exchange, next }: Visit,
    reason: BypassReason,
    dependencies: readonly Dependency[] = [],
  ): Observable<unknown> {
    this.report(exchange, { forward: 'bypass', detail: reason }, dependencies);
    this.reportBypass(plan, reason, identifiersOf(dependencies));
    return next.handle();
  }

  private reportBypass(
    { name }: RoutePlan,
    reason: BypassReason,
    identifiers: readonly Identifier[],
  ): void {
    this.events.emit('bypass', { source: 'http', name, reason, identifiers });
  }

  /** The slot of the resource; `undefined` where what it varies by cannot be carried as text. */
  private slotOf(
    { plan, exchange }: Visit,
    context: ExecutionContext,
    principal: string | number | undefined,
  ): string | undefined {
    const variant = plan.variant?.(context);
    try {
      return plan.slot({
        scheme: exchange.scheme,
        authority: exchange.authority,
        path: exchange.path,
        rawQuery: exchange.rawQuery,
        vary: plan.varyHeaders.map(
          name => [name, exchange.requestHeader(name)] as const,
        ),
        variant,
        principal,
      });
    } catch {
      return undefined;
    }
  }

  /** Says what was done in `Cache-Status`; identifiers and reasons only where they may be known. */
  private report(
    exchange: HttpExchange,
    status: CacheStatus,
    dependencies: readonly Dependency[],
  ): void {
    if (exchange.isSent()) return;
    const { detail, ...plain } = status;
    const shown: CacheStatus = this.options.expose
      ? {
          ...plain,
          ...(dependencies.length > 0
            ? {
                key: dependencies.map(({ identifier }) => identifier).join(' '),
              }
            : {}),
          ...(detail === undefined ? {} : { detail }),
        }
      : plain;
    exchange.setHeader(
      'Cache-Status',
      appendCacheStatus(
        exchange.responseHeaders().get('cache-status'),
        cacheStatusMember(shown),
      ),
    );
  }
}
