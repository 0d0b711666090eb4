import { types } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { type Fingerprint } from '../core/keys/cache-key.js';
import { entityTag } from '../core/responses/entity-tag.js';
import { extendVary, varyGained } from '../core/responses/cache-control.js';
import { type BypassReason, mayStore } from '../core/responses/cacheability.js';
import {
  type AnswerParts,
  byteLengthOf,
  textOf,
  type StoredBody,
  type StoredHeader,
} from '../core/responses/stored-response.js';
import { type ResolvedOptions } from './alkey.options.js';
import { ClassMemory } from './class-memory.js';
import { hasPrivateMembers } from './private-members.js';
import { type HeaderMap, type HttpExchange } from './http-exchange.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import { type RoutePlan } from './route-plans.js';
import { isStream } from './streams.js';

/** What one run of a handler gave. */
export type HandlerRun =
  | {
      /** What the request that ran it answers. */
      readonly value: unknown;
      /** What may be given to others. */
      readonly response: AnswerParts;
      readonly reason?: undefined;
    }
  | {
      readonly value: unknown;
      readonly response?: undefined;
      readonly reason: BypassReason;
      readonly status: number;
    };

/** What an entity tag is made of. */
export interface TaggedRun {
  readonly slot: string;
  readonly fingerprint: Fingerprint;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** RFC 9111 §3.1: they are about the connection, not about the answer. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** RFC 9110 §15.4.5: a 304 repeats them, besides Vary, which a route knows without its handler. */
const REPEATED_BY_304 = new Set([
  'cache-control',
  'content-location',
  'expires',
]);

/** Takes down what a handler answered, and gives it again to another request. */
@Injectable()
export class ResponseCapture {
  /** Of each route its own: two modules may each have a class of one name. */
  private readonly classes = new WeakMap<RoutePlan, ClassMemory>();

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /**
   * What the handler answered, ready for others, or why it is not for them. `before` are the headers
   * that stood before it ran: only what it set itself belongs to the answer. A cookie, `no-store` and
   * `private` count whoever set them. Under `tagged` it gets an entity tag; without, it is not to be stored.
   */
  take(
    plan: RoutePlan,
    exchange: HttpExchange,
    value: unknown,
    before: HeaderMap,
    tagged?: TaggedRun,
  ): HandlerRun {
    const status = exchange.status();
    // An interceptor behind ours may have found out who asks.
    if (plan.scope === 'anonymous' && exchange.credentials) {
      return { value, reason: 'credentials', status };
    }
    const after = exchange.responseHeaders();
    const streaming = isStream(value);
    const kept = streaming ? undefined : this.bodyOf(plan, exchange, value);
    const verdict = mayStore({
      method: exchange.method,
      scope: plan.scope,
      handled: exchange.isSent(),
      streaming,
      status,
      statuses: plan.statuses,
      setsCookie: after.has('set-cookie'),
      cacheControl: after.get('cache-control'),
      vary: [
        ...varyGained(before.get('vary'), after.get('vary')),
        ...plan.varyByDecorator,
      ],
      declaredVary: plan.varyHeaders,
      bodyBytes: kept ? byteLengthOf(kept.body) : 0,
      maxBodyBytes: this.options.maxBodyBytes,
    });
    if (!verdict.store) return { value, reason: verdict.reason, status };
    if (!kept) return { value, reason: 'unencodable', status };
    const made = headersMade(before, after);
    const added = [...kept.headers];
    // Interceptors outside and templates make of it what no token tells; then the tag is theirs.
    if (
      tagged &&
      plan.form === 'text' &&
      status === 200 &&
      !after.has('etag')
    ) {
      const { slot, fingerprint, madeAt } = tagged;
      const isHandlers = made.some(([name]) => REPEATED_BY_304.has(name));
      const confirmedBy = isHandlers ? 'store' : 'tokens';
      const tag = entityTag({ slot, fingerprint, confirmedBy }, madeAt);
      added.push(['etag', tag]);
    }
    const response: AnswerParts = {
      status,
      headers: [...made, ...added],
      body: kept.body,
    };
    for (const [name, header] of added) exchange.setHeader(name, header);
    // What is sent now is what is sent later, to the byte.
    return { value: kept.value, response };
  }

