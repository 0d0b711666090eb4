/** A header's value as Node and its frameworks hand it over: several lines are one list. */
export type HeaderValue = string | number | readonly string[] | undefined;

/** Directives by lower-case name; `undefined` where a directive has no value. */
export type CacheControl = ReadonlyMap<string, string | undefined>;

/**
 * Reads the directives of Cache-Control (RFC 9111 §5.2): names without regard to case, values as
 * tokens or quoted strings. Of a repeated directive the first counts (§4.2.1).
 */
export function parseCacheControl(value: HeaderValue): CacheControl {
  const directives = new Map<string, string | undefined>();
  for (const member of listMembers(value)) {
    const equals = member.indexOf('=');
    const name = (equals === -1 ? member : member.slice(0, equals))
      .trim()
      .toLowerCase();
    if (name === '' || directives.has(name)) continue;
    directives.set(
      name,
      equals === -1 ? undefined : unquote(member.slice(equals + 1).trim()),
    );
  }
  return directives;
}

/** Reads the names of Vary (RFC 9110 §12.5.5) in lower case, each once; `*` is one of them. */
export function parseVary(value: HeaderValue): readonly string[] {
  return [...new Set(listMembers(value).map(name => name.toLowerCase()))];
}

/** The names that Vary has gained from one moment to another, as they are written. */
export function varyGained(before: HeaderValue, after: HeaderValue): string[] {
  const known = new Set(parseVary(before));
  return listMembers(after).filter(name => !known.has(name.toLowerCase()));
}

/** Vary with the names of `more` that it lacks; what it has stays as it is written. */
export function extendVary(existing: HeaderValue, more: HeaderValue): string {
  const gained = varyGained(existing, more);
  const before = listMembers(existing).length > 0 ? textOf(existing) : '';
  if (before === '') return textOf(more);
  return gained.length === 0 ? before : `${before}, ${gained.join(', ')}`;
}

/** A quoted string that ends, or any other character but the comma. */
const MEMBER = /(?:"(?:[^"\\]|\\.)*"|[^,])+/gs;

/** The members of a comma list (RFC 9110 §5.6.1), without empty ones. */
function listMembers(value: HeaderValue): string[] {
  return (textOf(value).match(MEMBER) ?? [])
    .map(member => member.trim())
    .filter(member => member !== '');
}

function textOf(value: HeaderValue): string {
  return Array.isArray(value) ? value.join(', ') : String(value ?? '');
}

function unquote(text: string): string {
  return /^".*"$/s.test(text)
    ? text.slice(1, -1).replace(/\\(.)/gs, '$1')
    : text;
}
