import { type HeaderValue } from './cache-control.js';

/** What a request says about the representation that its client has. */
export interface Conditions {
  readonly ifNoneMatch: HeaderValue;
  readonly ifModifiedSince: HeaderValue;
}

/** What an answer says about its own representation. */
export interface Validators {
  readonly entityTag: HeaderValue;
  readonly lastModified: HeaderValue;
}

/** The entity tags of If-None-Match (RFC 9110 §13.1.2) as they are written; what is none is left out. */
export function entityTagsIn(value: HeaderValue): readonly string[] {
  return textOf(value).match(ENTITY_TAG) ?? [];
}

/**
 * Whether 304 answers a GET or HEAD whose answer is a success with these validators (RFC 9110
 * §13.2.2): where If-None-Match stands, If-Modified-Since does not count.
 */
export function isNotModified(
  { ifNoneMatch, ifModifiedSince }: Conditions,
  { entityTag, lastModified }: Validators,
): boolean {
  if (ifNoneMatch !== undefined) {
    // §13.1.2: `*` is any representation, and here is one.
    if (textOf(ifNoneMatch).trim() === '*') return true;
    const [own] = entityTagsIn(entityTag);
    return (
      own !== undefined &&
      entityTagsIn(ifNoneMatch).some(tag => opaque(tag) === opaque(own))
    );
  }
  // A comparison with NaN, which is what a wrong date gives, is false.
  return (
    Date.parse(textOf(lastModified)) <= Date.parse(textOf(ifModifiedSince))
  );
}

/** §8.8.3. */
const ENTITY_TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;

/** §8.8.3.2: two tags match weakly where they differ in nothing but `W/`. */
function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}

function textOf(value: HeaderValue): string {
  return Array.isArray(value) ? value.join(', ') : String(value ?? '');
}
