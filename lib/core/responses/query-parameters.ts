/**
 * Which query parameters an answer depends on: all of them, or the named ones. A name stands for
 * whatever parsers may nest in it: `filter` and `filter[status]` both for every `filter[…]`.
 */
export type QueryPolicy = 'all' | readonly string[];

/** A parameter as sent: `undefined` where it has no `=`. `raw`: its escapes could not be read. */
type Text = string | { readonly raw: string };

// Express reads this many parameters and drops the rest, so that beyond it the order decides
// which of them the handler sees.
const MAX_SORTED = 1000;

/**
 * One text for all query strings that give handlers the same parameters, and another for any that
 * may not: `%61` and `a`, `+` and `%20` are one; the order counts only among parameters of one
 * name. `a`, `a[]`, `a[b]` and `a.b` are of one name, because parsers of nested queries merge them.
 *
 * `rawQuery` is what stands behind the `?`, untouched.
 */
export function normaliseQuery(rawQuery: string, policy: QueryPolicy): string {
  if (rawQuery === '') return '[]';
  const segments = rawQuery.split('&');
  if (segments.length > MAX_SORTED) return JSON.stringify(rawQuery);
  const parameters = segments
    .filter(segment => segment !== '')
    .map(readParameter)
    .filter(({ base }) => counts(base, policy));
  // Parsers read `[a]` as `a`, and `[][a]` each in its own way: here the order may always matter.
  const sorted = parameters.some(({ base }) => base === '')
    ? parameters
    : parameters.toSorted(byBase);
  return JSON.stringify(sorted.map(({ pair }) => pair));
}

interface Parameter {
  readonly pair: readonly [Text] | readonly [Text, Text];
  /** The name without what is nested in it; empty where it begins with a bracket or dot. */
  readonly base: string;
}

function readParameter(segment: string): Parameter {
  const equals = segment.indexOf('=');
  const name = decode(equals === -1 ? segment : segment.slice(0, equals));
  return {
    pair: equals === -1 ? [name] : [name, decode(segment.slice(equals + 1))],
    base: baseOf(
      typeof name === 'string' ? name : name.raw.replaceAll('+', ' '),
    ),
  };
}

function baseOf(name: string): string {
  return /^[^.[\]]*/.exec(name)![0];
}

function decode(text: string): Text {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    // Kept apart from the text that `%25zz` stands for, which is `%zz` as well.
    return { raw: text };
  }
}

function counts(base: string, policy: QueryPolicy): boolean {
  return (
    policy === 'all' ||
    base === '' ||
    policy.some(name => baseOf(name) === base)
  );
}

/** By code units, so that every process sorts alike; `toSorted` keeps equals in their order. */
function byBase(one: Parameter, other: Parameter): number {
  if (one.base === other.base) return 0;
  return one.base < other.base ? -1 : 1;
}
