import { type Cache } from 'cache-manager';
import { AlkeyError, describeValue, didYouMean } from '../core/errors.js';
import { type RedisOption } from '../redis/open-redis.js';
import { type CacheScope } from './cache-keyed.metadata.js';
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
   * What one route may keep, of what one process stored, in bytes of text; beyond it answers go that
   * nobody asked for longest. @default 33_554_432 (32 MiB)
   */
  readonly maxBytesPerRoute?: number | undefined;
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

interface Check {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

const integer = (least: number): Check => ({
  expected: `an integer >= ${least}`,
  holds: value => Number.isSafeInteger(value) && Number(value) >= least,
});
/** A timer that is to wait longer than this fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const timer = (least: number): Check => ({
  expected: `an integer from ${least} to ${LONGEST_TIMER_MS}`,
  holds: value =>
    integer(least).holds(value) && Number(value) <= LONGEST_TIMER_MS,
});
const oneOf = (...values: readonly string[]): Check => ({
  expected: values.map(value => `'${value}'`).join(' or '),
  holds: value => typeof value === 'string' && values.includes(value),
});
const boolean: Check = {
  expected: 'a boolean',
  holds: value => typeof value === 'boolean',
};
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null;

const NAMESPACE = /^[A-Za-z0-9_.~:-]+$/;

const CHECKS: Readonly<Record<keyof AlkeyModuleOptions, Check>> = {
  redis: {
    expected:
      'a URL (redis:// or rediss://), options of node-redis, a client, a KeyvRedis, or false',
    holds: value =>
      value === false || isRedisUrl(value) || isRedisObject(value),
  },
  cache: {
    expected: 'a Cache of cache-manager (with `get`, `set` and `stores`)',
    holds: value =>
      isObject(value) &&
      'stores' in value &&
      Array.isArray(value.stores) &&
      value.stores.length > 0,
  },
  namespace: {
    expected: 'letters, digits and "_.~:-", at least one',
    holds: value => typeof value === 'string' && NAMESPACE.test(value),
  },
  dataSources: {
    expected: 'a list of names, at least one',
    holds: value =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.every(name => typeof name === 'string'),
  },
  ttlMs: integer(1),
  tokenTtlMs: integer(1000),
  consistency: oneOf('strict', 'commit'),
  leaseMs: timer(100),
  replicaLagMs: integer(0),
  near: {
    expected: 'false or { maxAgeMs }, an integer >= 1',
    holds: value =>
      value === false ||
      (isObject(value) &&
        Object.keys(value).every(name => name === 'maxAgeMs') &&
        'maxAgeMs' in value &&
        integer(1).holds(value.maxAgeMs)),
  },
  storeTimeoutMs: timer(1),
  onStoreFailure: oneOf('serve', 'abort'),
  maxRowsPerTable: integer(0),
  parents: boolean,
  onUnknownWrite: oneOf('all', 'warn'),
  derived: {
    expected:
      "a record of lists of tables, such as { orders: ['order_totals'] }",
    holds: value =>
      isObject(value) &&
      !Array.isArray(value) &&
      Object.values(value).every(
        tables =>
          Array.isArray(tables) &&
          tables.every(table => typeof table === 'string'),
      ),
  },
  scope: {
    expected: "'anonymous', 'shared' or a function",
    holds: value =>
      value === 'anonymous' ||
      value === 'shared' ||
      typeof value === 'function',
  },
  release: {
    expected: 'a text',
    holds: value => typeof value === 'string',
  },
  maxBodyBytes: integer(0),
  maxBytesPerRoute: integer(1),
  serializer: {
    expected: 'an object with the functions `serialize` and `deserialize`',
    holds: value =>
      isObject(value) &&
      ['serialize', 'deserialize'].every(
        name => typeof Reflect.get(value, name) === 'function',
      ),
  },
  expose: boolean,
};

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
    throw new AlkeyError(
      'ALKEY_INVALID_OPTION',
      `Expected the options of AlkeyModule to be an object, got ${describeValue(options)}.`,
    );
  }
  const given = Object.entries(options).filter(
    ([, value]) => value !== undefined,
  );
  for (const [name, value] of given) checkOption(name, value);
  // Known here only where Redis is refused by the option itself.
  if (options.near && options.redis === false) {
    throw invalidOption('near', 'false where `redis` is false', options.near);
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
    ...DEFAULTS,
    ...Object.fromEntries(given),
  };
}

function checkOption(name: string, value: unknown): void {
  if (!isOptionName(name)) {
    const known = Object.keys(CHECKS);
    const meant = didYouMean(name, known);
    throw new AlkeyError(
      'ALKEY_INVALID_OPTION',
      `AlkeyModule has no option \`${name}\`.` +
        (meant === undefined ? '' : ` Did you mean \`${meant}\`?`) +
        ` It has ${known.map(each => `\`${each}\``).join(', ')}.`,
    );
  }
  const check = CHECKS[name];
  if (!check.holds(value)) throw invalidOption(name, check.expected, value);
}

function isOptionName(name: string): name is keyof AlkeyModuleOptions {
  return Object.hasOwn(CHECKS, name);
}

/**
 * For what `wrap` is told for one value.
 *
 * @throws AlkeyError `ALKEY_INVALID_OPTION`
 */
export function checkTtlMs(ttlMs: unknown): void {
  checkOption('ttlMs', ttlMs);
}

function invalidOption(
  name: string,
  expected: string,
  value: unknown,
): AlkeyError {
  return new AlkeyError(
    'ALKEY_INVALID_OPTION',
    `Expected \`${name}\` to be ${expected}, got ${describeValue(value)}.`,
  );
}

/** Options or a client; what they hold is checked by node-redis, but a wrong URL is ours to name. */
function isRedisObject(value: unknown): boolean {
  if (!isObject(value) || Array.isArray(value)) return false;
  const url: unknown = 'url' in value ? value.url : undefined;
  return url === undefined || isRedisUrl(url);
}

function isRedisUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, pathname } = new URL(value);
  // The path is the number of the database.
  return ['redis:', 'rediss:'].includes(protocol) && /^\/?\d*$/.test(pathname);
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
      'REDIS_URL',
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
  if (!/^\d+$/.test(value) || Number(value) < least) {
    throw invalidOption(name, `an integer >= ${least}`, value);
  }
}
