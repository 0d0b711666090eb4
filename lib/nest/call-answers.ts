import { types } from 'node:util';
import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  Logger,
} from '@nestjs/common';
import { defer, from, type Observable, of, switchMap } from 'rxjs';
import { identifiersOf } from '../core/identifiers/dependency.js';
import { type Identifier } from '../core/identifiers/identifier.js';
import { composeKey, fingerprintOf } from '../core/keys/cache-key.js';
import {
  type BypassReason,
  maySelect,
} from '../core/responses/cacheability.js';
import { type StoredBody } from '../core/responses/stored-response.js';
import { SingleFlight } from '../core/single-flight.js';
import { AlkeyEvents } from './alkey-events.js';
import { type ResolvedOptions } from './alkey.options.js';
import { type Call, callOf } from './call.js';
import { type CallPlan, CallPlans } from './call-plans.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import { KeptValues, type ValuePlace } from './kept-values.js';
import { type Handler } from './nest-metadata.js';
import { OncePerText } from './once-per-text.js';
import { isBareStream } from './response-capture.js';
import { isSomebody, isUnencodable } from './route-requests.js';
import { soleValue } from './sole-value.js';
import { TokenReader } from './token-reader.js';
import { ValueTexts } from './value-texts.js';

/** A call on its way: what it asks, and what its handler's decorator says. */
interface Visit {
  readonly plan: CallPlan;
  readonly call: Call;
  readonly context: ExecutionContext;
  readonly next: CallHandler;
}

type Asked =
  | {
      readonly reason?: undefined;
      readonly slot: string;
      readonly identifiers: readonly Identifier[];
    }
  | { readonly reason: BypassReason };

/** What one run of a handler gave: its answer, and what of it others may have. */
interface HandlerRun {
  readonly answer: Observable<unknown>;
  readonly kept?: StoredBody | undefined;
  readonly reason?: BypassReason | undefined;
}

const source = 'call';

