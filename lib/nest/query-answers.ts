import { hash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type Identifier } from '../core/identifiers/identifier.js';
import { composeKey } from '../core/keys/cache-key.js';
import { QueryRules } from '../core/reads/query-rules.js';
import { decodeRows, encodeRows } from '../core/reads/row-codec.js';
import { type BypassReason } from '../core/responses/cacheability.js';
import { type StoredResponse } from '../core/responses/stored-response.js';
import { SingleFlight } from '../core/single-flight.js';
import { TextMemory } from '../core/text-memory.js';
import { type InterceptedQuery } from '../typeorm/query-interception.js';
import { AlkeyEvents } from './alkey-events.js';
import { type ResolvedOptions } from './alkey.options.js';
import { BypassReports } from './bypass-reports.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import {
  type FoundValue,
  KeptValues,
  type ValuePlace,
  type WantedValue,
} from './kept-values.js';
import { type QuerySource } from './query-source.js';

/** What one run of a SELECT answered, for those who wait for it. */
interface QueryRun {
  /** `undefined` where it is the one's own who ran it. */
  readonly text: string | undefined;
  /** Whether others will find it. */
  readonly kept: boolean;
}

type Absent = Extract<FoundValue, { readonly kind: 'absent' }>;

const source = 'query';

/** Answers queries with what is kept where nothing was written that they read, else by the database. */
@Injectable()
export class QueryAnswers {
  private readonly runs = new SingleFlight<string, QueryRun>();
  /** A program asks few statements, each very often. */
  private readonly digests = new TextMemory(sql =>
    hash('sha256', sql, 'base64url'),
  );

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    private readonly rules: QueryRules,
    private readonly kept: KeptValues,
    private readonly reports: BypassReports,
    private readonly events: AlkeyEvents,
  ) {}

  /** The rows of a query, the caller's own. Rejects only as the database does. */
  async answer(from: QuerySource, query: InterceptedQuery): Promise<unknown[]> {
    const wanted = this.wanted(from, query);
    if (!wanted) return query.run();
    const found = await this.kept.lookUp(wanted, response =>
      rowsIn(response, wanted.ttlMs),
    );
    switch (found.kind) {
      case 'found':
        return found.value;
      case 'bypass':
        return query.run();
      case 'absent':
        return this.miss(from, query, found);
    }
  }

  /** What to look for; `undefined`: the query is not cached. */
  private wanted(
    from: QuerySource,
    query: InterceptedQuery,
  ): WantedValue | undefined {
    const reads = from.readsOf(query);
    const entity = from.entityOf(query, reads);
    const op = from.opOf(query, reads);
    const ttlMs = this.rules.ttlMsOf(entity, op, from.settingOf(query));
    if (ttlMs === undefined) return undefined;
    const name = `${entity ?? 'query'}.${op}`;
    if (reads.kind !== 'told') return this.refuse(name, 'unknown-read', []);
    const identifiers = from.identifiersOf(query, reads);
    const slot = this.slotOf(from, query);
    return slot === undefined
      ? this.refuse(name, 'unencodable', identifiers)
      : { source, name, slot, identifiers, ttlMs };
  }

  private refuse(
    name: string,
    reason: BypassReason,
    identifiers: readonly Identifier[],
  ): undefined {
    this.reports.report(source, name, reason, identifiers);
  }

  /** `undefined` where a parameter cannot be told apart from others. */
  private slotOf(
    { name, place }: QuerySource,
    { sql, parameters }: InterceptedQuery,
  ): string | undefined {
    const { release } = this.options;
    if (!parameters.every(isPlainParameter)) return undefined;
    try {
      return composeKey([
        // One list, as no literal of `wrap` is one: neither finds what the other keeps.
        {
          kind: 'literal',
          value: [
            release,
            source,
            name,
            place,
            this.digests.get(sql),
            parameters,
          ],
        },
      ]);
    } catch {
      return undefined;
    }
  }

  private async miss(
    from: QuerySource,
    query: InterceptedQuery,
    { place, outdated }: Absent,
  ): Promise<unknown[]> {
    const { name, identifiers } = place;
    const key = `${place.slot} ${place.fingerprint}`;
    const isRunning = this.runs.has(key);
    // Whoever has a connection and waits for one who waits for a connection may wait for ever.
    const collapsed = isRunning && !query.mustNotWait;
    const reason = outdated ? 'outdated' : 'absent';
    this.events.emit('miss', { source, name, identifiers, reason, collapsed });
    if (isRunning && !collapsed) return query.run();
    let own: Promise<unknown[]> | undefined;
    const joined = this.runs.run(
      key,
      async () => {
        own = query.run();
        return this.keep(from, query, place, await own);
      },
      ({ kept }) => (kept ? this.kept.arrived() : undefined),
    );
    if (own) {
      await joined;
      return own;
    }
    // Another's failure may be one of its connection alone.
    const text = (await joined.catch(() => undefined))?.text;
    return (text === undefined ? undefined : decodeRows(text)) ?? query.run();
  }

  /** Keeps the rows before anybody who has them can change them. */
  private keep(
    from: QuerySource,
    { runner }: InterceptedQuery,
    place: ValuePlace,
    rows: unknown[],
  ): QueryRun {
    // One that began in between on SQLite's only connection, or that was left open on this one.
    if (from.driver.inTransaction(runner)) return OWN;
    const text = encodeRows(rows);
    if (text === undefined) {
      this.reports.report(source, place.name, 'unencodable', place.identifiers);
      return OWN;
    }
    return { text, kept: this.kept.keepText(place, text) !== undefined };
  }
}

/** Drivers make text of objects in ways of their own, such as by the order of their properties. */
function isPlainParameter(value: unknown): boolean {
  return Array.isArray(value)
    ? value.every(isPlainParameter)
    : typeof value !== 'object' ||
        value === null ||
        value instanceof Date ||
        value instanceof Uint8Array;
}

const OWN: QueryRun = { text: undefined, kept: false };

/** The rows of a stored answer that is no older than this query accepts. */
function rowsIn(
  { body, storedAt }: StoredResponse,
  ttlMs: number,
): { readonly value: unknown[] } | undefined {
  if (body.kind !== 'value' || Date.now() - storedAt >= ttlMs) return undefined;
  const value = decodeRows(body.encoded);
  return value && { value };
}
