import { type Cache } from 'cache-manager';
import { type QueriesOption } from '../core/reads/query-rules.js';
import { type RedisOption } from '../redis/open-redis.js';
import { checkModuleOption, isRedisUrl } from './alkey.option-checks.js';
import { type CacheScope } from './cache-keyed.metadata.js';
import { integer, invalidOption, isObject } from './option-checks.js';
import { type ValueSerializer } from './value-texts.js';

/** What `AlkeyModule.forRoot()` takes; every option has a default. Times are in milliseconds. */
export interface AlkeyModuleOptions {
  /**
   * Where tokens and responses are shared: a URL, options of node-redis for a server, a cluster or
   * sentinels, a connected client, or a `KeyvRedis`. `false`: in this process only.
   * @default the URL in `REDIS_URL` (database `REDIS_DB`), where that is set, else `false`
   */
  readonly redis?: RedisOption | false | undefined;
  /** Holds the responses. @default memory first, then the same Redis */
  readonly cache?: Cache | undefined;
  /** Prefix of every key in Redis. @default 'alkey' */
  readonly namespace?: string | undefined;
  /** Names of the data sources to observe. @default all that Nest knows */
  readonly dataSources?: readonly string[] | undefined;
  /** How long a stored response lives at most. @default 86_400_000 (1 day) */
  readonly ttlMs?: number | undefined;
  /** How long a token lives at most without being read. @default 86_400_000 (1 day) */
  readonly tokenTtlMs?: number | undefined;
  /**
   * `strict`: announce a commit before it, so that nothing stale is ever served; `commit`: change
   * tokens after it, one round trip less per write. @default 'strict'
   */
  readonly consistency?: 'strict' | 'commit' | undefined;
  /** How long a hold outlives a process that died. @default 30_000 */
  readonly leaseMs?: number | undefined;
  /** How much longer a hold lasts after the commit, for reads from replicas; 0: not at all. @default 0 */
  readonly replicaLagMs?: number | undefined;
  /**
   * Keeps copies of tokens in the process, which Redis's own messages drop; `maxAgeMs`: how old a copy
   * may be whose connection died without a word. One Redis server only. @default false
   */
  readonly near?: false | NearOptions | undefined;
  /** How long a request waits for Redis before it goes on without a cache. @default 50 */
  readonly storeTimeoutMs?: number | undefined;
  /**
   * What a commit does when it cannot be announced: `serve`, commit all the same; `abort`, fail
   * before it. @default 'serve'
   */
  readonly onStoreFailure?: 'serve' | 'abort' | undefined;
  /** Rows one transaction may name in a table before the whole table counts; 0: always. @default 1000 */
  readonly maxRowsPerTable?: number | undefined;
  /** Whether the write of a child touches the rows of its parents. @default true */
  readonly parents?: boolean | undefined;
  /**
   * What a statement changes that may write what its text does not tell (`CALL`, `DO`): `all`, every
   * token; `warn`, none, and a warning is logged. @default 'all'
   */
  readonly onUnknownWrite?: 'all' | 'warn' | undefined;
  /**
   * Which queries of TypeORM are cached until what they read is written: `true`, all; or by entity,
   * `'*'` for those not named: `{ User: { ops: ['get', 'fetch'], ttlMs: 900_000 }, '*': {} }`. What a
   * query says by its own `cache` comes first. `false`: none, and TypeORM is left as it is.
   * @default false
   */
  readonly queries?: QueriesOption | undefined;
  /**
   * Tables that triggers write when a table is written, both as identifiers name them:
   * `{ orders: ['order_totals'] }`. @default none
   */
  readonly derived?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Whose answers routes share, where `@CacheKeyed` does not say. @default 'anonymous' */
  readonly scope?: CacheScope | undefined;
  /** Part of every stored response: change it when a deploy changes what handlers answer. @default none */
  readonly release?: string | undefined;
  /** A larger body is passed on, not stored; in bytes; 0: nothing is stored. @default 1_048_576 (1 MiB) */
  readonly maxBodyBytes?: number | undefined;
  /**
   * What one route, resolver, message handler or kind of query of an entity may keep, of what one
   * process stored, in bytes of text; beyond it answers go that nobody asked for longest.
   * @default 33_554_432 (32 MiB)
   */
  readonly maxBytesPerRoute?: number | undefined;
  /**
   * What happens when a handler reads a table that its refs do not cover: `warn`, one line in the log
   * with the ref to add; `throw`, the request fails; `off`, nothing, and nobody looks.
   * @default 'warn', with NODE_ENV=production 'off'
   */
  readonly undeclared?: 'off' | 'warn' | 'throw' | undefined;
  /**
   * How values are stored that are handed to code: by `CacheKeyService.wrap`, resolvers and message
   * handlers. @default JSON, and what else `wrap` says that it carries
   */
  readonly serializer?: ValueSerializer | undefined;
  /** Whether `Cache-Status` names identifiers and reasons, which can reveal table names. @default NODE_ENV is not 'production' */
  readonly expose?: boolean | undefined;
}

