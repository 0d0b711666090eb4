import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Readable } from 'node:stream';
import {
  decodeValue,
  encodeValue,
} from '../../../lib/core/responses/stored-value.js';
import { anyValue, sameValue } from '../keys/any-value.js';

class Account {
  id = 1;
  name = 'Ada';
  get label() {
    return `${this.id} ${this.name}`;
  }
}
class Order {
  account = new Account();
  placedAt = new Date(0);
}

function textOf(value: unknown): string {
  const encoded = encodeValue(value);
  if (!encoded.ok) throw new Error(`${encoded.reason} ${encoded.path}`);
  return encoded.text;
}

/** What comes back from the text, with the classes that the value itself has. */
function comesBack(value: unknown): unknown {
  const encoded = encodeValue(value);
  if (!encoded.ok) throw new Error(`${encoded.reason} ${encoded.path}`);
  const decoded = decodeValue(encoded.text, encoded.classes);
  if (!decoded.ok) throw new Error(decoded.reason);
  return decoded.value;
}

/** The prototypes met on the way through a value, in its own order. */
function prototypes(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  const inside =
    value instanceof Map || value instanceof Set
      ? [...value].flat()
      : ArrayBuffer.isView(value)
        ? []
        : Object.values(value);
  return [Object.getPrototypeOf(value), ...inside.flatMap(prototypes)];
}

function samePrototypes(one: unknown, other: unknown): boolean {
  const others = prototypes(other);
  return prototypes(one).every((prototype, at) => prototype === others[at]);
}

