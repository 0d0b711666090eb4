import { type ResponseScope } from './cacheability.js';

/**
 * Cache-Control where nobody else sets it. `no-cache` (RFC 9111 §5.2.2.4): caches on the way may keep
 * the answer and ask before each reuse, because only we know when it is outdated. `private` besides,
 * where the answer is not everybody's or sets a cookie.
 */
export function defaultCacheControl(
  scope: ResponseScope,
  setsCookie: boolean,
): string {
  return scope === 'shared' && !setsCookie ? 'no-cache' : 'private, no-cache';
}

/**
 * The request headers that Vary names (RFC 9110 §12.5.5). Authorization as well, though caches keep
 * answers to it apart by themselves: a `public` or `s-maxage` of the handler's would end that (RFC
 * 9111 §3.5).
 */
export function varyNames(
  scope: ResponseScope,
  declared: readonly string[],
): readonly string[] {
  return scope === 'shared'
    ? declared
    : [...declared, 'Authorization', 'Cookie'];
}