/** Answers GraphQL queries and messages: with what is kept where nothing was written, else by their handlers. */
@Injectable()
export class CallAnswers {
  private readonly logger = new Logger('Alkey');
  private readonly failures = new OncePerText();
  private readonly runs = new SingleFlight<string, HandlerRun>();
  /** Contexts that were served already: a class and its method may both carry the interceptor. */
  private readonly served = new WeakSet<ExecutionContext>();

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    private readonly plans: CallPlans,
    private readonly reader: TokenReader,
    private readonly kept: KeptValues,
    private readonly texts: ValueTexts,
    private readonly events: AlkeyEvents,
  ) {}

  serve(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const call = this.served.has(context) ? undefined : callOf(context);
    const plan =
      call &&
      this.plans.planOf(context.getClass(), context.getHandler() as Handler);
    if (!call || !plan) return next.handle();
    this.served.add(context);
    const visit: Visit = { plan, call, context, next };
    return from(this.lookUp(visit)).pipe(switchMap(answer => answer));
  }

  private async lookUp(visit: Visit): Promise<Observable<unknown>> {
    const { name, ttlMs } = visit.plan;
    const asked = await this.ask(visit);
    if (asked.reason !== undefined) return this.bypass(visit, asked.reason);
    const { slot, identifiers } = asked;
    const reading = await this.reader.read(identifiers);
    if (reading.kind !== 'tokens') {
      return this.bypass(visit, reading.kind, identifiers);
    }
    const fingerprint = fingerprintOf(identifiers, reading.tokens);
    const place = {
      source,
      name,
      slot,
      identifiers,
      fingerprint,
      ttlMs,
    } as const;
    const { found, outdated } = await this.kept.find(place);
    if (found) return of(found.value);
    // Deferred: nobody runs a handler for a call that was given up.
    return defer(() => this.miss(visit, place, outdated)).pipe(
      switchMap(answer => answer),
    );
  }

  /** Finds out what the call asks for. What an application's function throws is its own: no error. */
  private async ask({ plan, call, context }: Visit): Promise<Asked> {
    try {
      const principal = plan.principal?.(context);
      const selection = maySelect({
        method: 'GET',
        scope: plan.scope,
        credentials: call.hasCredentials(),
        principal: isSomebody(principal) ? principal : undefined,
      });
      if (!selection.use) return { reason: selection.reason };
      const dependencies = await plan.refs(context);
      if (!dependencies) return { reason: 'invalid-key' };
      const parent = this.texts.textOf(plan.name, call.parent);
      if (!parent.ok) return { reason: 'unencodable' };
      const slot = composeKey([
        {
          kind: 'literal',
          // One list, as no literal of `wrap` is one: neither finds what the other keeps.
          value: [
            this.options.release,
            context.getType(),
            plan.name,
            principal,
            plan.varyHeaders.map(header => call.requestHeader(header)),
            plan.variant?.(context),
            call.arguments,
            parent.text,
            call.facts(plan.seesSelection),
          ],
        },
      ]);
      return { slot, identifiers: identifiersOf(dependencies) };
    } catch (error) {
      if (isUnencodable(error)) return { reason: 'unencodable' };
      this.failures.run(plan.name, () =>
        this.logger.warn(
          `A function given to @CacheKeyed on ${plan.name} failed, or named what cannot be depended on; ` +
            `such calls are not cached. Later failures are not logged. ${String(error)}`,
        ),
      );
      return { reason: 'declaration-error' };
    }
  }

  private async miss(
    visit: Visit,
    place: ValuePlace,
    outdated: boolean,
  ): Promise<Observable<unknown>> {
    const { name, identifiers } = place;
    const key = `${place.slot} ${place.fingerprint}`;
    const collapsed = this.runs.has(key);
    const reason = outdated ? 'outdated' : 'absent';
    this.events.emit('miss', { source, name, identifiers, reason, collapsed });
    let own = false;
    const run = await this.runs.run(
      key,
      () => {
        own = true;
        return this.run(visit, place);
      },
      made => (made.kept ? this.kept.arrived() : undefined),
    );
    if (own) {
      if (run.reason) this.report(visit.plan, run.reason, identifiers);
      return run.answer;
    }
    const copy = run.kept && this.texts.valueOf(name, run.kept);
    // What was not kept is the other's own: a stream, a cookie, something private.
    return copy
      ? of(copy.value)
      : this.bypass(visit, run.reason ?? 'unencodable', identifiers);
  }

  private async run(
    { plan, call, next }: Visit,
    place: ValuePlace,
  ): Promise<HandlerRun> {
    const answered = await soleValue(next.handle());
    if (answered.kind === 'stream') {
      return { answer: answered.stream, reason: 'stream' };
    }
    const { value } = answered;
    const answer = of(value);
    const reason = reasonNotToKeep(plan, call, value);
    return reason
      ? { answer, reason }
      : { answer, kept: this.kept.keep(place, value) };
  }

  private bypass(
    { plan, next }: Visit,
    reason: BypassReason,
    identifiers: readonly Identifier[] = [],
  ): Observable<unknown> {
    this.report(plan, reason, identifiers);
    return next.handle();
  }

  private report(
    { name }: CallPlan,
    reason: BypassReason,
    identifiers: readonly Identifier[],
  ): void {
    this.events.emit('bypass', { source, name, reason, identifiers });
  }
}

function reasonNotToKeep(
  { scope }: CallPlan,
  call: Call,
  value: unknown,
): BypassReason | undefined {
  // An interceptor behind ours may have found out who asks.
  if (scope === 'anonymous' && call.hasCredentials()) return 'credentials';
  if (call.setsCookie()) return 'set-cookie';
  // GraphQL takes an error that is answered for one that is thrown.
  if (types.isNativeError(value)) return 'handler-error';
  return typeof value === 'object' && value !== null && isBareStream(value)
    ? 'stream'
    : undefined;
}
