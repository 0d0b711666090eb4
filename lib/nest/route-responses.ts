import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  Logger,
} from '@nestjs/common';
import {
  defer,
  from,
  lastValueFrom,
  type Observable,
  of,
  switchMap,
} from 'rxjs';
import { AlkeyError } from '../core/errors.js';
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
import { OncePerText } from './once-per-text.js';
import { ResponseStore } from './response-store.js';
import { type RoutePlan, RoutePlans } from './route-plans.js';
import { TokenReader } from './token-reader.js';

/** A request on its way: what it asks, and what its route says. */
interface Visit {
  readonly plan: RoutePlan;
  readonly exchange: HttpExchange;
  readonly context: ExecutionContext;
  readonly next: CallHandler;
}

/** What a request asks for, by what its route says; or why it is not cached. */
type Asked =
  | {
      readonly reason?: undefined;
      readonly slot: string;
      readonly dependencies: readonly Dependency[];
    }
  | { readonly reason: BypassReason };

/** An answer that is to be made. */
interface Missed {
  readonly slot: string;
  readonly fingerprint: Fingerprint;
  readonly dependencies: readonly Dependency[];
  readonly outdated: boolean;
}

/** Serves cached routes: from the store where nothing was written, else by their handlers. */
@Injectable()
export class RouteResponses {
  private readonly logger = new Logger('Alkey');
  private readonly failures = new OncePerText();
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
    // A handler for all methods: what it answers to the others is none of a cache's business.
    if (exchange.method !== 'GET' && exchange.method !== 'HEAD') {
      return next.handle();
    }
    const visit: Visit = { plan, exchange, context, next };
    if (plan.untouched) return this.bypass(visit, 'response-handled');
    return from(this.lookUp(visit)).pipe(switchMap(answer => answer));
  }

  /** The stored answer, or the handler's, as an observable of one value. */
  private async lookUp(visit: Visit): Promise<Observable<unknown>> {
    const { plan, exchange } = visit;
    const asked = await this.ask(visit);
    if (asked.reason !== undefined) return this.bypass(visit, asked.reason);
    const { slot, dependencies } = asked;
    const identifiers = identifiersOf(dependencies);
    const reading = await this.reader.read(identifiers);
    if (reading.kind !== 'tokens') {
      return this.bypass(visit, reading.kind, dependencies);
    }
    const fingerprint = fingerprintOf(identifiers, reading.tokens);
    const { response: stored, outdated } = await this.responses.lookUp(
      slot,
      fingerprint,
    );
    const body = stored && this.capture.restore(plan, stored, exchange);
    if (stored && body) {
      this.report(exchange, { hit: true }, dependencies);
      this.events.emit('hit', {
        source: 'http',
        name: plan.name,
        identifiers,
        ageMs: Date.now() - stored.storedAt,
        freshness: 'fresh',
      });
      return of(body.value);
    }
    // HEAD has no body to store.
    if (exchange.method !== 'GET') {
      return this.bypass(visit, 'method', dependencies);
    }
    // Deferred: nobody runs a handler, or hears its failure, for a request that was given up.
    return defer(() =>
      this.miss(visit, { slot, fingerprint, dependencies, outdated }),
    );
  }

  /** Finds out what the request asks for. What an application's function throws is its own: no error. */
  private async ask({ plan, exchange, context }: Visit): Promise<Asked> {
    if (exchange.hasBody) return { reason: 'request-body' };
    try {
      const principal = plan.principal?.(context);
      const selection = maySelect({
        method: exchange.method,
        scope: plan.scope,
        credentials: exchange.credentials,
        principal: isSomebody(principal) ? principal : undefined,
      });
      if (!selection.use) return { reason: selection.reason };
      const dependencies = await plan.refs(context);
      if (!dependencies) return { reason: 'invalid-key' };
      const slot = plan.slot({
        scheme: exchange.scheme,
        authority: exchange.authority,
        path: exchange.path,
        rawQuery: exchange.rawQuery,
        vary: plan.varyHeaders.map(
          name => [name, exchange.requestHeader(name)] as const,
        ),
        variant: plan.variant?.(context),
        principal,
      });
      return { slot, dependencies };
    } catch (error) {
      if (isUnencodable(error)) return { reason: 'unencodable' };
      this.failures.run(plan.name, () =>
        this.logger.warn(
          `A function given to @CacheKeyed on ${plan.name} failed, or named what cannot be depended on; ` +
            `such requests are not cached. Later failures are not logged. ${String(error)}`,
        ),
      );
      return { reason: 'declaration-error' };
    }
  }

  private async miss(
    visit: Visit,
    { slot, fingerprint, dependencies, outdated }: Missed,
  ): Promise<unknown> {
    const { plan, exchange, next } = visit;
    const identifiers = identifiersOf(dependencies);
    const key = `${slot} ${fingerprint}`;
    const collapsed = this.runs.has(key);
    this.events.emit('miss', {
      source: 'http',
      name: plan.name,
      identifiers,
      reason: outdated ? 'outdated' : 'absent',
      collapsed,
    });
    const before = exchange.responseHeaders();
    let own = false;
    const run = await this.runs.run(key, async () => {
      own = true;
      const value = await lastValueFrom(next.handle());
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
    const { plan, exchange } = visit;
    // What cannot be shared is the other's own: a cookie, a stream, something private.
    const reason = run.reason ?? 'unencodable';
    const body =
      run.response && this.capture.restore(plan, run.response, exchange);
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

/** Neither is a principal, though a function that is not checked may answer them for nobody. */
function isSomebody(principal: unknown): boolean {
  return principal !== null && !Number.isNaN(principal);
}

function isUnencodable(error: unknown): boolean {
  return error instanceof AlkeyError && error.code === 'ALKEY_UNENCODABLE_PART';
}
