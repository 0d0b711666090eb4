/** What a program may branch on; a code never changes its meaning, a message may. */
export type AlkeyErrorCode =
  | 'ALKEY_INVALID_OPTION'
  | 'ALKEY_INVALID_REF'
  | 'ALKEY_INVALID_TOKEN'
  | 'ALKEY_NO_PRIMARY_KEY'
  | 'ALKEY_STORE_UNAVAILABLE'
  | 'ALKEY_UNDECLARED_READ'
  | 'ALKEY_UNENCODABLE_PART'
  | 'ALKEY_UNENCODABLE_VALUE'
  | 'ALKEY_UNKNOWN_DATA_SOURCE'
  | 'ALKEY_UNKNOWN_ENTITY'
  | 'ALKEY_UNKNOWN_ROUTE_PARAMETER'
  | 'ALKEY_UNKNOWN_TABLE';

/** Every error this library throws. The message begins with what happened; `code` is stable. */
export class AlkeyError extends Error {
  readonly code: AlkeyErrorCode;

  constructor(
    code: AlkeyErrorCode,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

const LONGEST_TEXT = 60;

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * Renders a value for an error message: `-1` (number), "abc" (string), an array of 3, an instance
 * of Date. Short, runs none of the value's own code, shows nothing inside objects, and
 * nothing that stands before an `@`.
 */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return '`undefined`';
    case 'string':
      return `\`${shorten(JSON.stringify(withoutCredentials(value)))}\` (string)`;
    case 'number':
      return `\`${Object.is(value, -0) ? '-0' : value}\` (number)`;
    case 'bigint':
      return `\`${shorten(`${value}`)}\` (bigint)`;
    case 'boolean':
      return `\`${value}\` (boolean)`;
    case 'object':
      return value === null ? '`null`' : describeObject(value);
    case 'function':
      return describeFunction(value);
    default:
      return `\`${shorten(String(value))}\` (symbol)`;
  }
}

// A connection URL is the likeliest wrong option, and a log the worst place for its password.
function withoutCredentials(text: string): string {
  const at = text.lastIndexOf('@');
  if (at === -1) return text;
  return `${SCHEME.exec(text)?.[0] ?? ''}***${text.slice(at)}`;
}

function shorten(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}…`;
}

function describeFunction(value: object): string {
  const name = ownText(value, 'name');
  return name ? `the function \`${shorten(name)}\`` : 'a function';
}

function describeObject(value: object): string {
  try {
    if (Array.isArray(value)) return `an array of ${value.length}`;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === null || prototype === Object.prototype) {
      return 'an object';
    }
    const constructor = Object.getOwnPropertyDescriptor(
      prototype,
      'constructor',
    )?.value;
    const name =
      typeof constructor === 'function'
        ? ownText(constructor, 'name')
        : undefined;
    return name ? `an instance of ${shorten(name)}` : 'an object';
  } catch {
    // A revoked or hostile proxy.
    return 'an object';
  }
}

/** An own data property that is text; runs no getter. */
function ownText(value: object, name: string): string | undefined {
  const text: unknown = Object.getOwnPropertyDescriptor(value, name)?.value;
  return typeof text === 'string' ? text : undefined;
}

/**
 * The candidate that `name` was probably meant to be; `undefined` where none is near. Letter case
 * costs nothing, and about one letter in three may differ.
 */
export function didYouMean(
  name: string,
  candidates: Iterable<string>,
): string | undefined {
  const wanted = name.toLowerCase();
  let nearest: string | undefined;
  let fewest = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = editDistance(wanted, candidate.toLowerCase(), fewest);
    if (edits < fewest) {
      nearest = candidate;
      fewest = edits;
    }
  }
  return nearest;
}

/**
 * Letters to insert, delete, replace or swap with their neighbour (optimal string alignment);
 * `limit` where that many or more.
 */
function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let edits = Math.min(
        last[column]! + 1,
        current[column - 1]! + 1,
        last[column - 1]! + (same ? 0 : 1),
      );
      const swapped =
        row > 1 &&
        column > 1 &&
        from[row - 1] === to[column - 2] &&
        from[row - 2] === to[column - 1];
      if (swapped) edits = Math.min(edits, beforeLast[column - 2]! + 1);
      current.push(edits);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}
