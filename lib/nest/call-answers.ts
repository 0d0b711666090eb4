import { types } from 'node:util';
import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
} from '@nestjs/common';
import { defer, from, type Observable, of, switchMap } from 'rxjs';
import {
  type Dependency,
  identifiersOf,
} from '../core/identifiers/dependency.js';
import { type Identifier } from '../core/identifiers/identifier.js';
import { composeKey } from '../core/keys/cache-key.js';
import { type KnownTokens } from '../core/reads/recording.js';
import { type BypassReason } from '../core/responses/cacheability.js';
import { type StoredBody } from '../core/responses/stored-response.js';
import { SingleFlight } from '../core/single-flight.js';
import { AlkeyEvents } from './alkey-events.js';
import { type ResolvedOptions } from './alkey.options.js';
import { AnswerSelection, type Selected } from './answer-selection.js';
import { BypassReports } from './bypass-reports.js';
import { type Call, callOf } from './call.js';
import { type CallPlan, CallPlans } from './call-plans.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import {
  KeptValues,
  type ValuePlace,
  type WantedListed,
} from './kept-values.js';
import { type Handler } from './nest-metadata.js';
import { olderRunOver } from './older-runs.js';
import { Recorder } from './recorder.js';
import { soleValue } from './sole-value.js';
import { isBareStream } from './streams.js';
import { UndeclaredReads } from './undeclared-reads.js';
import { ValueTexts } from './value-texts.js';

/** A call on its way: what it asks, and what its handler's decorator says. */
interface Visit {
  readonly plan: CallPlan;
  readonly call: Call;
  readonly context: ExecutionContext;
  readonly next: CallHandler;
}

/** What one run of a handler gave: its answer, and what of it others may have. */
interface HandlerRun {
  readonly answer: Observable<unknown>;
  readonly kept?: StoredBody | undefined;
  readonly reason?: BypassReason;
  /** Tells why others may not have it. */
  readonly report?: () => void;
}

/** An answer that is to be made. */
interface Missed {
  /** Which calls may share a run. */
  readonly key: string;
  /** How many runs had begun when it was asked, where it may only have what was made after that. */
  readonly since?: number;
  /** As far as they are known before. */
  readonly identifiers: readonly Identifier[];
  readonly outdated: boolean;
  readonly produce: () => Promise<HandlerRun>;
}

type AskedCall = Extract<Selected, { readonly reason?: undefined }>;

const source = 'call';

