import { type HeaderValue } from './cache-control.js';

/** Why a request went on to the handler (RFC 9211 §2.2); the words are the standard's. */
export type ForwardReason =
  'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale';

interface CacheStatusDetails {
  /** Seconds until the response expires; negative where it has already. */
  readonly ttlSeconds?: number;
  /** What names the stored response; only where responses may reveal it. */
  readonly key?: string;
  /** A reason of this cache's own. */
  readonly detail?: string;
}

/** What this cache did with one request. */
export type CacheStatus = CacheStatusDetails &
  (
    | { readonly hit: true }
    | {
        readonly forward: ForwardReason;
        /** The status that the handler gave, where it is not the one that is sent. */
        readonly forwardStatus?: number;
        readonly stored?: boolean;
        /** Whether the request shared the run of another one. */
        readonly collapsed?: boolean;
      }
  );

const CACHE_NAME = 'alkey';

/** One member of Cache-Status (RFC 9211): `alkey; hit`, `alkey; fwd=miss; stored`. */
export function cacheStatusMember(status: CacheStatus): string {
  let member = CACHE_NAME;
  if ('hit' in status) {
    member += '; hit';
  } else {
    member += `; fwd=${status.forward}`;
    if (status.forwardStatus !== undefined) {
      member += `; fwd-status=${integer(status.forwardStatus)}`;
    }
    if (status.stored) member += '; stored';
    if (status.collapsed) member += '; collapsed';
  }
  const { ttlSeconds, key, detail } = status;
  if (ttlSeconds !== undefined && Number.isFinite(ttlSeconds)) {
    member += `; ttl=${integer(ttlSeconds)}`;
  }
  if (key !== undefined) member += `; key=${quoted(key)}`;
  if (detail !== undefined) {
    member += `; detail=${TOKEN.test(detail) ? detail : quoted(detail)}`;
  }
  return member;
}

/**
 * The header with one member more. The list begins with the cache nearest to the origin (RFC 9211
 * §2), so what the handler or a cache behind it said stays in front.
 */
export function appendCacheStatus(
  existing: HeaderValue,
  member: string,
): string {
  if (existing === undefined) return member;
  const before = Array.isArray(existing) ? existing : [existing];
  return [...before.map(String), member]
    .filter(text => text.trim() !== '')
    .join(', ');
}

/** RFC 9651 §3.3.4. */
const TOKEN = /^[A-Za-z*][!#$%&'*+\-.^_`|~\w:/]*$/;

/** RFC 9651 §3.3.3 has visible ASCII only; what else a text holds is left out. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, String.raw`\$&`)}"`;
}

/** RFC 9651 §3.3.1 has fifteen digits. */
const LARGEST_INTEGER = 999_999_999_999_999;

function integer(value: number): string {
  const clamped = Math.min(Math.max(value, -LARGEST_INTEGER), LARGEST_INTEGER);
  // Truncating a small negative number gives -0, which text shows as 0.
  return `${Math.trunc(clamped)}`;
}
