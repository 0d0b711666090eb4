import { Injectable } from '@nestjs/common';
import { type Observable, of } from 'rxjs';
import {
  type Dependency,
  dependenciesOn,
} from '../core/identifiers/dependency.js';
import { type Identifier } from '../core/identifiers/identifier.js';
import { type Fingerprint } from '../core/keys/cache-key.js';
import { LastFingerprint } from '../core/keys/last-fingerprint.js';
import { type KnownTokens } from '../core/reads/recording.js';
import { type StoredResponse } from '../core/responses/stored-response.js';
import { type Token } from '../core/tokens/token.js';
import { HeldAnswers } from './held-answers.js';
import { RecordedAnswers } from './recorded-answers.js';
import { ResponseStore } from './response-store.js';
import { RouteBypasses } from './route-bypasses.js';
import { RouteFlights } from './route-flights.js';
import { RouteHits } from './route-hits.js';
import { type AskedAnswer } from './route-requests.js';
import { RouteRuns } from './route-runs.js';
import { type Visit } from './route-visit.js';
import { mayBeStale } from './stale-answers.js';
import { TokenReader, type TokenReading } from './token-reader.js';

/** What a stored answer says that it depends on. */
interface ReadList {
  readonly dependencies: readonly Dependency[];
  readonly fingerprints: LastFingerprint;
}

/** Serves routes whose stored answers say themselves what they depend on. */
@Injectable()
export class RecordedRoutes {
  /** By the list that the process keeps with an answer. */
  private readonly lists = new WeakMap<readonly Identifier[], ReadList>();

  constructor(
    private readonly reader: TokenReader,
    private readonly responses: ResponseStore,
    private readonly recorded: RecordedAnswers,
    private readonly hits: RouteHits,
    private readonly held: HeldAnswers,
    private readonly bypasses: RouteBypasses,
    private readonly flights: RouteFlights,
    private readonly runs: RouteRuns,
  ) {}

  /** At once where the process has the answer and knows its tokens, else by a promise. */
  answer(
    visit: Visit,
    asked: AskedAnswer,
  ): Observable<unknown> | Promise<Observable<unknown>> {
    visit.since ??= this.flights.begun;
    const near = this.responses.findAny(asked.slot);
    if (!near?.identifiers) return this.find(visit, asked);
    const reading = this.reader.peek(near.identifiers);
    return reading
      ? this.answerWith(visit, asked, near, reading)
      : this.readAndAnswer(visit, asked, near);
  }

  private async readAndAnswer(
    visit: Visit,
    asked: AskedAnswer,
    near: StoredResponse,
  ): Promise<Observable<unknown>> {
    const reading = await this.reader.read(near.identifiers ?? []);
    return this.answerWith(visit, asked, near, reading);
  }

  /** The answer that the process has, where its tokens stand. */
  private answerWith(
    visit: Visit,
    asked: AskedAnswer,
    near: StoredResponse,
    reading: TokenReading,
  ): Observable<unknown> | Promise<Observable<unknown>> {
    const { identifiers = [] } = near;
    if (reading.kind !== 'tokens') {
      return this.refuse(visit, asked, reading.kind, identifiers);
    }
    const { tokens } = reading;
    const fingerprint = this.listOf(identifiers).fingerprints.of(tokens);
    const given =
      fingerprint === near.fingerprint
        ? this.give(visit, asked, near, fingerprint)
        : this.confirm(visit, asked, identifiers, fingerprint);
    return (
      given ??
      this.find(visit, asked, {
        except: near.fingerprint,
        known: knownOf(identifiers, tokens),
      })
    );
  }

  /** The answer that a store has, or the handler's. */
  private async find(
    visit: Visit,
    asked: AskedAnswer,
    near?: { readonly except: Fingerprint; readonly known: KnownTokens },
  ): Promise<Observable<unknown>> {
    const { slot } = asked;
    const found = await this.recorded.find(slot, {
      orStale: mayBeStale(visit.plan),
      except: near?.except,
    });
    switch (found.kind) {
      case 'found': {
        const { response } = found;
        const given = this.give(visit, asked, response, response.fingerprint);
        if (given) return given;
        return this.run(visit, asked, { outdated: false, stale: undefined });
      }
      case 'absent': {
        const { outdated, stale } = found;
        const known = new Map([...(near?.known ?? []), ...found.known]);
        return this.run(visit, asked, { outdated, stale, known });
      }
      case 'held':
      case 'store-unavailable':
        return this.refuse(visit, asked, found.kind, found.identifiers);
    }
  }

  private run(
    visit: Visit,
    asked: AskedAnswer,
    {
      outdated,
      stale,
      known = new Map(),
    }: {
      readonly outdated: boolean;
      readonly stale: StoredResponse | undefined;
      readonly known?: KnownTokens;
    },
  ): Observable<unknown> {
    const again = async (): Promise<Observable<unknown>> =>
      this.answer(visit, asked);
    return this.runs.begin(visit, {
      slot: asked.slot,
      declared: undefined,
      recorded: { known, since: visit.since ?? this.flights.begun, again },
      outdated,
      stale,
    });
  }

  private refuse(
    visit: Visit,
    asked: AskedAnswer,
    reason: 'held' | 'store-unavailable',
    identifiers: readonly Identifier[],
  ): Observable<unknown> | Promise<Observable<unknown>> {
    const list = this.listOf(identifiers);
    return reason === 'held'
      ? this.held.answer(visit, { ...asked, ...list }, async () =>
          this.answer(visit, asked),
        )
      : this.bypasses.pass(visit, reason, list.dependencies);
  }

  private give(
    visit: Visit,
    asked: AskedAnswer,
    response: StoredResponse,
    fingerprint: Fingerprint,
  ): Observable<unknown> | undefined {
    const { identifiers = [] } = response;
    const { dependencies } = this.listOf(identifiers);
    const { slot } = asked;
    return (
      this.confirm(visit, asked, identifiers, fingerprint) ??
      this.hits.give(
        visit,
        { slot, fingerprint, dependencies, identifiers },
        response,
      )
    );
  }

  /** Says that the client has the answer under these tokens, where it has. */
  private confirm(
    visit: Visit,
    { slot, tags }: AskedAnswer,
    identifiers: readonly Identifier[],
    fingerprint: Fingerprint,
  ): Observable<unknown> | undefined {
    const { dependencies } = this.listOf(identifiers);
    const wanted = { slot, fingerprint, dependencies, identifiers };
    return this.hits.confirms(visit, wanted, tags) ? of(undefined) : undefined;
  }

  private listOf(identifiers: readonly Identifier[]): ReadList {
    let list = this.lists.get(identifiers);
    if (!list) {
      const dependencies = dependenciesOn(identifiers);
      list = { dependencies, fingerprints: new LastFingerprint(identifiers) };
      this.lists.set(identifiers, list);
    }
    return list;
  }
}

function knownOf(
  identifiers: readonly Identifier[],
  tokens: readonly Token[],
): KnownTokens {
  return new Map(
    identifiers.flatMap((identifier, index) => {
      const token = tokens[index];
      return token === undefined ? [] : [[identifier, token] as const];
    }),
  );
}
