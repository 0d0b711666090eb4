import { Injectable } from '@nestjs/common';
import {
  dependenciesOn,
  type Dependency,
  identifiersOf,
} from '../core/identifiers/dependency.js';
import {
  EVERYTHING,
  type Identifier,
  tableOfRow,
} from '../core/identifiers/identifier.js';
import { observersNow, observing } from '../core/reads/flow.js';
import {
  type KnownTokens,
  type Recorded,
  Recording,
} from '../core/reads/recording.js';
import { type BypassReason } from '../core/responses/cacheability.js';
import { type Held, type Token } from '../core/tokens/token.js';
import { TokenStore } from '../core/tokens/token-store.js';

/** Records what code reads, and tells those that record of what they cannot see. */
@Injectable()
export class Recorder {
  constructor(private readonly store: TokenStore) {}

  /** The tokens as they are now; `undefined`: the store did not tell, and has reported it. */
  async readTokens(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[] | undefined> {
    try {
      return (
        this.store.peek(identifiers) ?? (await this.store.read(identifiers))
      );
    } catch {
      return undefined;
    }
  }

  /**
   * Runs `produce`, and tells what it read. `known` are tokens that were read before; `orElse` is what
   * counts where it read nothing.
   */
  async record<T>(
    produce: () => Promise<T>,
    known: KnownTokens,
    orElse?: readonly Dependency[],
  ): Promise<{ readonly value: T; readonly recorded: Recorded }> {
    const recording = new Recording(known);
    // The tables of rows that were looked up the last time, since this time they may not be there.
    const first = recording.unknownOf([
      EVERYTHING,
      ...new Set([...known.keys()].flatMap(row => tableOfRow(row) ?? [])),
    ]);
    if (first.length > 0) {
      const tokens = await this.readTokens(first);
      if (tokens) recording.learn(first, tokens);
      else recording.refuse('store-unavailable');
    }
    try {
      const value = await observing(recording, produce);
      return { value, recorded: recording.close(orElse) };
    } finally {
      recording.closed = true;
    }
  }

  /**
   * What is running now depends on these as well, which had these tokens, and lives for `leftMs` more at
   * most.
   */
  note(
    identifiers: readonly Identifier[],
    tokens: readonly Token[],
    leftMs = Infinity,
  ): void {
    const observers = observersNow();
    if (!observers) return;
    const dependencies = dependenciesOn(identifiers);
    for (const observer of observers) {
      observer.learn(identifiers, tokens);
      observer.dependsOn(dependencies);
      observer.livesFor(leftMs);
    }
  }

  /** What is running now is nothing that an answer may be kept for. */
  refuse(reason: BypassReason): void {
    for (const observer of observersNow() ?? []) observer.refuse(reason);
  }

  /** What is running now depends on these as well, whose data is read after this resolves. */
  async dependsOn(dependencies: readonly Dependency[]): Promise<void> {
    const observers = observersNow();
    if (!observers) return;
    // At once: who does not wait for the tokens is found out by that.
    for (const observer of observers) observer.dependsOn(dependencies);
    const identifiers = identifiersOf(dependencies);
    const unknown = observers.flatMap(observer =>
      observer.unknownOf(identifiers),
    );
    if (unknown.length === 0) return;
    const tokens = await this.readTokens(unknown);
    for (const observer of observers) {
      if (tokens) observer.learn(unknown, tokens);
      else observer.refuse('store-unavailable');
    }
  }
}
