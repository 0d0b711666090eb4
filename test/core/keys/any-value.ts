import * as fc from 'fast-check';

// Few different leaves, so that equal values and near misses turn up by themselves; texts that look
// like what encodings write.
const leaf = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    false,
    0,
    -0,
    1,
    -1,
    1.5,
    1e21,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    0n,
    1n,
    -1n,
  ),
  fc.constantFrom(
    '',
    '0',
    '1',
    'null',
    'u',
    'd1;',
    '"',
    '\\',
    '{',
    '[]',
    '["u"]',
    'a/b',
    '\ud800',
    '\udc00',
    '\ufffd',
    '\n',
    '__proto__',
  ),
  fc.string({ unit: 'binary', maxLength: 3 }),
  fc.double(),
  fc.bigInt(),
);

const moment = fc
  .constantFrom(0, 1, -1, Number.NaN)
  .map(time => new Date(time));

const bytes = fc
  .tuple(
    fc.constantFrom<(data: Uint8Array) => unknown>(
      data => Buffer.from(data),
      data => Uint8Array.from(data),
      data => Uint8ClampedArray.from(data),
      data => new Int16Array(Uint8Array.from([...data, ...data]).buffer),
      data => Uint8Array.from(data).buffer,
    ),
    fc.constantFrom([], [0], [0, 0], [1, 255]),
  )
  .map(([make, data]) => make(Uint8Array.from(data)));

const address = fc
  .constantFrom('http://a/', 'http://a/b', 'http://a/?b', 'urn:a')
  .map(href => new URL(href));

const expression = fc
  .tuple(
    fc.constantFrom('a', 'a/b', '(?:)'),
    fc.constantFrom('', 'g', 'gi'),
    fc.constantFrom(0, 1),
  )
  .map(([source, flags, lastIndex]) =>
    Object.assign(new RegExp(source, flags), { lastIndex }),
  );

const name = fc.constantFrom(
  'a',
  'b',
  '1',
  '',
  '__proto__',
  'constructor',
  '"',
);

/** Plain, or without a prototype; assigned as own properties, `__proto__` included. */
function objectOf(
  entries: readonly (readonly [string, unknown])[],
  prototype: object | null,
): object {
  const object = Object.create(prototype) as object;
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return object;
}

function withHole(elements: unknown[], index: number): unknown[] {
  const array = [...elements];
  // oxlint-disable-next-line typescript/no-array-delete -- the hole is the point
  delete array[index];
  return array;
}

/** Any value that keys and stored values carry, instances of classes excepted. */
export const anyValue = fc.letrec<{ value: unknown }>(tie => {
  const value = tie('value');
  const list = fc.array(value, { maxLength: 3 });
  const entries = fc.array(fc.tuple(name, value), { maxLength: 3 });
  return {
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      moment,
      bytes,
      address,
      expression,
      list,
      fc.tuple(list, fc.nat(3)).map(([all, index]) => withHole(all, index)),
      entries.map(all => objectOf(all, Object.prototype)),
      entries.map(all => objectOf(all, null)),
      fc
        .array(fc.tuple(value, value), { maxLength: 3 })
        .map(all => new Map(all)),
      list.map(all => new Set(all)),
    ),
  };
}).value;

/** A copy in which whatever has no order was put in the other order. */
export function reversed(value: unknown): unknown {
  if (Array.isArray(value)) {
    // `map` keeps holes.
    return value.map(reversed);
  }
  if (value instanceof Map) {
    return new Map(
      [...value].toReversed().map(([key, of]) => [reversed(key), reversed(of)]),
    );
  }
  if (value instanceof Set)
    return new Set([...value].toReversed().map(reversed));
  if (typeof value === 'object' && value !== null && isProperties(value)) {
    const entries = Object.entries(value).toReversed();
    return objectOf(
      entries.map(([key, of]) => [key, reversed(of)]),
      Object.getPrototypeOf(value) as object | null,
    );
  }
  return value;
}

function isProperties(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/**
 * Whether two values are the same to a key. By pairwise comparison, nothing of it is shared with
 * the encoding.
 */
export function sameValue(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || one === null) return Object.is(one, other);
  if (typeof other !== 'object' || other === null) return false;
  if (isProperties(one) || isProperties(other)) {
    return isProperties(one) && isProperties(other) && sameOwn(one, other);
  }
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  if (one instanceof Date) return Object.is(+one, +(other as Date));
  if (one instanceof URL) return `${one}` === `${other as URL}`;
  if (one instanceof RegExp) {
    const twin = other as RegExp;
    return `${one}` === `${twin}` && one.lastIndex === twin.lastIndex;
  }
  if (one instanceof Map) {
    return sameMembers([...one], [...(other as Map<unknown, unknown>)]);
  }
  if (one instanceof Set) {
    return sameMembers([...one], [...(other as Set<unknown>)]);
  }
  if (one instanceof ArrayBuffer) {
    return Buffer.from(one).equals(Buffer.from(other as ArrayBuffer));
  }
  return sameOwn(one, other);
}

function sameOwn(one: object, other: object): boolean {
  const names = Object.getOwnPropertyNames(one);
  return (
    names.length === Object.getOwnPropertyNames(other).length &&
    names.every(
      key =>
        Object.hasOwn(other, key) &&
        sameValue(
          Object.getOwnPropertyDescriptor(one, key)!.value,
          Object.getOwnPropertyDescriptor(other, key)!.value,
        ),
    )
  );
}

function sameMembers(some: unknown[], others: unknown[]): boolean {
  const left = [...others];
  for (const member of some) {
    const at = left.findIndex(candidate => sameValue(member, candidate));
    if (at === -1) return false;
    left.splice(at, 1);
  }
  return left.length === 0;
}
