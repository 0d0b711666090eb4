import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DynamicModule,
  Inject,
  Logger,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Provider,
} from '@nestjs/common';
import { type Cache } from 'cache-manager';
import { QueryRules } from '../core/reads/query-rules.js';
import { RENEWAL_MS } from '../core/tokens/recovery.js';
import { systemClock, systemTimers } from '../core/tokens/timers.js';
import { TokenStore } from '../core/tokens/token-store.js';
import { ClusterFlight } from '../core/cluster-flight.js';
import { WriteAnnouncer } from '../core/writes/write-announcer.js';
import { type OpenedRedis, openRedis } from '../redis/open-redis.js';
import { RedisRunLeases } from '../redis/run-leases.js';
import { EntityCatalog } from '../typeorm/entity-catalog.js';
import { UniqueRows } from '../typeorm/unique-rows.js';
import { AlkeyEvents } from './alkey-events.js';
import {
  ALKEY_GIVEN_OPTIONS,
  ConfigurableModuleClass,
  type OPTIONS_TYPE,
} from './alkey.module-definition.js';
import {
  type AlkeyModuleOptions,
  type ResolvedOptions,
  resolveOptions,
} from './alkey.options.js';
import { AnswerSelection } from './answer-selection.js';
import { BypassReports } from './bypass-reports.js';
import { CacheKeyService } from './cache-key.service.js';
import { CallAnswers } from './call-answers.js';
import { CallPlans } from './call-plans.js';
import { DataSourceObserver } from './data-source-observer.js';
import {
  ALKEY_ANNOUNCER,
  ALKEY_CACHE,
  ALKEY_OPTIONS,
  ALKEY_REDIS,
} from './injection-tokens.js';
import { KeptValues } from './kept-values.js';
import { ManualTouches } from './manual-touches.js';
import { QueryAnswers } from './query-answers.js';
import { QueryCache } from './query-cache.js';
import { RefCompiler } from './ref-compiler.js';
import { RefResolver } from './ref-resolver.js';
import { createResponseCache } from './response-cache.js';
import { RecordedAnswers } from './recorded-answers.js';
import { RecordedRoutes } from './recorded-routes.js';
import { Recorder } from './recorder.js';
import { ResponseCapture } from './response-capture.js';
import { ResponseStore } from './response-store.js';
import { HandlerRuns } from './handler-runs.js';
import { HeldAnswers } from './held-answers.js';
import { RouteBypasses } from './route-bypasses.js';
import { RouteFlights } from './route-flights.js';
import { RouteHeaders } from './route-headers.js';
import { RouteHits } from './route-hits.js';
import { RoutePlans } from './route-plans.js';
import { RouteRequests } from './route-requests.js';
import { RouteResponses } from './route-responses.js';
import { RouteRuns } from './route-runs.js';
import { StaleAnswers } from './stale-answers.js';
import { StoreLog } from './store-log.js';
import { createTokenStore } from './create-token-store.js';
import { TokenReader } from './token-reader.js';
import { UndeclaredReads } from './undeclared-reads.js';
import { ValueTexts } from './value-texts.js';
import { within } from './within.js';
import { WrappedValues } from './wrapped-values.js';

/**
 * How long the start waits for a connection that is still being made. Without it the first writes
 * and requests, a moment later, would find the store away.
 */
const FIRST_CONNECTION_MS = 500;

