import { randomBytes } from 'node:crypto';
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
import { MemoryTokenStore } from '../core/tokens/memory-token-store.js';
import { GuardedTokenStore } from '../core/tokens/guarded-token-store.js';
import { systemTimers } from '../core/tokens/timers.js';
import { TokenStore } from '../core/tokens/token-store.js';
import { WriteAnnouncer } from '../core/writes/write-announcer.js';
import { type OpenedRedis, openRedis } from '../redis/open-redis.js';
import { RedisTokenStore } from '../redis/redis-token-store.js';
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
import { CacheKeyService } from './cache-key.service.js';
import { ClassMemory } from './class-memory.js';
import { DataSourceObserver } from './data-source-observer.js';
import {
  ALKEY_ANNOUNCER,
  ALKEY_CACHE,
  ALKEY_OPTIONS,
  ALKEY_REDIS,
} from './injection-tokens.js';
import { RefCompiler } from './ref-compiler.js';
import { RefResolver } from './ref-resolver.js';
import { createResponseCache } from './response-cache.js';
import { ResponseCapture } from './response-capture.js';
import { ResponseStore } from './response-store.js';
import { RoutePlans } from './route-plans.js';
import { RouteResponses } from './route-responses.js';
import { StoreLog } from './store-log.js';
import { TokenReader } from './token-reader.js';
import { within } from './within.js';

/** Tokens kept in memory where there is no Redis; one that goes makes its readers miss once. */
const MAX_TOKENS_IN_MEMORY = 100_000;

/**
 * How long the start waits for a connection that is still being made. Without it the first writes
 * and requests, a moment later, would find the store away.
 */
const FIRST_CONNECTION_MS = 500;

/** A clock that never goes back, in milliseconds. */
const clock = (): number => performance.now();

const providers: Provider[] = [
  AlkeyEvents,
  StoreLog,
  ClassMemory,
  DataSourceObserver,
  ResponseStore,
  ResponseCapture,
  RoutePlans,
  RouteResponses,
  RefResolver,
  TokenReader,
  CacheKeyService,
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
    useFactory: (
      { namespace, storeTimeoutMs, tokenTtlMs }: ResolvedOptions,
      redis: OpenedRedis | undefined,
      log: StoreLog,
    ): TokenStore =>
      redis
        ? new GuardedTokenStore({
            store: new RedisTokenStore({
              commands: redis.commands,
              namespace,
              randomBytes,
              tokenTtlMs,
              clock,
            }),
            storeTimeoutMs,
            clock,
            timers: systemTimers,
            onEvent: event => log.tokenStore(event),
          })
        : new MemoryTokenStore({
            clock,
            randomBytes,
            tokenTtlMs,
            maxTokens: MAX_TOKENS_IN_MEMORY,
          }),
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
        randomBytes,
        timers: systemTimers,
        clock,
        onHeld: identifiers =>
          events.emit('held', { identifiers, leaseMs: options.leaseMs }),
        onReleased: (identifiers, heldMs) =>
          events.emit('released', { identifiers, heldMs }),
        onTouched: identifiers =>
          events.emit('touched', { identifiers, cause: 'write' }),
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
  }

  /** Closes what was opened here; a client or a cache that was handed in stays open. */
  async onApplicationShutdown(): Promise<void> {
    this.observer.stop();
    await this.responses.settled();
    await this.store.close();
    await this.redis?.close();
  }
}

/** Redis answers, or has had its time to. */
async function connected({ commands }: OpenedRedis): Promise<void> {
  const deadline = clock() + FIRST_CONNECTION_MS;
  for (;;) {
    const leftMs = deadline - clock();
    if (leftMs <= 0) return;
    try {
      await within(leftMs, () => commands.getMany(['alkey']));
      return;
    } catch {
      await sleep(10);
    }
  }
}
