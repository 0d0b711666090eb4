import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { createContext, runInContext } from 'node:vm';
import { AlkeyError } from '../../../lib/core/errors.js';
import { encodeCanonical } from '../../../lib/core/keys/canonical-encoding.js';
import { anyValue, reversed, sameValue } from './any-value.js';

const text = (value: unknown): string => encodeCanonical(value, 1);

function refusal(value: unknown, position = 1): AlkeyError {
  try {
    encodeCanonical(value, position);
  } catch (error) {
    if (error instanceof AlkeyError) return error;
    throw error;
  }
  throw new Error('the value was encoded');
}

describe('encodeCanonical', () => {
  it('gives two values one text exactly where they are the same', () => {
    fc.assert(
      fc.property(anyValue, anyValue, (one, other) => {
        expect(text(one) === text(other)).toBe(sameValue(one, other));
      }),
      { numRuns: 1500 },
    );
  });

  it('gives a value the same text in whatever order it was built', () => {
    fc.assert(
      fc.property(anyValue, value => {
        expect(text(reversed(value))).toBe(text(value));
      }),
      { numRuns: 500 },
    );
  });

  it('gives no text that another one begins with', () => {
    fc.assert(
      fc.property(anyValue, anyValue, (one, other) => {
        fc.pre(!sameValue(one, other));
        expect(text(other).startsWith(text(one))).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it('gives well-formed text only, so that a digest sees every difference', () => {
    fc.assert(
      fc.property(anyValue, value => {
        expect(text(value).isWellFormed()).toBe(true);
      }),
    );
  });

  it.each<[string, unknown, unknown]>([
    ['1 and "1"', 1, '1'],
    ['1 and 1n', 1, 1n],
    ['0 and -0', 0, -0],
    ['undefined and null', undefined, null],
    ['null and "null"', null, 'null'],
    ['two lone surrogates', '\ud800', '\ud801'],
    ['a lone surrogate and the replacement character', '\ud800', '\ufffd'],
    ['an absent and an undefined property', {}, { a: undefined }],
    // oxlint-disable-next-line no-sparse-arrays -- the hole is the point
    ['a hole and undefined', [,], [undefined]],
    // oxlint-disable-next-line no-sparse-arrays -- the hole is the point
    ['a hole in front and none', [, 1], [1]],
    // oxlint-disable-next-line no-sparse-arrays -- the hole is the point
    ['a hole in front and one behind', [, 1], [1, ,]],
    ['an array and an object with its indexes', ['a'], { 0: 'a' }],
    ['an object and a Map', { a: 1 }, new Map([['a', 1]])],
    ['an array and a Set', [1], new Set([1])],
    ['a Date and its time', new Date(0), 0],
    ['a Date and its text', new Date(0), new Date(0).toISOString()],
    ['a Buffer and its bytes', Buffer.from('a'), Uint8Array.of(97)],
    ['an empty array and an empty object', [], {}],
    ['a URL and its text', new URL('http://a/'), 'http://a/'],
    ['two flags', /a/g, /a/i],
    ['nested one way and the other', [[1], 2], [1, [2]]],
  ])('keeps %s apart', (_, one, other) => {
    expect(text(one)).not.toBe(text(other));
  });

  it.each<[string, unknown, unknown]>([
    ['the order of properties', { a: 1, b: 2 }, { b: 2, a: 1 }],
    [
      'the order of nested properties',
      [{ a: { x: 1, y: 2 } }],
      [{ a: { y: 2, x: 1 } }],
    ],
    ['the order of members', new Set([1, 2]), new Set([2, 1])],
    ['a missing prototype', Object.create(null), {}],
    [
      'another realm',
      runInContext('({ a: [new Date(0)] })', createContext()),
      { a: [new Date(0)] },
    ],
    ['two invalid Dates', new Date('no'), new Date('never')],
    ['frozen or not', Object.freeze({ a: 1 }), { a: 1 }],
  ])('does not count %s', (_, one, other) => {
    expect(text(one)).toBe(text(other));
  });

  it('takes an array of a billion holes in its stride', () => {
    expect(text(Object.assign([], { length: 1e9 }))).toBe('[_1000000000;]');
  });

  it('encodes an object as often as it is referred to', () => {
    const shared = { a: 1 };
    expect(text([shared, shared])).toBe(text([{ a: 1 }, { a: 1 }]));
  });

  class Account {
    id = 1;
  }
  class Moment extends Date {}
  const circular: Record<string, unknown> = {};
  circular['list'] = [{ self: circular }];
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level++) deep = [deep];

  it.each<[string, unknown, RegExp]>([
    ['a function', () => 1, /argument 1: a function has no text/],
    ['a symbol', Symbol('s'), /argument 1: `Symbol\(s\)` \(symbol\)/],
    [
      'a function inside',
      { filter: { when: Date.now } },
      /argument 1 at \.filter\.when: the function `now`/,
    ],
    [
      'a circle',
      circular,
      /argument 1 at \.list\[0\]\.self: an object contains itself/,
    ],
    ['endless nesting', deep, /an array of 1 is nested too deeply/],
    [
      'an instance',
      [new Account()],
      /argument 1 at \[0\]: an instance of Account/,
    ],
    ['a subclass of a built-in', new Moment(0), /an instance of Moment/],
    ['a promise', Promise.resolve(1), /an instance of Promise/],
    ['an error', new Error('x'), /an instance of Error/],
    ['a boxed number', Object(1), /an instance of Number/],
    ['a WeakMap', new WeakMap(), /an instance of WeakMap/],
    ['headers', new Headers(), /an instance of Headers/],
    [
      'a symbol among the keys',
      { [Symbol('s')]: 1 },
      /a symbol among its keys/,
    ],
    [
      'a getter',
      {
        get a() {
          return 1;
        },
      },
      /argument 1 at \.a: an object has a getter/,
    ],
    [
      'a hidden property',
      Object.defineProperty({}, 'a', { value: 1 }),
      /not enumerable/,
    ],
    [
      'an array with a name',
      Object.assign([1], { total: 9 }),
      /properties beside its content/,
    ],
    [
      'a Map with a property',
      Object.assign(new Map(), { a: 1 }),
      /properties beside/,
    ],
    [
      'in a Map',
      new Map([['k', Symbol.iterator]]),
      /argument 1 at \[value of entry 0\]/,
    ],
    [
      'as a key of a Map',
      new Map([[Symbol.iterator, 1]]),
      /argument 1 at \[key of entry 0\]/,
    ],
    ['in a Set', new Set([1, Symbol.iterator]), /argument 1 at \[entry 1\]/],
    [
      'under an odd name',
      { 'a b': Symbol.iterator },
      /argument 1 at \["a b"\]/,
    ],
    ['a false URL', Object.create(URL.prototype), /could not be read/],
  ])('refuses %s and says where it is', (_, value, message) => {
    expect(refusal(value)).toMatchObject({
      code: 'ALKEY_UNENCODABLE_PART',
      message: expect.stringMatching(message),
    });
  });

  it('names the position of the argument', () => {
    expect(refusal({ filter: { when: () => 1 } }, 2).message).toMatch(
      /^Could not make a key of argument 2 at \.filter\.when: /,
    );
  });

  it('runs no getter and no toJSON', () => {
    let calls = 0;
    const count = (): number => calls++;
    refusal({ toJSON: count });
    refusal(Object.defineProperty({}, 'a', { get: count, enumerable: true }));
    refusal(Object.defineProperty([], '0', { get: count, enumerable: true }));
    expect(calls).toBe(0);
  });

  it('keeps the cause where a proxy fails', () => {
    const cause = new Error('trap');
    const value = new Proxy(
      {},
      {
        ownKeys() {
          throw cause;
        },
      },
    );
    expect(refusal(value).cause).toBe(cause);
  });
});