const providers: Provider[] = [
  AlkeyEvents,
  BypassReports,
  AnswerSelection,
  StoreLog,
  DataSourceObserver,
  ResponseStore,
  ResponseCapture,
  RoutePlans,
  RouteRequests,
  RouteHeaders,
  RouteBypasses,
  StaleAnswers,
  HeldAnswers,
  RouteHits,
  RouteFlights,
  RouteRuns,
  RecordedAnswers,
  RecordedRoutes,
  RouteResponses,
  Recorder,
  HandlerRuns,
  UndeclaredReads,
  CallPlans,
  CallAnswers,
  KeptValues,
  WrappedValues,
  ManualTouches,
  QueryAnswers,
  QueryCache,
  RefResolver,
  TokenReader,
  CacheKeyService,
  {
    provide: QueryRules,
    inject: [ALKEY_OPTIONS],
    useFactory: ({ queries, ttlMs }: ResolvedOptions) =>
      new QueryRules(queries, ttlMs),
  },
  { provide: EntityCatalog, useFactory: () => new EntityCatalog() },
  {
    provide: ALKEY_OPTIONS,
    inject: [ALKEY_GIVEN_OPTIONS],
    useFactory: (given: AlkeyModuleOptions) =>
      resolveOptions(given, process.env),
  },
  {
    provide: ALKEY_REDIS,
    inject: [ALKEY_OPTIONS, StoreLog],
    useFactory: (
      { redis }: ResolvedOptions,
      log: StoreLog,
    ): OpenedRedis | undefined =>
      redis === false
        ? undefined
        : openRedis(redis, { onError: error => log.connectionFailed(error) }),
  },
  {
    provide: TokenStore,
    inject: [ALKEY_OPTIONS, ALKEY_REDIS, StoreLog],
    useFactory: createTokenStore,
  },
  {
    provide: ALKEY_CACHE,
    inject: [ALKEY_OPTIONS, ALKEY_REDIS, StoreLog],
    useFactory: (
      { cache }: ResolvedOptions,
      redis: OpenedRedis | undefined,
      log: StoreLog,
    ): Cache =>
      cache ?? createResponseCache(redis, error => log.connectionFailed(error)),
  },
  {
    provide: ALKEY_ANNOUNCER,
    inject: [ALKEY_OPTIONS, TokenStore, AlkeyEvents],
    useFactory: (
      options: ResolvedOptions,
      store: TokenStore,
      events: AlkeyEvents,
    ) =>
      new WriteAnnouncer(store, {
        ...options,
        renewalMs: options.redis === false ? undefined : RENEWAL_MS,
        randomBytes,
        timers: systemTimers,
        clock: systemClock,
        onHeld: identifiers =>
          events.emit('held', { identifiers, leaseMs: options.leaseMs }),
        onReleased: (identifiers, heldMs) =>
          events.emit('released', { identifiers, heldMs }),
        onTouched: identifiers =>
          events.emit('touched', { identifiers, cause: 'write' }),
      }),
  },
  {
    provide: ValueTexts,
    inject: [ALKEY_OPTIONS],
    useFactory: ({ serializer }: ResolvedOptions) =>
      new ValueTexts(serializer, process.env['NODE_ENV'] !== 'production'),
  },
  {
    provide: ClusterFlight,
    inject: [ALKEY_OPTIONS, ALKEY_REDIS],
    useFactory: (
      { namespace, storeTimeoutMs }: ResolvedOptions,
      redis: OpenedRedis | undefined,
    ) =>
      redis &&
      new ClusterFlight({
        leaseTimeoutMs: storeTimeoutMs,
        leases: new RedisRunLeases(redis.commands, namespace),
        newOwner: () => randomUUID(),
        timers: systemTimers,
        clock: systemClock,
      }),
  },
  {
    provide: UniqueRows,
    inject: [EntityCatalog, TokenReader],
    useFactory: (catalog: EntityCatalog, reader: TokenReader) =>
      new UniqueRows(catalog, async identifiers => {
        const reading = await reader.read(identifiers);
        return reading.kind === 'tokens' ? reading.tokens : undefined;
      }),
  },
  {
    provide: RefCompiler,
    inject: [EntityCatalog, RefResolver, UniqueRows],
    useFactory: (
      catalog: EntityCatalog,
      resolver: RefResolver,
      uniqueRows: UniqueRows,
    ) => new RefCompiler(catalog, resolver, uniqueRows),
  },
];

/**
 * Caches under keys that the database writes themselves outdate. Import it once, with
 * `AlkeyModule.forRoot()` or `forRootAsync()`; every data source that Nest knows is observed.
 */
@Module({
  providers,
  exports: [
    AlkeyEvents,
    ALKEY_CACHE,
    CacheKeyService,
    CallAnswers,
    RouteResponses,
    TokenStore,
  ],
})
export class AlkeyModule
  extends ConfigurableModuleClass
  implements OnModuleInit, OnApplicationShutdown
{
  constructor(
    @Inject(ALKEY_GIVEN_OPTIONS) private readonly given: AlkeyModuleOptions,
    @Inject(ALKEY_REDIS) private readonly redis: OpenedRedis | undefined,
    private readonly store: TokenStore,
    private readonly observer: DataSourceObserver,
    private readonly plans: RoutePlans,
    private readonly callPlans: CallPlans,
    private readonly responses: ResponseStore,
  ) {
    super();
  }

  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return super.forRoot(options);
  }

  /** Nest calls this of global modules first, so that seeds in other modules are observed. */
  async onModuleInit(): Promise<void> {
    // Whoever says `redis: false` knows.
    if (!this.redis && this.given.redis === undefined) {
      new Logger('Alkey').warn(
        'Tokens and responses are kept in memory: not shared between processes. Give `redis` or set REDIS_URL.',
      );
    }
    if (this.redis) await connected(this.redis);
    await this.observer.observe();
    this.plans.prepare();
    this.callPlans.prepare();
  }

  /** Closes what was opened here; a client or a cache that was handed in stays open. */
  async onApplicationShutdown(): Promise<void> {
    await this.observer.stop();
    await this.responses.settled();
    await this.store.close();
    await this.redis?.close();
  }
}

/** Redis answers, or has had its time to. */
async function connected({ commands }: OpenedRedis): Promise<void> {
  const deadline = systemClock() + FIRST_CONNECTION_MS;
  for (;;) {
    const leftMs = deadline - systemClock();
    if (leftMs <= 0) return;
    try {
      await within(leftMs, () => commands.reach(['alkey']));
      return;
    } catch {
      await sleep(10);
    }
  }
}
