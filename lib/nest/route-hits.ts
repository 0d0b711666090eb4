import { Injectable } from '@nestjs/common';
import { type Observable, of } from 'rxjs';
import { type CacheStatus } from '../core/responses/cache-status.js';
import {
  confirmedTag,
  type LastTagDigest,
} from '../core/responses/entity-tag.js';
import { type StoredResponse } from '../core/responses/stored-response.js';
import { AlkeyEvents } from './alkey-events.js';
import { ResponseCapture } from './response-capture.js';
import { RouteHeaders } from './route-headers.js';
import {
  dependenciesOf,
  type Missed,
  type Visit,
  type Wanted,
} from './route-visit.js';
import { StaleAnswers } from './stale-answers.js';

/** Answers with what is stored, or says that the client has it. */
@Injectable()
export class RouteHits {
  constructor(
    private readonly capture: ResponseCapture,
    private readonly headers: RouteHeaders,
    private readonly stale: StaleAnswers,
    private readonly events: AlkeyEvents,
  ) {}

  /** The stored answer; `undefined` where it cannot be made here. */
  give(
    visit: Visit,
    wanted: Wanted,
    response: StoredResponse,
  ): Observable<unknown> | undefined {
    const { plan, exchange } = visit;
    const body = this.capture.restore(plan, response, exchange);
    if (!body) return undefined;
    const ageMs = Date.now() - response.storedAt;
    this.hit(visit, wanted, ageMs, plan.ttlMs - ageMs);
    return of(this.headers.bodyFor(plan, exchange, body.value));
  }

  /** Answers 304 where the tokens alone say that the client has the current answer. */
  confirms(visit: Visit, wanted: Wanted, tags: LastTagDigest): boolean {
    const { plan, exchange } = visit;
    const known = exchange.requestHeader('if-none-match');
    if (known === undefined) return false;
    // A tag that a middleware or `@Header` set is the one that the client has.
    if (plan.form !== 'text' || exchange.responseHeader('etag') !== undefined) {
      return false;
    }
    const confirmed = confirmedTag(known, tags.of(wanted.fingerprint), {
      now: Date.now(),
      ttlMs: plan.ttlMs,
    });
    if (!confirmed) return false;
    exchange.setStatus(304);
    exchange.setHeader('ETag', confirmed.entityTag);
    this.hit(visit, wanted, undefined, confirmed.leftMs);
    return true;
  }

  private hit(
    { plan, exchange }: Visit,
    { slot, fingerprint, dependencies, identifiers }: Wanted,
    ageMs: number | undefined,
    leftMs: number,
  ): void {
    this.stale.sawCurrent(plan, slot, fingerprint);
    // No Age: the tokens that were just read validated the answer (RFC 9111 §5.1).
    this.headers.dress(plan, exchange);
    // A deploy may have shortened the route's ttlMs.
    const ttlSeconds = Math.max(0, leftMs) / 1000;
    this.headers.report(exchange, { hit: true, ttlSeconds }, dependencies);
    if (!this.events.hasListeners('hit')) return;
    this.events.emit('hit', {
      source: 'http',
      name: plan.name,
      identifiers,
      ageMs,
      freshness: 'fresh',
    });
  }

  /** Gives the outdated answer. It was not validated, so it has an Age (RFC 9111 §4). */
  giveOutdated(
    { plan, exchange }: Visit,
    missed: Missed,
    allowed: { readonly forMs: number; readonly failedWith?: number },
  ): { readonly value: unknown } | undefined {
    const { slot, stale, headers, status } = missed;
    const { forMs, failedWith } = allowed;
    const outdatedMs = stale ? this.stale.outdatedMs(slot, stale) : Infinity;
    if (!stale || outdatedMs >= forMs) return undefined;
    exchange.reset(headers, status);
    const body = this.capture.restore(plan, stale, exchange);
    if (!body) return undefined;
    const ageMs = Math.max(0, Date.now() - stale.storedAt);
    exchange.setHeader('Age', `${Math.floor(ageMs / 1000)}`);
    this.headers.dress(plan, exchange);
    const said: CacheStatus =
      failedWith === undefined
        ? { hit: true, ttlSeconds: -outdatedMs / 1000, detail: 'stale' }
        : { forward: 'stale', forwardStatus: failedWith, detail: 'stale' };
    this.headers.report(exchange, said, dependenciesOf(missed));
    this.events.emit('hit', {
      source: 'http',
      name: plan.name,
      identifiers: missed.declared?.identifiers ?? stale.identifiers ?? [],
      ageMs,
      freshness: 'stale',
    });
    return { value: this.headers.bodyFor(plan, exchange, body.value) };
  }
}
