import { Inject, Injectable } from '@nestjs/common';
import { type Dependency } from '../core/identifiers/dependency.js';
import { type Identifier, isHidden } from '../core/identifiers/identifier.js';
import { defaultCacheControl } from '../core/responses/answer-headers.js';
import { extendVary } from '../core/responses/cache-control.js';
import {
  appendCacheStatus,
  type CacheStatus,
  cacheStatusMember,
} from '../core/responses/cache-status.js';
import { isNotModified } from '../core/responses/conditional-request.js';
import { type ResolvedOptions } from './alkey.options.js';
import { type HttpExchange } from './http-exchange.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import { type RoutePlan } from './route-plans.js';

/** RFC 9110 §15.4.5: what describes a body that is not sent. */
const OF_THE_BODY = ['content-type', 'content-length', 'transfer-encoding'];

/** Characters of identifiers in one header: clients refuse answers whose headers are too long together. */
const LONGEST_KEY = 2000;

/** Says in headers what was done, and what caches on the way may do. */
@Injectable()
export class RouteHeaders {
  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /** Adds to `Cache-Status`; identifiers and reasons only where they may be known. */
  report(
    exchange: HttpExchange,
    status: CacheStatus,
    dependencies: readonly Dependency[],
  ): void {
    if (exchange.isSent()) return;
    const shown = this.options.expose
      ? withIdentifiers(status, dependencies)
      : status.detail === undefined
        ? status
        : { ...status, detail: undefined };
    exchange.setHeader(
      'Cache-Status',
      appendCacheStatus(
        exchange.responseHeader('cache-status'),
        cacheStatusMember(shown),
      ),
    );
  }

  /**
   * Extends `Vary`, and sets `Cache-Control` where nobody did; after the handler, whose own word
   * counts. An `Expires` is such a word.
   */
  dress({ scope, vary, varyText }: RoutePlan, exchange: HttpExchange): void {
    if (exchange.isSent()) return;
    if (vary.length > 0) {
      const existing = exchange.responseHeader('vary');
      exchange.setHeader(
        'Vary',
        existing === undefined ? varyText : extendVary(existing, vary),
      );
    }
    if (
      exchange.responseHeader('cache-control') === undefined &&
      exchange.responseHeader('expires') === undefined
    ) {
      const setsCookie = exchange.responseHeader('set-cookie') !== undefined;
      exchange.setHeader(
        'Cache-Control',
        defaultCacheControl(scope, setsCookie),
      );
    }
  }

  /** The body to send; none, with 304, where the client has it. */
  bodyFor({ form }: RoutePlan, exchange: HttpExchange, body: unknown): unknown {
    const status = exchange.status();
    // Whoever stands between this body and the client decides what the client has.
    if (form !== 'text' || status < 200 || status > 299) return body;
    const ifNoneMatch = exchange.requestHeader('if-none-match');
    const ifModifiedSince = exchange.requestHeader('if-modified-since');
    if (ifNoneMatch === undefined && ifModifiedSince === undefined) return body;
    const notModified = isNotModified(
      { ifNoneMatch, ifModifiedSince },
      {
        entityTag: exchange.responseHeader('etag'),
        lastModified: exchange.responseHeader('last-modified'),
      },
    );
    if (!notModified) return body;
    exchange.setStatus(304);
    for (const name of OF_THE_BODY) exchange.removeHeader(name);
    return undefined;
  }
}

function withIdentifiers(
  status: CacheStatus,
  dependencies: readonly Dependency[],
): CacheStatus {
  const identifiers = dependencies
    .map(({ identifier }) => identifier)
    .filter(identifier => !isHidden(identifier));
  return identifiers.length > 0
    ? { ...status, key: shownText(identifiers) }
    : status;
}

/** As many as fit. */
function shownText(identifiers: readonly Identifier[]): string {
  let text = '';
  for (const [index, identifier] of identifiers.entries()) {
    if (text.length + identifier.length > LONGEST_KEY) {
      return `${text} and ${identifiers.length - index} more`.trimStart();
    }
    text += index === 0 ? identifier : ` ${identifier}`;
  }
  return text;
}
