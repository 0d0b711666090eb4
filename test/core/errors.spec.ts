import { describe, expect, it } from '@jest/globals';
import {
  AlkeyError,
  describeValue,
  didYouMean,
} from '../../lib/core/errors.js';

describe('AlkeyError', () => {
  it('carries its code and its cause, and is named after its class', () => {
    class StoreError extends AlkeyError {}
    const cause = new Error('connection reset');
    const error = new StoreError('ALKEY_STORE_UNAVAILABLE', 'Could not.', {
      cause,
    });
    expect(error).toBeInstanceOf(AlkeyError);
    expect(error).toMatchObject({
      name: 'StoreError',
      code: 'ALKEY_STORE_UNAVAILABLE',
      message: 'Could not.',
      cause,
    });
  });
});

describe('describeValue', () => {
  class Account {
    secret = 'do not show';
  }

  it.each([
    [undefined, '`undefined`'],
    [null, '`null`'],
    [-1, '`-1` (number)'],
    [-0, '`-0` (number)'],
    [Number.NaN, '`NaN` (number)'],
    [10n, '`10` (bigint)'],
    [true, '`true` (boolean)'],
    ['often', '`"often"` (string)'],
    ['a"b', '`"a\\"b"` (string)'],
    [Symbol('once'), '`Symbol(once)` (symbol)'],
    [[1, 2, 3], 'an array of 3'],
    [{ password: 'do not show' }, 'an object'],
    [Object.create(null), 'an object'],
    [new Account(), 'an instance of Account'],
    [Account, 'the function `Account`'],
    [() => 1, 'a function'],
  ])('describes %#: %p', (value, text) => {
    expect(describeValue(value)).toBe(text);
  });

  it('describes a proxy that nobody can read', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(describeValue(proxy)).toBe('an object');
  });

  it('shortens what is long', () => {
    expect(describeValue('x'.repeat(1000)).length).toBeLessThan(80);
    expect(describeValue(10n ** 500n).length).toBeLessThan(80);
  });

  it.each([
    'redis://user:s3cret@localhost:6379',
    'redis://:s3c/ret@localhost',
    'redis://:s3c@ret@localhost',
    'default:s3cret@localhost:6379',
  ])('hides the password in %s', text => {
    const described = describeValue(text);
    expect(described).toContain('***@localhost');
    expect(described).not.toMatch(/s3c|ret@/);
  });

  it('runs no code of the value', () => {
    let calls = 0;
    const value = {
      get secret() {
        return calls++;
      },
      toString: () => `${calls++}`,
      toJSON: () => calls++,
    };
    describeValue(value);
    expect(calls).toBe(0);
  });
});

describe('didYouMean', () => {
  const tables = ['users', 'orders', 'order_items', 'reports'];

  it.each([
    ['user', 'users'],
    ['Users', 'users'],
    ['uesrs', 'users'],
    ['orderitems', 'order_items'],
    ['ordesr', 'orders'],
  ])('finds for %s %s', (name, candidate) => {
    expect(didYouMean(name, tables)).toBe(candidate);
  });

  it.each(['invoices', 'x', ''])('finds nothing for %p', name => {
    expect(didYouMean(name, tables)).toBeUndefined();
  });

  it('prefers the nearest of several', () => {
    expect(didYouMean('ttlMs', ['ttl', 'tokenTtlMs', 'ttlMS'])).toBe('ttlMS');
  });
});
