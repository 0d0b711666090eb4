import { describe, expect, it } from '@jest/globals';
import { createCache } from 'cache-manager';
import { AlkeyError } from '../../lib/core/errors.js';
import {
  type AlkeyModuleOptions,
  DEFAULTS,
  type Environment,
  resolveOptions,
} from '../../lib/nest/alkey.options.js';

function messageOf(options: unknown, environment: Environment = {}): string {
  try {
    resolveOptions(options as AlkeyModuleOptions, environment);
  } catch (error) {
    if (error instanceof AlkeyError && error.code === 'ALKEY_INVALID_OPTION') {
      return error.message;
    }
    throw error;
  }
  throw new Error('Expected the options to be refused.');
}

const URL_EXPECTED =
  'a URL (redis:// or rediss://), options of node-redis, a client, a KeyvRedis, or false';
const CACHE_EXPECTED =
  'a Cache of cache-manager (with `get`, `set` and `stores`)';
const SCOPE_EXPECTED = "'anonymous', 'shared' or a function";
const DERIVED_EXPECTED =
  "a record of lists of tables, such as { orders: ['order_totals'] }";
const SERIALIZER_EXPECTED =
  'an object with the functions `serialize` and `deserialize`';
const QUERIES_EXPECTED =
  "a boolean, or a record by entity of { ops?, ttlMs? }, with 'all' or a list of 'get', 'fetch', 'count', 'exists', and an integer >= 1";
const NEAR_EXPECTED = 'false or { maxAgeMs }, an integer >= 1';
const TIMER = 'to 2147483647';

