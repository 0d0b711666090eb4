import { QUERY_OPS } from '../core/reads/query-rules.js';
import { type AlkeyModuleOptions } from './alkey.options.js';
import {
  boolean,
  type Check,
  checkOption,
  integer,
  isListOf,
  isObject,
  oneOf,
  scope,
  timer,
} from './option-checks.js';

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
      isListOf(value, name => typeof name === 'string') && value.length > 0,
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
  queries: {
    expected:
      "a boolean, or a record by entity of { ops?, ttlMs? }, with 'all' or a list of " +
      `${QUERY_OPS.map(op => `'${op}'`).join(', ')}, and an integer >= 1`,
    holds: value => typeof value === 'boolean' || isQueryRules(value),
  },
  derived: {
    expected:
      "a record of lists of tables, such as { orders: ['order_totals'] }",
    holds: value =>
      isObject(value) &&
      !Array.isArray(value) &&
      Object.values(value).every(tables =>
        isListOf(tables, table => typeof table === 'string'),
      ),
  },
  scope,
  release: {
    expected: 'a text',
    holds: value => typeof value === 'string',
  },
  maxBodyBytes: integer(0),
  maxBytesPerRoute: integer(1),
  undeclared: oneOf('off', 'warn', 'throw'),
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

function isQueryRules(value: unknown): boolean {
  return (
    isObject(value) &&
    !Array.isArray(value) &&
    Object.values(value).every(
      (rule: unknown) =>
        isObject(rule) &&
        Object.entries(rule).every(
          ([name, part]: [string, unknown]) =>
            part === undefined ||
            (Object.hasOwn(RULE_PARTS, name) && RULE_PARTS[name]?.(part)),
        ),
    )
  );
}

const RULE_PARTS: Readonly<Record<string, Check['holds']>> = {
  ops: part =>
    part === 'all' || isListOf(part, op => QUERY_OPS.some(one => one === op)),
  ttlMs: integer(1).holds,
};

/** @throws AlkeyError `ALKEY_INVALID_OPTION` */
export function checkModuleOption(name: string, value: unknown): void {
  checkOption(CHECKS, name, value, 'AlkeyModule');
}

/** Options or a client; what they hold is checked by node-redis, but a wrong URL is ours to name. */
function isRedisObject(value: unknown): boolean {
  if (!isObject(value) || Array.isArray(value)) return false;
  const url: unknown = 'url' in value ? value.url : undefined;
  return url === undefined || isRedisUrl(url);
}

export function isRedisUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, pathname } = new URL(value);
  // The path is the number of the database.
  return ['redis:', 'rediss:'].includes(protocol) && /^\/?\d*$/.test(pathname);
}
