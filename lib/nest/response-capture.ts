import { Inject, Injectable, StreamableFile } from '@nestjs/common';
import { type Fingerprint } from '../core/keys/cache-key.js';
import { type BypassReason, mayStore } from '../core/responses/cacheability.js';
import {
  type StoredBody,
  type StoredResponse,
} from '../core/responses/stored-response.js';
import { type ResolvedOptions } from './alkey.options.js';
import { ClassMemory } from './class-memory.js';
import { type HeaderMap, type HttpExchange } from './http-exchange.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import { type RoutePlan } from './route-plans.js';

/** What one run of a handler gave. */
export type HandlerRun =
  | {
      /** What the request that ran it answers. */
      readonly value: unknown;
      /** What may be given to others. */
      readonly response: StoredResponse;
      readonly reason?: undefined;
    }
  | {
      readonly value: unknown;
      readonly response?: undefined;
      readonly reason: BypassReason;
    };

const JSON_TYPE = 'application/json; charset=utf-8';

/** Takes down what a handler answered, and gives it again to another request. */
@Injectable()
export class ResponseCapture {
  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    private readonly classes: ClassMemory,
  ) {}

  /**
   * What the handler answered, ready to be stored, or why it must not be. `before` are the headers
   * that stood before it ran: only what it set itself belongs to the answer.
   */
  take(
    plan: RoutePlan,
    exchange: HttpExchange,
    value: unknown,
    before: HeaderMap,
    fingerprint: Fingerprint,
  ): HandlerRun {
    const added = headersAdded(before, exchange.responseHeaders());
    const streaming = isStream(value);
    const kept = streaming ? undefined : this.bodyOf(plan, exchange, value);
    const verdict = mayStore({
      method: exchange.method,
      scope: plan.scope,
      held: false,
      handled: exchange.isSent(),
      streaming,
      status: exchange.status(),
      statuses: plan.statuses,
      setsCookie: added.has('set-cookie'),
      cacheControl: added.get('cache-control'),
      vary: added.get('vary'),
      declaredVary: plan.varyHeaders,
      bodyBytes: kept ? bytesOf(kept.body) : 0,
      maxBodyBytes: this.options.maxBodyBytes,
    });
    if (!verdict.store) return { value, reason: verdict.reason };
    if (!kept) return { value, reason: 'unencodable' };
    const response: StoredResponse = {
      fingerprint,
      status: exchange.status(),
      headers: [...added, ...kept.headers],
      body: kept.body,
      storedAt: Date.now(),
    };
    for (const [name, header] of kept.headers) exchange.setHeader(name, header);
    // What is sent now is what is sent later, to the byte.
    return { value: kept.value, response };
  }

  /** Gives a stored answer; `undefined` where it has a class that this process does not know yet. */
  restore(
    stored: StoredResponse,
    exchange: HttpExchange,
  ): { readonly value: unknown } | undefined {
    const body = this.classes.decode(stored.body);
    if (!body) return undefined;
    exchange.setStatus(stored.status);
    for (const [name, value] of stored.headers) exchange.setHeader(name, value);
    return body;
  }

  private bodyOf(
    plan: RoutePlan,
    exchange: HttpExchange,
    value: unknown,
  ):
    | {
        readonly body: StoredBody;
        readonly value: unknown;
        readonly headers: readonly (readonly [string, string])[];
      }
    | undefined {
    if (plan.form === 'text') {
      if (typeof value === 'string') {
        return { body: { kind: 'text', text: value }, value, headers: [] };
      }
      const json = isJsonBody(value) ? jsonOf(exchange, value) : undefined;
      if (json !== undefined) {
        return {
          body: { kind: 'text', text: json },
          value: json,
          headers: exchange.responseHeaders().has('content-type')
            ? []
            : [['content-type', JSON_TYPE]],
        };
      }
    }
    const encoded = this.classes.encode(value);
    return encoded.ok
      ? { body: { kind: 'value', encoded: encoded.text }, value, headers: [] }
      : undefined;
  }
}

/** The headers that were set or changed between two moments. */
function headersAdded(
  before: HeaderMap,
  after: HeaderMap,
): Map<string, string | readonly string[]> {
  const added = new Map<string, string | readonly string[]>();
  for (const [name, value] of after) {
    if (!sameHeader(before.get(name), value)) added.set(name, value);
  }
  return added;
}

function sameHeader(
  left: string | readonly string[] | undefined,
  right: string | readonly string[],
): boolean {
  return (
    left === right ||
    (Array.isArray(left) &&
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((value, index) => value === right[index]))
  );
}

/** What both frameworks send as JSON: any object, but not the bytes that Fastify sends as they are. */
function isJsonBody(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)
  );
}

/** `undefined` for what JSON cannot say; the framework then fails as it does without a cache. */
function jsonOf(exchange: HttpExchange, value: unknown): string | undefined {
  try {
    return exchange.jsonText(value);
  } catch {
    return undefined;
  }
}

function isStream(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return (
    value instanceof StreamableFile ||
    ('pipe' in value && typeof value.pipe === 'function') ||
    ('getReader' in value && typeof value.getReader === 'function') ||
    Symbol.asyncIterator in value ||
    value instanceof Response
  );
}

function bytesOf(body: StoredBody): number {
  return Buffer.byteLength(body.kind === 'text' ? body.text : body.encoded);
}
