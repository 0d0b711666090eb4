import { AlkeyError, describeValue } from '../errors.js';
import {
  base64Of,
  bytesName,
  explainRefusal,
  kindOf,
  ownIndexes,
  ownNames,
  ownValue,
  refuseOwnNames,
  ValueWalk,
  WalkRefused,
} from './value-walk.js';

/**
 * The one text of a value: equal values have equal texts, different values different ones, and no
 * text is the beginning of another, so that texts may be joined without a separator.
 *
 * Carries undefined, null, booleans, numbers (-0 is not 0), bigints, strings, Dates, arrays (a
 * hole is not undefined), plain objects, Maps, Sets, Buffers, typed arrays, ArrayBuffers, URLs and
 * RegExps. The order of an object's properties, a Map's entries and a Set's members does not
 * count. The class of bytes does: a Buffer is not the Uint8Array of the same bytes.
 *
 * @throws AlkeyError `ALKEY_UNENCODABLE_PART` for everything else, naming `position` (from 1) and
 * the path inside the value
 */
export function encodeCanonical(value: unknown, position: number): string {
  return encodePlain(value) ?? canonicalText(value, `argument ${position}`);
}

/** The canonical text of a text. */
export function encodeText(text: string): string {
  // Escapes lone surrogates, which a digest would otherwise read as one and the same.
  return JSON.stringify(text);
}

/** As {@link encodeCanonical}, for a value that errors call `subject`. */
export function canonicalText(value: unknown, subject: string): string {
  const plain = encodePlain(value);
  if (plain !== undefined) return plain;
  const walk = new ValueWalk();
  try {
    return encode(value, walk);
  } catch (cause) {
    throw unencodable(cause, subject, walk.path);
  }
}

/** The text of what has no content to walk through; `undefined` for all else. */
function encodePlain(value: unknown): string | undefined {
  switch (typeof value) {
    case 'undefined':
      return 'u';
    case 'boolean':
      return value ? 't' : 'f';
    case 'string':
      return encodeText(value);
    case 'number':
      return Object.is(value, -0) ? 'd-0;' : `d${value};`;
    case 'bigint':
      return `i${value};`;
    default:
      return value === null ? 'n' : undefined;
  }
}

function encode(value: unknown, walk: ValueWalk): string {
  const plain = encodePlain(value);
  if (plain !== undefined) return plain;
  if (typeof value !== 'object' || value === null) {
    throw new WalkRefused(
      typeof value === 'function' ? 'function' : 'symbol',
      value,
    );
  }
  walk.enter(value);
  const text = encodeObject(value, walk);
  walk.leave(value);
  return text;
}

function encodeObject(value: object, walk: ValueWalk): string {
  const kind = kindOf(value);
  switch (kind) {
    case 'object':
      return encodeProperties(value, walk);
    case 'array':
      return encodeArray(value as unknown[], walk);
    case 'date':
      refuseOwnNames(value, 0);
      return `D${Date.prototype.getTime.call(value)};`;
    case 'map':
      refuseOwnNames(value, 0);
      return encodeMap(value as Map<unknown, unknown>, walk);
    case 'set':
      refuseOwnNames(value, 0);
      return encodeSet(value as Set<unknown>, walk);
    case 'regexp':
      refuseOwnNames(value, 1);
      return encodeRegExp(value as RegExp);
    case 'url':
      refuseOwnNames(value, 0);
      return `L${JSON.stringify((value as URL).href)}`;
    case 'bytes':
      return `B${bytesName(value as ArrayBufferView)}:${base64Of(value as ArrayBufferView)};`;
    case 'array-buffer':
      refuseOwnNames(value, 0);
      return `BArrayBuffer:${base64Of(value as ArrayBuffer)};`;
    default:
      throw new WalkRefused(kind, value);
  }
}

function encodeProperties(value: object, walk: ValueWalk): string {
  let text = '{';
  for (const name of ownNames(value).toSorted()) {
    walk.down(name);
    text += JSON.stringify(name) + encode(ownValue(value, name), walk);
    walk.up();
  }
  return `${text}}`;
}

function encodeArray(value: readonly unknown[], walk: ValueWalk): string {
  let text = '[';
  let next = 0;
  for (const index of ownIndexes(value)) {
    if (index > next) text += `_${index - next};`;
    walk.down(index);
    text += encode(ownValue(value, `${index}`), walk);
    walk.up();
    next = index + 1;
  }
  if (value.length > next) text += `_${value.length - next};`;
  return `${text}]`;
}

function encodeMap(
  value: ReadonlyMap<unknown, unknown>,
  walk: ValueWalk,
): string {
  const entries: string[] = [];
  for (const [key, content] of Map.prototype.entries.call(value)) {
    walk.down({ entry: entries.length, side: 'key' });
    const keyText = encode(key, walk);
    walk.up();
    walk.down({ entry: entries.length, side: 'value' });
    entries.push(keyText + encode(content, walk));
    walk.up();
  }
  return `M(${entries.toSorted().join('')})`;
}

function encodeSet(value: ReadonlySet<unknown>, walk: ValueWalk): string {
  const members: string[] = [];
  for (const member of Set.prototype.values.call(value)) {
    walk.down({ entry: members.length });
    members.push(encode(member, walk));
    walk.up();
  }
  return `S(${members.toSorted().join('')})`;
}

function encodeRegExp(value: RegExp): string {
  // Where a sticky expression goes on is a part of what it matches.
  return `R${JSON.stringify(value.source)}${JSON.stringify(value.flags)}${encodeLastIndex(value)}`;
}

function encodeLastIndex(value: RegExp): string {
  const lastIndex: unknown = value.lastIndex;
  if (typeof lastIndex !== 'number') throw new WalkRefused('instance', value);
  return `d${lastIndex};`;
}

function unencodable(
  cause: unknown,
  subject: string,
  path: string,
): AlkeyError {
  const place = path === '' ? subject : `${subject} at ${path}`;
  const [what, why, rest] =
    cause instanceof WalkRefused
      ? [describeValue(cause.value), explainRefusal(cause.reason), undefined]
      : ['a value', explainRefusal('unreadable'), { cause }];
  return new AlkeyError(
    'ALKEY_UNENCODABLE_PART',
    `Could not make a key of ${place}: ${what} ${why}. Pass the plain values that the answer depends on.`,
    rest,
  );
}
