import { hash } from 'node:crypto';
import { canonicalText } from '../keys/canonical-encoding.js';
import { type ResponseScope } from './cacheability.js';
import { normaliseQuery, type QueryPolicy } from './query-parameters.js';

/** What is known of a resource before any request. */
export interface RouteParts {
  /** Names the handler; unique in the application and the same in each of its processes. */
  readonly route: string;
  /** How the answer is kept, where one handler has several: `http`, `value`. */
  readonly mode: string;
  readonly release: string | undefined;
  /** Another scope is another resource: what was everybody's may now be somebody's. */
  readonly scope: ResponseScope;
  readonly query: QueryPolicy;
}

/** What one request adds. */
export interface RequestParts {
  readonly scheme: string;
  readonly authority: string;
  /** As it was sent, without the query. */
  readonly path: string;
  /** What stands behind the `?`, as it was sent; empty where there is none. */
  readonly rawQuery: string;
  /** Request headers that the answer depends on, in the route's order. */
  readonly vary: readonly (readonly [
    name: string,
    value: string | readonly string[] | undefined,
  ])[];
  /** Whatever else the answer depends on; anything that `encodeCanonical` carries. */
  readonly variant: unknown;
  /** Whose answer it is; `undefined`: of nobody in particular. `1` and `'1'` are two principals. */
  readonly principal: string | number | undefined;
}

export type ResourceParts = RouteParts & RequestParts;

/** Raised whenever equal parts would give another key than before. */
export const RESOURCE_FORMAT = 2;

/**
 * The key of the slot that holds a resource's answer: `alkey:response:2:<43 characters>`. Different
 * parts never share one.
 *
 * @throws AlkeyError `ALKEY_UNENCODABLE_PART` where `variant` cannot be carried as text
 */
export function resourceKey(parts: ResourceParts): string {
  return prepareResource(parts)(parts);
}

/** As {@link resourceKey}, with the route's part done once. */
export function prepareResource(
  route: RouteParts,
): (request: RequestParts) => string {
  const { query } = route;
  // Names in another order are the same policy, and lists of other names another one: without
  // them two policies could leave the same of two different queries.
  const policy = query === 'all' ? query : [...new Set(query)].toSorted();
  const prefix = canonicalText(
    [route.route, route.mode, route.release, route.scope, policy],
    'the route',
  );
  return request => {
    const text = prefix + requestText(request, query);
    return `alkey:response:${RESOURCE_FORMAT}:${hash('sha256', text, 'base64url')}`;
  };
}

function requestText(request: RequestParts, query: QueryPolicy): string {
  const { vary, variant, principal } = request;
  const headers = vary.map(([name, value]) => [name.toLowerCase(), value]);
  return [
    // RFC 9110 §4.2.3: scheme and host are equal in any case.
    JSON.stringify(request.scheme.toLowerCase()),
    JSON.stringify(request.authority.toLowerCase()),
    JSON.stringify(request.path),
    normaliseQuery(request.rawQuery, query),
    headers.length === 0 ? '[]' : canonicalText(headers, 'the headers'),
    canonicalText(principal, 'the principal'),
    canonicalText(variant, 'what the answer varies by'),
  ].join('');
}
