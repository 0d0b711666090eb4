/** Prototypes by the name of their class. */
export type Classes = ReadonlyMap<string, object>;

/** Its message is the name of the class. */
export class UnknownClass extends Error {}

const NUMBERS: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-0', -0],
]);

/**
 * Reads what `ValueEncoder` wrote, after `JSON.parse`.
 *
 * @throws UnknownClass where `classes` lacks one, any other error where the JSON is none of ours
 */
export function reviveValue(json: unknown, classes: Classes): unknown {
  if (!Array.isArray(json)) {
    if (typeof json === 'object' && json !== null) throw malformed();
    return json;
  }
  const [tag, ...content] = json as unknown[];
  const [first, second, third] = content;
  switch (tag) {
    case 'u':
      return undefined;
    case 'd':
      return NUMBERS.get(first) ?? reject();
    case 'i':
      return BigInt(textIn(first));
    case 'o':
      return fill({}, first, classes);
    case 'n':
      return fill(Object.create(null) as object, first, classes);
    case 'c':
      return fill(instanceOf(textIn(first), classes), second, classes);
    case 'a':
      return decodeArray(content, classes);
    case 'M':
      return decodeMap(content, classes);
    case 'S':
      return new Set(content.map(member => reviveValue(member, classes)));
    case 'D':
      return new Date(first === null ? Number.NaN : numberIn(first));
    case 'U':
      return new URL(textIn(first));
    case 'R': {
      const expression = new RegExp(textIn(first), textIn(second));
      expression.lastIndex = numberIn(third);
      return expression;
    }
    case 'b':
      return decodeBytes(textIn(first), textIn(second));
    default:
      throw malformed();
  }
}

function fill(target: object, json: unknown, classes: Classes): object {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw malformed();
  }
  const properties = target as Record<string, unknown>;
  for (const [name, content] of Object.entries(json)) {
    const value = reviveValue(content, classes);
    if (name in target) {
      // Assigning would call a setter of the class; `__proto__` is one that every object has.
      Object.defineProperty(target, name, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    } else {
      properties[name] = value;
    }
  }
  return target;
}

function instanceOf(className: string, classes: Classes): object {
  const prototype = classes.get(className);
  if (prototype === undefined) throw new UnknownClass(className);
  return Object.create(prototype) as object;
}

function decodeArray(content: readonly unknown[], classes: Classes): unknown[] {
  const array: unknown[] = [];
  for (const element of content) {
    if (Array.isArray(element) && element[0] === '_') {
      array.length += numberIn(element[1]);
    } else {
      array.push(reviveValue(element, classes));
    }
  }
  return array;
}

function decodeMap(
  content: readonly unknown[],
  classes: Classes,
): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  for (let index = 0; index < content.length; index += 2) {
    map.set(
      reviveValue(content[index], classes),
      reviveValue(content[index + 1], classes),
    );
  }
  return map;
}

const VIEWS: ReadonlyMap<string, new (bytes: ArrayBuffer) => ArrayBufferView> =
  new Map<string, new (bytes: ArrayBuffer) => ArrayBufferView>(
    [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
    ].map(view => [view.name, view]),
  );

function decodeBytes(name: string, base64: string): unknown {
  const bytes = Buffer.from(base64, 'base64');
  if (name === 'Buffer') return bytes;
  // A copy of its own: Buffers share their memory with others, at any offset.
  const buffer = new Uint8Array(bytes).buffer;
  if (name === 'ArrayBuffer') return buffer;
  const View = VIEWS.get(name);
  return View === undefined ? reject() : new View(buffer);
}

function textIn(json: unknown): string {
  return typeof json === 'string' ? json : reject();
}

function numberIn(json: unknown): number {
  return typeof json === 'number' ? json : reject();
}

function reject(): never {
  throw malformed();
}

function malformed(): Error {
  return new SyntaxError('malformed');
}