  /** Gives a stored answer; `undefined` where it has a class that this process does not know yet. */
  restore(
    plan: RoutePlan,
    stored: AnswerParts,
    exchange: HttpExchange,
  ): { readonly value: unknown } | undefined {
    const { status, headers, body } = stored;
    const kept =
      body.kind === 'value' ? this.classesOf(plan).decode(body) : undefined;
    if (body.kind === 'value' && !kept) return undefined;
    exchange.setStatus(status);
    for (const [name, value] of headers) {
      if (name === 'vary') {
        const existing = exchange.responseHeader(name);
        exchange.setHeader(name, extendVary(existing, value));
      } else if (value.length === 0 && Array.isArray(value)) {
        exchange.removeHeader(name);
      } else {
        exchange.setHeader(name, value);
      }
    }
    return kept ?? { value: sendable(stored, exchange) };
  }

  private bodyOf(
    plan: RoutePlan,
    exchange: HttpExchange,
    value: unknown,
  ):
    | {
        readonly body: StoredBody;
        readonly value: unknown;
        readonly headers: readonly StoredHeader[];
      }
    | undefined {
    // Frameworks treat an error as a failure of the handler, or show it without its properties.
    if (types.isNativeError(value)) return undefined;
    if (plan.form === 'text') {
      if (typeof value === 'string') {
        return { body: { kind: 'text', text: value }, value, headers: [] };
      }
      const type = exchange.responseHeaders().get('content-type');
      if (isJsonBody(value) && isJsonType(type)) {
        const json = jsonOf(exchange, value);
        if (json.failed) return undefined;
        if (json.text !== undefined) {
          return {
            body: { kind: 'text', text: json.text },
            value: json.text,
            headers:
              type === undefined ? [['content-type', JSON_TYPE] as const] : [],
          };
        }
      }
    }
    const encoded = this.classesOf(plan).encode(value);
    return encoded.ok && ![...encoded.classes.values()].some(hasPrivateMembers)
      ? { body: { kind: 'value', encoded: encoded.text }, value, headers: [] }
      : undefined;
  }

  private classesOf(plan: RoutePlan): ClassMemory {
    let classes = this.classes.get(plan);
    if (!classes) this.classes.set(plan, (classes = new ClassMemory()));
    return classes;
  }
}

/** The headers that were set, changed or taken away between two moments. */
function headersMade(before: HeaderMap, after: HeaderMap): StoredHeader[] {
  const ofConnection = new Set(
    [after.get('connection') ?? []]
      .flat()
      .flatMap(names => names.split(','))
      .map(name => name.trim().toLowerCase()),
  );
  const made: StoredHeader[] = [];
  for (const [name, value] of after) {
    if (HOP_BY_HOP.has(name) || ofConnection.has(name)) continue;
    const old = before.get(name);
    if (sameHeader(old, value)) continue;
    // Another request may find other names in Vary; those that the handler added stay.
    const isExtended = name === 'vary' && old !== undefined;
    made.push([name, isExtended ? varyGained(old, value) : value]);
  }
  for (const name of before.keys()) {
    if (!after.has(name) && name !== 'vary' && !HOP_BY_HOP.has(name)) {
      made.push([name, []]);
    }
  }
  return made;
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

/** With another type each framework has rules of its own for objects. */
function isJsonType(type: string | readonly string[] | undefined): boolean {
  return type === undefined || /json/i.test(String(type));
}

/** `failed`: JSON cannot say it; the framework then fails as it does without a cache. */
function jsonOf(
  exchange: HttpExchange,
  value: unknown,
): { readonly failed: boolean; readonly text?: string | undefined } {
  try {
    return { failed: false, text: exchange.jsonText(value) };
  } catch {
    return { failed: true };
  }
}

/** The bytes, where the framework sends them as it sends their text: it adds to other types. */
function sendable({ body }: AnswerParts, exchange: HttpExchange): unknown {
  const asBytes =
    body.kind === 'bytes' &&
    exchange.method === 'GET' &&
    exchange.responseHeader('content-type') === JSON_TYPE
      ? exchange.asBody(body.utf8)
      : undefined;
  return asBytes ?? textOf(body);
}
