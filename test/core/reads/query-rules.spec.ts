import { describe, expect, it } from '@jest/globals';
import {
  QUERY_OPS,
  type QueryOp,
  QueryRules,
  type QuerySetting,
} from '../../../lib/core/reads/query-rules.js';

const MODULE_TTL_MS = 1000;
const SILENT: QuerySetting = { enabled: undefined, durationMs: undefined };
const says = (enabled: boolean, durationMs?: number): QuerySetting => ({
  enabled,
  durationMs,
});

const SHOP = new QueryRules(
  {
    User: { ops: ['get', 'fetch'], ttlMs: 900 },
    Product: { ops: 'all' },
    Session: { ops: [] },
    '*': { ttlMs: 3600 },
  },
  MODULE_TTL_MS,
);

describe('the rules of cached queries', () => {
  it.each<[string, QueryOp, number | undefined]>([
    ['User', 'get', 900],
    ['User', 'fetch', 900],
    ['User', 'count', undefined],
    ['User', 'exists', undefined],
    ['Product', 'count', 3600],
    ['Session', 'get', undefined],
    ['Order', 'exists', 3600],
    ['constructor', 'get', 3600],
  ])('say of %s.%s that it lives for %p ms', (entity, op, ttlMs) => {
    expect(SHOP.ttlMsOf(entity, op, SILENT)).toBe(ttlMs);
  });

  it('take the operations and the time of the wildcard where a rule says none', () => {
    const rules = new QueryRules(
      { User: { ttlMs: 5 }, Order: { ops: ['get'] }, '*': { ops: ['count'] } },
      MODULE_TTL_MS,
    );
    expect(rules.ttlMsOf('User', 'count', SILENT)).toBe(5);
    expect(rules.ttlMsOf('User', 'get', SILENT)).toBeUndefined();
    expect(rules.ttlMsOf('Order', 'get', SILENT)).toBe(MODULE_TTL_MS);
  });

  it.each(QUERY_OPS)('cache %s of everything where they are `true`', op => {
    const rules = new QueryRules(true, MODULE_TTL_MS);
    expect(rules.ttlMsOf('User', op, SILENT)).toBe(MODULE_TTL_MS);
    expect(rules.ttlMsOf(undefined, op, SILENT)).toBe(MODULE_TTL_MS);
  });

  it('leave alone what they do not name, where they have no wildcard', () => {
    const rules = new QueryRules({ User: {} }, MODULE_TTL_MS);
    expect(rules.ttlMsOf('Order', 'get', SILENT)).toBeUndefined();
    expect(rules.mayCache('Order', SILENT)).toBe(false);
    expect(rules.mayCache(undefined, SILENT)).toBe(true);
    expect(new QueryRules({}, 1).mayCache(undefined, SILENT)).toBe(false);
  });

  it('never overrule `cache: false`', () => {
    expect(SHOP.mayCache('User', says(false))).toBe(false);
    expect(SHOP.ttlMsOf('User', 'get', says(false))).toBeUndefined();
  });

  it.each<[QuerySetting, string, number | undefined]>([
    [says(true), 'User', 900],
    [says(true, 0), 'User', 900],
    [says(true, 60), 'User', 60],
    [says(true, 60), 'Session', 60],
    [says(true, 0.5), 'User', 1],
    [says(true, -1), 'User', undefined],
    [says(true, Infinity), 'User', undefined],
    [says(true, Number.NaN), 'User', 900],
  ])('let a query that says %p decide by itself', (setting, entity, ttlMs) => {
    expect(SHOP.mayCache(entity, setting)).toBe(true);
    expect(SHOP.ttlMsOf(entity, 'count', setting)).toBe(ttlMs);
  });

  it('give a query that asks for it the time of the module where no rule is about it', () => {
    const rules = new QueryRules({}, MODULE_TTL_MS);
    expect(rules.ttlMsOf('User', 'get', says(true))).toBe(MODULE_TTL_MS);
  });

  it('name the entities that they are about', () => {
    expect(SHOP.entities).toEqual(['User', 'Product', 'Session']);
  });
});
