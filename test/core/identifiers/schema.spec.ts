import { describe, expect, it } from '@jest/globals';

import { tableId } from '../../../lib/core/identifiers/identifier.js';
import { type KeyKind } from '../../../lib/core/identifiers/key-value.js';
import { canonicalKey } from '../../../lib/core/identifiers/schema.js';
import {
  coreReference,
  coreSchema,
  coreTable,
  keyColumn,
} from '../../support/core-schema.js';

describe('a schema', () => {
  const plain = coreTable('users');
  const audit = coreTable('users', { schema: 'audit' });
  const folding = coreSchema([plain, audit, 'orders']);
  const exact = coreSchema([plain, audit, 'orders'], [], false);

  it('finds every table of a name where the statement tells no schema', () => {
    expect(exact.named({ name: 'users' })).toEqual([plain, audit]);
  });

  it('finds the one table of a schema and name', () => {
    expect(exact.named({ schema: 'audit', name: 'users' })).toEqual([audit]);
  });

  it('takes a table whose schema is not told for that of any other schema', () => {
    expect(exact.named({ schema: 'public', name: 'users' })).toEqual([plain]);
    expect(exact.named({ schema: 'audit', name: 'orders' })).toEqual([
      exact.table(tableId('orders')),
    ]);
  });

  it('compares names without case only where the database does', () => {
    expect(folding.named({ schema: 'AUDIT', name: 'Users' })).toEqual([audit]);
    expect(exact.named({ name: 'Users' })).toEqual([]);
    expect(folding.sameColumn('userId', 'USERID')).toBe(true);
    expect(exact.sameColumn('userId', 'userid')).toBe(false);
  });

  it('finds a column of a record however it is spelt', () => {
    const record = new Map([['UserID', null]]);
    expect(folding.columnOf(record, 'userId')).toBeNull();
    expect(exact.columnOf(record, 'userId')).toBeUndefined();
  });

  it('names a table that no entity maps alike wherever it is spelt', () => {
    const names = [{ name: 'Log' }, { schema: 'app', name: 'log' }];
    expect(names.map(name => folding.unmapped(name))).toEqual([
      tableId('log'),
      tableId('log'),
    ]);
    expect(exact.unmapped({ name: 'Log' })).toBe(tableId('Log'));
  });

  it('lists the references of a table to its parents and from its children', () => {
    const ofUser = coreReference('orders', 'user_id', 'users');
    const ofSelf = coreReference('users', 'boss_id', 'users');
    const schema = coreSchema(['users', 'orders'], [ofUser, ofSelf]);
    expect(schema.parentsOf(tableId('orders'))).toEqual([ofUser]);
    expect(schema.parentsOf(tableId('users'))).toEqual([ofSelf]);
    expect(schema.childrenOf(tableId('users'))).toEqual([ofUser, ofSelf]);
    expect(schema.childrenOf(tableId('orders'))).toEqual([]);
  });
});

describe('the canonical values of a key', () => {
  const text: KeyKind = { kind: 'text', fold: 'none', trailingSpace: 'keep' };
  const key = [keyColumn('tenant', text), keyColumn('id')];

  it('come in the order of its columns', () => {
    expect(canonicalKey(key, ['a', '01'])).toEqual(['a', '1']);
  });

  it('are none where one of them is none, or there are more or fewer', () => {
    expect(canonicalKey(key, ['a', 'b'])).toBeUndefined();
    expect(canonicalKey(key, ['a', null])).toBeUndefined();
    expect(canonicalKey(key, ['a'])).toBeUndefined();
    expect(canonicalKey(key, ['a', 1, 2])).toBeUndefined();
  });

  it('are none in a table without a key', () => {
    expect(canonicalKey([], [])).toBeUndefined();
  });
});
