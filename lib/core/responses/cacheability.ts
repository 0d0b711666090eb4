import {
  type HeaderValue,
  parseCacheControl,
  parseVary,
} from './cache-control.js';

/** Why an answer was not looked up, or not stored; fit for the `detail` of Cache-Status. */
export type BypassReason =
  /** The request may be somebody's own, and nothing says whose. */
  | 'credentials'
  /** A function that the route was given (a ref, its scope, what it varies by) failed. */
  | 'declaration-error'
  /** A read of the handler failed, and the answer may stand in for what it would have said. */
  | 'failed-read'
  /** The handler failed; errors pass untouched. */
  | 'handler-error'
  /** A writer is about to commit what the answer depends on. */
  | 'held'
  /** A route parameter is no key of its column. */
  | 'invalid-key'
  /** The address is longer than any that a program has to understand. */
  | 'long-url'
  | 'method'
  | 'no-principal'
  | 'no-store'
  /** The handler declared what it depends on and did not wait for `dependsOn`. */
  | 'not-awaited'
  /** The request has a condition that only the handler can judge. */
  | 'precondition'
  | 'private'
  /** The request has a body, which the answer may depend on. */
  | 'request-body'
  /** The handler wrote the response itself. */
  | 'response-handled'
  | 'set-cookie'
  | 'status'
  | 'store-unavailable'
  | 'stream'
  | 'too-large'
  /** What was read in a transaction may be older than the tokens, or not be committed. */
  | 'transaction'
  /** The answer, or something it varies by, cannot be carried as text. */
  | 'unencodable'
  /** Nobody knows what a statement reads, or it asks for the time, the session or chance. */
  | 'unknown-read'
  | 'vary'
  /** The handler wrote to the database, which a stored answer would not. */
  | 'wrote';

/** Whose a stored answer is: nobody's who is known, everybody's, or one principal's. */
export type ResponseScope = 'anonymous' | 'shared' | 'principal';

export type Selection =
  | { readonly use: true }
  | { readonly use: false; readonly reason: BypassReason };

export interface RequestFacts {
  readonly method: string;
  readonly scope: ResponseScope;
  /** Whether the request has `Authorization`, `Cookie` or a user. */
  readonly credentials: boolean;
  /** Whom scope `principal` found; `undefined` where nobody. */
  readonly principal: string | number | undefined;
}

const USE: Selection = { use: true };

/**
 * Whether a stored answer may be looked up for this request, and its own be considered for
 * storing.
 *
 * What the client says in Cache-Control does not count: the tokens are read for every request,
 * which is the validation that `no-cache` asks for (RFC 9111 §5.2.1.4), and a server that any
 * client can make work has no cache.
 */
export function maySelect(request: RequestFacts): Selection {
  // RFC 9111 §4: a stored GET may answer HEAD (RFC 9110 §9.3.2); other methods are not safe to
  // answer without the handler.
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { use: false, reason: 'method' };
  }
  // RFC 9111 §3.5 forbids a shared cache to reuse an answer to a request with Authorization unless
  // the response allows it; here the route allows it, by its scope.
  if (request.scope === 'anonymous' && request.credentials) {
    return { use: false, reason: 'credentials' };
  }
  if (request.scope === 'principal' && request.principal === undefined) {
    return { use: false, reason: 'no-principal' };
  }
  return USE;
}

export type Storability =
  | { readonly store: true }
  | { readonly store: false; readonly reason: BypassReason };

export interface OutcomeFacts {
  readonly method: string;
  readonly scope: ResponseScope;
  /** Whether the handler wrote the response itself, so that its body is out of sight. */
  readonly handled: boolean;
  /** Whether the body is a stream, a file or server-sent events. */
  readonly streaming: boolean;
  readonly status: number;
  /** The statuses that the route stores. */
  readonly statuses: readonly number[];
  readonly setsCookie: boolean;
  readonly cacheControl: HeaderValue;
  /** What the handler added to Vary. */
  readonly vary: HeaderValue;
  /** The headers that the stored answer is told apart by, in any case. */
  readonly declaredVary: readonly string[];
  readonly bodyBytes: number;
  readonly maxBodyBytes: number;
}

const STORE: Storability = { store: true };

/** Whether an answer may be stored; the first reason against it, where there are several. */
export function mayStore(outcome: OutcomeFacts): Storability {
  const reason = reasonNotToStore(outcome);
  return reason === undefined ? STORE : { store: false, reason };
}

function reasonNotToStore(outcome: OutcomeFacts): BypassReason | undefined {
  // RFC 9111 §3: "the request method is understood by the cache". An answer to HEAD has no body to
  // give to a GET.
  if (outcome.method !== 'GET') return 'method';
  if (outcome.handled) return 'response-handled';
  if (outcome.streaming) return 'stream';
  if (!outcome.statuses.includes(outcome.status)) return 'status';
  // RFC 9111 §7.3 leaves this to the server: a reused answer would hand one client's cookie to all.
  if (outcome.setsCookie) return 'set-cookie';
  return (
    refusedByCacheControl(outcome) ??
    refusedByVary(outcome) ??
    (outcome.bodyBytes > outcome.maxBodyBytes ? 'too-large' : undefined)
  );
}

function refusedByCacheControl(
  outcome: OutcomeFacts,
): BypassReason | undefined {
  const directives = parseCacheControl(outcome.cacheControl);
  // RFC 9111 §3: "the no-store cache directive is not present in the response". `no-cache` is no
  // reason: it asks for a validation before each reuse (§5.2.2.4), which reading the tokens is.
  if (directives.has('no-store')) return 'no-store';
  // RFC 9111 §5.2.2.7: "a shared cache MUST NOT store the response". An answer kept for one
  // principal is in no shared cache. `private="field"` counts as the plain form, as it may.
  if (directives.has('private') && outcome.scope !== 'principal') {
    return 'private';
  }
  return undefined;
}

function refusedByVary(outcome: OutcomeFacts): BypassReason | undefined {
  const declared = new Set(
    outcome.declaredVary.map(name => name.toLowerCase()),
  );
  // RFC 9111 §4.1: a stored response whose Vary names `*` never matches; one that names a header
  // matches only requests with the same value, which nobody compares unless it was declared.
  const unknown = parseVary(outcome.vary).some(
    name => name === '*' || !declared.has(name),
  );
  return unknown ? 'vary' : undefined;
}