describe('encodeValue', () => {
  it('comes back as it was, with its prototypes', () => {
    fc.assert(
      fc.property(anyValue, value => {
        const back = comesBack(value);
        expect(sameValue(back, value)).toBe(true);
        expect(samePrototypes(back, value)).toBe(true);
        expect(textOf(back)).toBe(textOf(value));
      }),
      { numRuns: 500 },
    );
  });

  it('comes back as it was from any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), json => {
        expect(comesBack(json)).toStrictEqual(json);
      }),
    );
  });

  it('writes plain data as JSON', () => {
    const value = { id: 1, tags: ['a', null], nested: { ok: true } };
    expect(textOf(value)).toBe(`j${JSON.stringify(value)}`);
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['undefined inside', { a: undefined }],
    ['NaN', [Number.NaN]],
    ['-0', [-0]],
    ['a bigint', { id: 10n ** 30n }],
    ['an invalid Date', new Date('no')],
    ['a Map of Maps', new Map([[new Map([[1, 2]]), new Set(['a'])]])],
    ['an array that looks like a tag', ['u']],
    ['an array that looks like a hole', [['_', 5]]],
    ['a text that looks like a tag', { a: '["u"]', b: new Date(0) }],
    ['its own encoding', textOf([1n, ['a']])],
    ['a sticky expression', Object.assign(/a/y, { lastIndex: 3 })],
    ['part of a larger buffer', new Uint16Array(new ArrayBuffer(16), 4, 3)],
  ])('carries %s', (_, value) => {
    expect(sameValue(comesBack(value), value)).toBe(true);
  });

  it('carries a property called __proto__ as any other', () => {
    const value = JSON.parse('{"__proto__":{"admin":true}}') as object;
    for (const one of [value, { value, at: new Date(0) }.value]) {
      const back = comesBack(one) as object;
      expect(Object.keys(back)).toEqual(['__proto__']);
      expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    }
    const tagged = comesBack({ value, at: new Date(0) }) as { value: object };
    expect(Object.keys(tagged.value)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(tagged.value)).toBe(Object.prototype);
  });

  it('carries instances with what their classes give them', () => {
    const order = comesBack({ orders: [new Order()] }) as { orders: Order[] };
    expect(order).toStrictEqual({ orders: [new Order()] });
    expect(order.orders[0]?.account.label).toBe('1 Ada');
  });

  it('calls neither constructor, setter, getter nor toJSON', () => {
    const calls: string[] = [];
    class Watched {
      declare size: number;
      constructor() {
        calls.push('constructor');
        Object.defineProperty(this, 'size', { value: 1, enumerable: true });
      }
      toJSON() {
        calls.push('toJSON');
      }
    }
    Object.defineProperty(Watched.prototype, 'size', {
      get: () => calls.push('get'),
      set() {
        calls.push('set');
      },
    });
    const back = comesBack(new Watched()) as Watched;
    expect(back.size).toBe(1);
    expect(calls).toEqual(['constructor']);
  });

  it('tells which classes the text needs', () => {
    expect(encodeValue([new Order(), new Account()])).toMatchObject({
      classes: new Map<string, object>([
        ['Account', Account.prototype],
        ['Order', Order.prototype],
      ]),
    });
    expect(encodeValue([{ id: 1 }])).toMatchObject({ classes: new Map() });
  });

  it('makes two of an object that is referred to twice', () => {
    const shared = new Account();
    const [one, other] = comesBack([shared, shared]) as Account[];
    expect(one).toStrictEqual(shared);
    expect(one).not.toBe(other);
  });

  class Private extends Map {}
  const circular: Record<string, unknown> = { at: new Date(0) };
  circular['self'] = { of: circular };
  const namesake = new { Account: class {} }.Account();

  it.each<[string, string, unknown, string]>([
    ['function', 'a method', { run: () => 1 }, '.run'],
    ['symbol', 'a symbol', [Symbol('s')], '[0]'],
    ['symbol-key', 'a symbol key', { [Symbol('s')]: 1 }, ''],
    ['circular', 'a circle', circular, '.self.of'],
    [
      'accessor',
      'a getter',
      {
        get a() {
          return 1;
        },
      },
      '.a',
    ],
    [
      'accessor',
      "an instance's getter",
      Object.defineProperty(new Account(), 'lazy', { get: () => 1 }),
      '.lazy',
    ],
    [
      'hidden-property',
      'a hidden property',
      Object.defineProperty(new Account(), 'h', { value: 1 }),
      '.h',
    ],
    [
      'hidden-property',
      'a hidden property of plain data',
      Object.defineProperty({ a: 1 }, 'h', { value: 1 }),
      '.h',
    ],
    [
      'extra-property',
      'a named array',
      { rows: Object.assign([1], { total: 1 }) },
      '.rows',
    ],
    ['built-in', 'a promise', { later: Promise.resolve(1) }, '.later'],
    ['built-in', 'an error', new Error('x'), ''],
    ['built-in', 'a WeakMap', new WeakMap(), ''],
    ['built-in', 'a WeakRef', new WeakRef({}), ''],
    ['built-in', 'a date format', new Intl.DateTimeFormat('en'), ''],
    ['built-in', 'a boxed text', Object('text'), ''],
    ['built-in', 'headers', new Headers(), ''],
    ['built-in', 'a blob', new Blob([]), ''],
    ['built-in', 'a subclass of Map', new Private(), ''],
    ['built-in', 'a proxy of an instance', new Proxy(new Account(), {}), ''],
    [
      'nameless-class',
      'an instance of a class without a name',
      new (class {})(),
      '',
    ],
    [
      'nameless-class',
      'an object made from another',
      { a: Object.create({ b: 1 }) },
      '.a',
    ],
    ['class-name', 'two classes of one name', [new Account(), namesake], '[1]'],
  ])('refuses for the reason %s %s', (reason, _, value, path) => {
    expect(encodeValue(value)).toEqual({ ok: false, reason, path });
  });

  it('refuses a stream', () => {
    const stream = Readable.from(['a']);
    expect(encodeValue({ file: stream }).ok).toBe(false);
    stream.destroy();
  });

  it('refuses endless nesting', () => {
    let deep: unknown = new Date(0);
    for (let level = 0; level < 100_000; level++) deep = { deep };
    expect(encodeValue(deep)).toMatchObject({ ok: false, reason: 'too-deep' });
  });

  it('refuses a proxy that throws', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(encodeValue([proxy])).toEqual({
      ok: false,
      reason: 'unreadable',
      path: '[0]',
    });
  });
});

describe('decodeValue', () => {
  it('tells a class that it does not know from damage', () => {
    const classes = new Map([['Account', Account.prototype]]);
    expect(decodeValue(textOf([new Order()]), classes)).toEqual({
      ok: false,
      reason: 'unknown-class',
      className: 'Order',
    });
  });

  it.each([
    '',
    'j',
    'j{',
    'x1',
    't',
    't{}',
    't[]',
    't["?"]',
    't["i","1.5"]',
    't["d","1"]',
    't["D","now"]',
    't["o",[]]',
    't["U","no url"]',
    't["R","(",""]',
    't["b","SharedArrayBuffer",""]',
    't["b","Float64Array","AA=="]',
    't["b","constructor",""]',
    't["a",["_","1"]]',
    't["c",1,{}]',
  ])('takes %s for damaged', text => {
    expect(decodeValue(text)).toEqual({ ok: false, reason: 'malformed' });
  });

  it('takes any text at all without throwing', () => {
    const encoded = textOf([new Date(0), new Map([[1n, undefined]])]);
    fc.assert(
      fc.property(fc.nat(encoded.length), fc.string(), (at, text) => {
        expect(typeof decodeValue(encoded.slice(0, at) + text).ok).toBe(
          'boolean',
        );
      }),
    );
  });
});
