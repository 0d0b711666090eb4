import { Injectable } from '@nestjs/common';
import { identifiersOf } from '../core/identifiers/dependency.js';
import { type Identifier } from '../core/identifiers/identifier.js';
import { asPartOf, isPartOf } from '../core/reads/flow.js';
import { type KnownTokens, type Recorded } from '../core/reads/recording.js';
import { SingleFlight } from '../core/single-flight.js';
import { AlkeyEvents } from './alkey-events.js';
import { BypassReports } from './bypass-reports.js';
import { KeptValues, type ValuePlace } from './kept-values.js';
import { olderRunOver } from './older-runs.js';
import { Recorder } from './recorder.js';

/** What one run produced, and whether others will find it. */
interface WrapRun {
  readonly value: unknown;
  readonly kept: boolean;
  /** What it was found to depend on, where that was recorded. */
  readonly recorded?: Recorded;
}

const source = 'wrap';
const name = 'CacheKeyService.wrap';

/** The values of `CacheKeyService.wrap`. */
@Injectable()
export class WrappedValues {
  private readonly runs = new SingleFlight<string, WrapRun>();

  constructor(
    private readonly kept: KeptValues,
    private readonly recorder: Recorder,
    private readonly reports: BypassReports,
    private readonly events: AlkeyEvents,
  ) {}

  /** The value in `slot` under the tokens of `identifiers`. */
  async declared(
    slot: string,
    ttlMs: number,
    identifiers: readonly Identifier[],
    produce: () => Promise<unknown>,
  ): Promise<unknown> {
    const wanted = { source, name, slot, identifiers, ttlMs } as const;
    const found = await this.kept.find(wanted);
    if (found.kind === 'bypass') {
      this.recorder.refuse(found.reason);
      return produce();
    }
    const { place } = found;
    const leftMs = found.kind === 'found' ? found.leftMs : ttlMs;
    this.recorder.note(identifiers, place.tokens, leftMs);
    if (found.kind === 'found') return found.value;
    const run = `${slot} ${place.fingerprint}`;
    // Within its own run: waiting for it would never end.
    if (isPartOf(run)) return produce();
    this.missed(run, identifiers, found.outdated);
    const { value } = await this.runs.run(
      run,
      async () => {
        const produced = await asPartOf(run, produce);
        const kept = this.kept.keep(place, produced) !== undefined;
        return { value: produced, kept };
      },
      made => (made.kept ? this.kept.arrived() : undefined),
    );
    return value;
  }

  /** The value in `slot` until what it reads is written. */
  async recorded(
    slot: string,
    ttlMs: number,
    produce: () => Promise<unknown>,
  ): Promise<unknown> {
    if (isPartOf(slot)) return produce();
    const since = this.runs.begun;
    const wanted = { source, name, slot, ttlMs } as const;
    let found = await this.kept.findListed(wanted);
    // What it has read may be older than this call. What is found when it is over is not.
    if (found.kind === 'absent' && this.runs.hasOlder(slot, since)) {
      await olderRunOver(this.runs, slot);
      found = await this.kept.findListed(wanted);
    }
    if (found.kind === 'bypass') {
      this.recorder.refuse(found.reason);
      return produce();
    }
    if (found.kind === 'found') {
      this.recorder.note(found.identifiers, found.tokens, found.leftMs);
      return found.value;
    }
    const { known, outdated } = found;
    this.missed(slot, [], outdated, since);
    const { value, recorded } = await this.runs.run(
      slot,
      () => this.record(slot, ttlMs, known, produce),
      made => (made.kept ? this.kept.arrived() : undefined),
      since,
    );
    // Whoever shares it has not seen what it read.
    if (recorded?.reason !== undefined) this.recorder.refuse(recorded.reason);
    else if (recorded) {
      const leftMs = Math.min(ttlMs, recorded.ttlMs);
      this.recorder.note(recorded.identifiers, recorded.tokens, leftMs);
    }
    return value;
  }

  private async record(
    slot: string,
    ttlMs: number,
    known: KnownTokens,
    produce: () => Promise<unknown>,
  ): Promise<WrapRun> {
    const { value, recorded } = await asPartOf(slot, () =>
      // Who reads nothing has said by `ttlMs` how long it lives.
      this.recorder.record(produce, known, []),
    );
    if (recorded.reason !== undefined) {
      const { reason, why, dependencies } = recorded;
      const named = identifiersOf(dependencies);
      this.reports.report(source, name, reason, named, why);
      return { value, kept: false, recorded };
    }
    const { identifiers, fingerprint, tokens } = recorded;
    const place: ValuePlace = {
      source,
      name,
      slot,
      ttlMs: Math.min(ttlMs, recorded.ttlMs),
      identifiers,
      fingerprint,
      tokens,
      listed: true,
    };
    const kept = this.kept.keep(place, value) !== undefined;
    return { value, kept, recorded };
  }

  private missed(
    run: string,
    identifiers: readonly Identifier[],
    outdated: boolean,
    since?: number,
  ): void {
    const collapsed = this.runs.has(run, since);
    const reason = outdated ? 'outdated' : 'absent';
    this.events.emit('miss', { source, name, identifiers, reason, collapsed });
  }
}