describe('the options', () => {
  it.each<[keyof AlkeyModuleOptions, unknown, string, string]>([
    ['redis', true, URL_EXPECTED, '`true` (boolean)'],
    ['redis', null, URL_EXPECTED, '`null`'],
    ['redis', 'localhost', URL_EXPECTED, '`"localhost"` (string)'],
    ['redis', 'http://h', URL_EXPECTED, '`"http://h"` (string)'],
    ['redis', 'redis://h/one', URL_EXPECTED, '`"redis://h/one"` (string)'],
    ['redis', ['redis://h'], URL_EXPECTED, 'an array of 1'],
    ['redis', { url: 'localhost' }, URL_EXPECTED, 'an object'],
    ['cache', {}, CACHE_EXPECTED, 'an object'],
    ['cache', { stores: [] }, CACHE_EXPECTED, 'an object'],
    [
      'namespace',
      '',
      'letters, digits and "_.~:-", at least one',
      '`""` (string)',
    ],
    [
      'namespace',
      'a b',
      'letters, digits and "_.~:-", at least one',
      '`"a b"` (string)',
    ],
    [
      'namespace',
      '{a}',
      'letters, digits and "_.~:-", at least one',
      '`"{a}"` (string)',
    ],
    ['dataSources', [], 'a list of names, at least one', 'an array of 0'],
    [
      'dataSources',
      'reports',
      'a list of names, at least one',
      '`"reports"` (string)',
    ],
    ['dataSources', [1], 'a list of names, at least one', 'an array of 1'],
    ['ttlMs', 0, 'an integer >= 1', '`0` (number)'],
    ['ttlMs', '60', 'an integer >= 1', '`"60"` (string)'],
    ['ttlMs', Infinity, 'an integer >= 1', '`Infinity` (number)'],
    ['tokenTtlMs', 999, 'an integer >= 1000', '`999` (number)'],
    [
      'consistency',
      'eventual',
      "'strict' or 'commit'",
      '`"eventual"` (string)',
    ],
    ['leaseMs', 99, `an integer from 100 ${TIMER}`, '`99` (number)'],
    [
      'leaseMs',
      2 ** 31,
      `an integer from 100 ${TIMER}`,
      '`2147483648` (number)',
    ],
    ['replicaLagMs', -1, 'an integer >= 0', '`-1` (number)'],
    ['near', true, NEAR_EXPECTED, '`true` (boolean)'],
    ['near', {}, NEAR_EXPECTED, 'an object'],
    ['near', { maxAgeMs: 0 }, NEAR_EXPECTED, 'an object'],
    ['near', { maxAgeMs: 1, max: 2 }, NEAR_EXPECTED, 'an object'],
    ['storeTimeoutMs', 0, `an integer from 1 ${TIMER}`, '`0` (number)'],
    ['storeTimeoutMs', 0.5, `an integer from 1 ${TIMER}`, '`0.5` (number)'],
    ['onStoreFailure', 'throw', "'serve' or 'abort'", '`"throw"` (string)'],
    ['maxRowsPerTable', -1, 'an integer >= 0', '`-1` (number)'],
    ['maxRowsPerTable', Number.NaN, 'an integer >= 0', '`NaN` (number)'],
    ['parents', 'no', 'a boolean', '`"no"` (string)'],
    ['onUnknownWrite', 'throw', "'all' or 'warn'", '`"throw"` (string)'],
    ['queries', 'all', QUERIES_EXPECTED, '`"all"` (string)'],
    ['queries', [], QUERIES_EXPECTED, 'an array of 0'],
    ['queries', { User: true }, QUERIES_EXPECTED, 'an object'],
    ['queries', { User: { ops: 'get' } }, QUERIES_EXPECTED, 'an object'],
    ['queries', { User: { ops: ['gets'] } }, QUERIES_EXPECTED, 'an object'],
    ['queries', { User: { ttlMs: 0 } }, QUERIES_EXPECTED, 'an object'],
    ['queries', { User: { ttl: 5 } }, QUERIES_EXPECTED, 'an object'],
    ['derived', ['orders'], DERIVED_EXPECTED, 'an array of 1'],
    ['derived', { orders: 'totals' }, DERIVED_EXPECTED, 'an object'],
    ['scope', 'private', SCOPE_EXPECTED, '`"private"` (string)'],
    ['release', 7, 'a text', '`7` (number)'],
    ['maxBodyBytes', -1, 'an integer >= 0', '`-1` (number)'],
    ['maxBytesPerRoute', 0, 'an integer >= 1', '`0` (number)'],
    ['serializer', 'json', SERIALIZER_EXPECTED, '`"json"` (string)'],
    ['serializer', JSON, SERIALIZER_EXPECTED, 'an object'],
    [
      'serializer',
      { serialize: () => '', deserialize: 'no' },
      SERIALIZER_EXPECTED,
      'an object',
    ],
    ['expose', 1, 'a boolean', '`1` (number)'],
  ])('name %s where it is %p', (name, value, expected, got) => {
    expect(messageOf({ [name]: value })).toBe(
      `Expected \`${name}\` to be ${expected}, got ${got}.`,
    );
  });

  it('never show a password', () => {
    const message = messageOf({ redis: 'http://user:secret@host' });
    expect(message).toContain('***@host');
    expect(message).not.toContain('secret');
  });

  it.each(['constructor', 'toString'])(
    'refuse %s, which this version does not have',
    name => {
      expect(messageOf({ [name]: false })).toMatch(
        new RegExp(
          `^AlkeyModule has no option \`${name}\`\\. .*It has \`redis\`, `,
        ),
      );
    },
  );

  it('say which name was probably meant', () => {
    expect(messageOf({ maxRowPerTable: 5 })).toMatch(
      /^AlkeyModule has no option `maxRowPerTable`. Did you mean `maxRowsPerTable`\? It has `redis`, .*`expose`\.$/,
    );
  });

  it.each([undefined, null, 'redis://localhost', 5])(
    'are an object, not %p',
    value => {
      expect(messageOf(value)).toMatch(
        /^Expected the options of AlkeyModule to be an object, got /,
      );
    },
  );

  it('are the defaults where none is given, or undefined', () => {
    const defaults = {
      ...DEFAULTS,
      redis: false,
      cache: undefined,
      dataSources: undefined,
      release: undefined,
      serializer: undefined,
      undeclared: 'warn',
      expose: true,
    };
    expect(resolveOptions({}, {})).toEqual(defaults);
    const given = Object.fromEntries(
      Object.keys(defaults).map(name => [name, undefined]),
    );
    expect(resolveOptions(given, {})).toEqual(defaults);
  });

  it('win over the defaults, up to their extremes', () => {
    const given: AlkeyModuleOptions = {
      redis: 'rediss://user:pw@host:6380/2',
      cache: createCache(),
      namespace: 'shop:v1.a-b_c~',
      dataSources: ['default', 'reports'],
      ttlMs: 1,
      tokenTtlMs: 1000,
      consistency: 'commit',
      leaseMs: 100,
      replicaLagMs: 0,
      near: { maxAgeMs: 1 },
      storeTimeoutMs: 1,
      onStoreFailure: 'abort',
      maxRowsPerTable: 0,
      parents: false,
      onUnknownWrite: 'warn',
      queries: { User: { ops: [], ttlMs: 1 }, '*': { ops: 'all' } },
      derived: { orders: ['order_totals'] },
      scope: () => 'ada',
      release: '',
      maxBodyBytes: 0,
      maxBytesPerRoute: 1,
      serializer: { serialize: String, deserialize: text => text },
      undeclared: 'throw',
      expose: false,
    };
    expect(resolveOptions(given, { REDIS_URL: 'redis://other' })).toEqual(
      given,
    );
  });

  it('refuse near tokens where no Redis could tell of their changes', () => {
    expect(messageOf({ redis: false, near: { maxAgeMs: 5 } })).toBe(
      'Expected `near` to be false where `redis` is false, got an object.',
    );
  });

  it('are not changed', () => {
    const given = Object.freeze({ ttlMs: 5, scope: undefined });
    const resolved = resolveOptions(given, {});
    expect(given).toEqual({ ttlMs: 5, scope: undefined });
    expect(resolved).not.toBe(given);
  });

  it('may be an instance of a class', () => {
    class Settings {
      readonly ttlMs = 5;
    }
    expect(resolveOptions(new Settings(), {}).ttlMs).toBe(5);
  });
});