export interface NearOptions {
  /** Milliseconds, at least 1. */
  readonly maxAgeMs: number;
}

/** The same, complete and checked. */
export type ResolvedOptions = {
  readonly [
    Name in keyof typeof DEFAULTS
  ]: Required<AlkeyModuleOptions>[Name] & {};
} & {
  readonly redis: RedisOption | false;
  readonly cache: Cache | undefined;
  readonly dataSources: readonly string[] | undefined;
  readonly derived: Readonly<Record<string, readonly string[]>> | undefined;
  readonly release: string | undefined;
  readonly serializer: ValueSerializer | undefined;
  readonly expose: boolean;
  readonly undeclared: 'off' | 'warn' | 'throw';
};

const DAY_MS = 86_400_000;

/** The one place for defaults that do not depend on the environment. */
export const DEFAULTS = {
  namespace: 'alkey',
  ttlMs: DAY_MS,
  tokenTtlMs: DAY_MS,
  consistency: 'strict',
  leaseMs: 30_000,
  replicaLagMs: 0,
  near: false,
  storeTimeoutMs: 50,
  onStoreFailure: 'serve',
  maxRowsPerTable: 1000,
  parents: true,
  onUnknownWrite: 'all',
  queries: false,
  scope: 'anonymous',
  maxBodyBytes: 1_048_576,
  maxBytesPerRoute: 33_554_432,
} as const satisfies AlkeyModuleOptions;

/** What of the environment decides about defaults. */
export interface Environment {
  readonly REDIS_URL?: string | undefined;
  readonly REDIS_DB?: string | undefined;
  readonly REDIS_MAX_CONNECTIONS?: string | undefined;
  readonly NODE_ENV?: string | undefined;
}

/**
 * Completes and checks the options. The given object is left as it is.
 *
 * @throws AlkeyError `ALKEY_INVALID_OPTION`, which names the option, the value and what was expected
 */
export function resolveOptions(
  options: AlkeyModuleOptions,
  environment: Environment,
): ResolvedOptions {
  if (!isObject(options)) {
    throw invalidOption('the options of AlkeyModule', 'an object', options);
  }
  const given = Object.entries(options).filter(
    ([, value]) => value !== undefined,
  );
  for (const [name, value] of given) checkModuleOption(name, value);
  // Known here only where Redis is refused by the option itself.
  if (options.near && options.redis === false) {
    throw invalidOption('`near`', 'false where `redis` is false', options.near);
  }
  return {
    // Not asked where the option decides: a wrong variable of others would be no mistake.
    redis:
      options.redis === undefined ? redisFromEnvironment(environment) : false,
    cache: undefined,
    dataSources: undefined,
    derived: undefined,
    release: undefined,
    serializer: undefined,
    expose: environment.NODE_ENV !== 'production',
    undeclared: environment.NODE_ENV === 'production' ? 'off' : 'warn',
    ...DEFAULTS,
    ...Object.fromEntries(given),
  };
}

/** `REDIS_URL` with the database `REDIS_DB`, as one URL; `false` where there is none. */
function redisFromEnvironment({
  REDIS_URL,
  REDIS_DB,
  REDIS_MAX_CONNECTIONS,
}: Environment): RedisOption | false {
  if (!REDIS_URL) return false;
  if (!isRedisUrl(REDIS_URL)) {
    throw invalidOption(
      '`REDIS_URL`',
      'a URL such as redis://localhost:6379',
      REDIS_URL,
    );
  }
  // One connection carries everything, so every maximum is kept; a wrong one is still a mistake.
  if (REDIS_MAX_CONNECTIONS) {
    checkNumber('REDIS_MAX_CONNECTIONS', REDIS_MAX_CONNECTIONS, 1);
  }
  if (!REDIS_DB) return REDIS_URL;
  checkNumber('REDIS_DB', REDIS_DB, 0);
  const url = new URL(REDIS_URL);
  url.pathname = `/${REDIS_DB}`;
  return url.href;
}

function checkNumber(name: string, value: string, least: number): void {
  const { expected, holds } = integer(least);
  if (!/^\d+$/.test(value) || !holds(Number(value))) {
    throw invalidOption(`\`${name}\``, expected, value);
  }
}