/** Answers GraphQL queries and messages: with what is kept where nothing was written, else by their handlers. */
@Injectable()
export class CallAnswers {
  private readonly runs = new SingleFlight<string, HandlerRun>();

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    private readonly plans: CallPlans,
    private readonly selection: AnswerSelection,
    private readonly kept: KeptValues,
    private readonly recorder: Recorder,
    private readonly undeclared: UndeclaredReads,
    private readonly texts: ValueTexts,
    private readonly reports: BypassReports,
    private readonly events: AlkeyEvents,
  ) {}

  serve(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const call = callOf(context);
    const plan =
      call &&
      this.plans.planOf(context.getClass(), context.getHandler() as Handler);
    if (!call || !plan) return next.handle();
    const visit: Visit = { plan, call, context, next };
    return from(this.lookUp(visit)).pipe(switchMap(answer => answer));
  }

  private async lookUp(visit: Visit): Promise<Observable<unknown>> {
    const asked = await this.ask(visit);
    if (asked.reason !== undefined) return this.bypass(visit, asked.reason);
    return visit.plan.recorded
      ? this.lookUpListed(visit, asked.slot)
      : this.lookUpDeclared(visit, asked);
  }

  private async lookUpDeclared(
    visit: Visit,
    { slot, dependencies }: AskedCall,
  ): Promise<Observable<unknown>> {
    const { name, ttlMs } = visit.plan;
    const identifiers = identifiersOf(dependencies);
    const wanted = { source, name, slot, identifiers, ttlMs } as const;
    const found = await this.kept.find(wanted);
    if (found.kind === 'bypass') return visit.next.handle();
    if (found.kind === 'found') return of(found.value);
    const { place, outdated } = found;
    return this.missed(visit, {
      key: `${slot} ${place.fingerprint}`,
      identifiers,
      outdated,
      produce: () => this.run(visit, place, dependencies),
    });
  }

  private async lookUpListed(
    visit: Visit,
    slot: string,
    since = this.runs.begun,
    hasWaited = false,
  ): Promise<Observable<unknown>> {
    const { name, ttlMs } = visit.plan;
    const wanted = { source, name, slot, ttlMs } as const;
    const found = await this.kept.findListed(wanted);
    if (found.kind === 'bypass') return visit.next.handle();
    if (found.kind === 'found') return of(found.value);
    // What it has read may be older than this call. What is found when it is over is not.
    if (!hasWaited && this.runs.hasOlder(slot, since)) {
      await olderRunOver(this.runs, slot);
      return this.lookUpListed(visit, slot, since, true);
    }
    const { known, outdated } = found;
    return this.missed(visit, {
      key: slot,
      since,
      identifiers: [],
      outdated,
      produce: () => this.record(visit, wanted, known),
    });
  }

  /** Deferred: nobody runs a handler for a call that was given up. */
  private missed(visit: Visit, missed: Missed): Observable<unknown> {
    return defer(() => this.miss(visit, missed)).pipe(
      switchMap(answer => answer),
    );
  }

  /** Finds out what the call asks for. */
  private ask({ plan, call, context }: Visit): Promise<Selected> {
    return this.selection.select(plan, context, {
      // What a query, or a message that is cached, comes to: it changes nothing.
      method: 'GET',
      hasCredentials: () => call.hasCredentials(),
      slotOf: ({ principal, variant }) => {
        const parent = this.texts.textOf(plan.name, call.parent);
        if (!parent.ok) return undefined;
        return composeKey([
          {
            kind: 'literal',
            // One list, as no literal of `wrap` is one: neither finds what the other keeps.
            value: [
              this.options.release,
              context.getType(),
              plan.name,
              principal,
              plan.varyHeaders.map(header => call.requestHeader(header)),
              variant,
              call.arguments,
              parent.text,
              call.facts(plan.seesSelection),
            ],
          },
        ]);
      },
    });
  }

  private async miss(
    visit: Visit,
    { key, since, identifiers, outdated, produce }: Missed,
  ): Promise<Observable<unknown>> {
    const { name } = visit.plan;
    const collapsed = this.runs.has(key, since);
    const reason = outdated ? 'outdated' : 'absent';
    this.events.emit('miss', { source, name, identifiers, reason, collapsed });
    let own = false;
    const run = await this.runs.run(
      key,
      () => {
        own = true;
        return produce();
      },
      made => (made.kept ? this.kept.arrived() : undefined),
      since,
    );
    if (own) {
      run.report?.();
      return run.answer;
    }
    const copy = run.kept && this.texts.valueOf(name, run.kept);
    // What was not kept is the other's own: a stream, a cookie, something private.
    return copy
      ? of(copy.value)
      : this.bypass(visit, run.reason ?? 'unencodable', identifiers);
  }

  /** Runs a handler whose decorator says what its answer depends on. */
  private async run(
    visit: Visit,
    place: ValuePlace,
    declared: readonly Dependency[],
  ): Promise<HandlerRun> {
    const { name } = visit.plan;
    const answered = await this.undeclared.check(name, declared, () =>
      soleValue(visit.next.handle()),
    );
    return this.keep(visit, place, answered);
  }

  /** Runs a handler and takes down what it reads. */
  private async record(
    visit: Visit,
    wanted: WantedListed,
    known: KnownTokens,
  ): Promise<HandlerRun> {
    const { name } = visit.plan;
    const { value: answered, recorded } = await this.recorder.record(
      () => soleValue(visit.next.handle()),
      known,
    );
    if (recorded.reason === undefined) {
      const { identifiers, fingerprint, tokens } = recorded;
      const ttlMs = Math.min(wanted.ttlMs, recorded.ttlMs);
      const found = { identifiers, fingerprint, tokens, ttlMs } as const;
      const place = { ...wanted, ...found, listed: true } as const;
      return this.keep(visit, place, answered);
    }
    const { reason, why, dependencies } = recorded;
    const named = identifiersOf(dependencies);
    return {
      answer: answered.kind === 'stream' ? answered.stream : of(answered.value),
      reason,
      report: () => this.reports.report(source, name, reason, named, why),
    };
  }

  private keep(
    { plan, call }: Visit,
    place: ValuePlace,
    answered: Awaited<ReturnType<typeof soleValue>>,
  ): HandlerRun {
    const refuse = (
      answer: Observable<unknown>,
      reason: BypassReason,
    ): HandlerRun => {
      const { name } = plan;
      const { identifiers } = place;
      const report = (): void =>
        this.reports.report(source, name, reason, identifiers);
      return { answer, reason, report };
    };
    if (answered.kind === 'stream') return refuse(answered.stream, 'stream');
    const { value } = answered;
    const answer = of(value);
    const reason = reasonNotToKeep(plan, call, value);
    return reason
      ? refuse(answer, reason)
      : { answer, kept: this.kept.keep(place, value) };
  }

  private bypass(
    { plan, next }: Visit,
    reason: BypassReason,
    identifiers: readonly Identifier[] = [],
  ): Observable<unknown> {
    this.reports.report(source, plan.name, reason, identifiers);
    return next.handle();
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