describe('the environment', () => {
  it.each<[Environment, AlkeyModuleOptions['redis']]>([
    [{}, false],
    [{ REDIS_URL: '' }, false],
    [{ REDIS_DB: '3' }, false],
    [{ REDIS_URL: 'redis://h' }, 'redis://h'],
    [{ REDIS_URL: 'redis://h/1' }, 'redis://h/1'],
    [{ REDIS_URL: 'redis://h', REDIS_DB: '3' }, 'redis://h/3'],
    [{ REDIS_URL: 'redis://h/1', REDIS_DB: '3' }, 'redis://h/3'],
    [{ REDIS_URL: 'redis://h/1', REDIS_DB: '0' }, 'redis://h/0'],
    [
      { REDIS_URL: 'redis://u:p%40@h:1/1', REDIS_DB: '3' },
      'redis://u:p%40@h:1/3',
    ],
    [{ REDIS_URL: 'redis://h', REDIS_MAX_CONNECTIONS: '20' }, 'redis://h'],
  ])('of %p means %p', (environment, redis) => {
    expect(resolveOptions({}, environment).redis).toBe(redis);
  });

  it.each([
    [
      { REDIS_URL: 'localhost:6379' },
      'REDIS_URL',
      '`"localhost:6379"` (string)',
    ],
    [{ REDIS_URL: 'redis://h', REDIS_DB: '-1' }, 'REDIS_DB', '`"-1"` (string)'],
    [
      { REDIS_URL: 'redis://h', REDIS_DB: 'one' },
      'REDIS_DB',
      '`"one"` (string)',
    ],
    [
      { REDIS_URL: 'redis://h', REDIS_MAX_CONNECTIONS: '0' },
      'REDIS_MAX_CONNECTIONS',
      '`"0"` (string)',
    ],
  ])('of %p is refused', (environment, name, got) => {
    expect(messageOf({}, environment)).toMatch(
      new RegExp(
        `^Expected \`${name}\` to be .*, got ${got.replace(/[()]/g, '\\$&')}\\.$`,
      ),
    );
  });

  it.each([
    [undefined, true],
    ['development', true],
    ['production', false],
  ])('with NODE_ENV %p exposes: %p', (NODE_ENV, expose) => {
    expect(resolveOptions({}, { NODE_ENV }).expose).toBe(expose);
  });

  it('does not count where the option is given', () => {
    const environment = { REDIS_URL: 'nonsense', NODE_ENV: 'production' };
    const given = { redis: false as const, expose: true };
    expect(resolveOptions(given, environment)).toMatchObject(given);
  });
});
