import {
  type Identifier,
  insertingIdentifierOf,
} from '../identifiers/identifier.js';
import { HELD, type Held, type Holder, type Token } from './token.js';
import { TokenStore, type HoldOutcome } from './token-store.js';

/** Tells a process what changed in a store that others change as well. */
export interface TokenChanges {
  /** Whether every change is told at present. */
  readonly isListening: boolean;
  close(): Promise<void>;
}

/** Who is told. */
export interface TokenChangeListener {
  changed(identifier: Identifier): void;
  /** Anything may have changed: all was deleted, or for a while nothing could be told. */
  allChanged(): void;
}

export interface NearTokenStoreOptions {
  readonly store: TokenStore;
  /** Called once, with whom to tell. */
  readonly listen: (listener: TokenChangeListener) => TokenChanges;
  /** Milliseconds a copy is used at most: how long a connection may be dead without a word. */
  readonly maxAgeMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly clock: () => number;
  /** Copies kept at most; the oldest go first. @default 100_000 */
  readonly maxCopies?: number;
}

/** The time between two insertions of rows whose keys the database chooses. */
interface Era {
  isOver: boolean;
}

interface Copy {
  readonly token: Token;
  readonly untilMs: number;
  /** Of a row, which may be one of those that are inserted next. */
  readonly era: Era | undefined;
}

/** A read under way, and what was changed since it began: of that it brings no copy. */
interface Reading {
  readonly changed: Set<Identifier>;
  allChanged: boolean;
}

/**
 * A store with copies of its tokens in the process, which are dropped when the store tells that they
 * changed. A hold is such a change, and it is told before the commit: so an answer is older than the
 * database by no more than the message takes, less what the commit itself takes.
 */
export class NearTokenStore extends TokenStore implements TokenChangeListener {
  readonly #store: TokenStore;
  readonly #changes: TokenChanges;
  readonly #options: NearTokenStoreOptions;
  readonly #maxCopies: number;
  /** The oldest first. */
  readonly #copies = new Map<Identifier, Copy>();
  /** By what is held while rows are inserted. */
  readonly #eras = new Map<Identifier, Era>();
  readonly #readings = new Set<Reading>();

  constructor(options: NearTokenStoreOptions) {
    super();
    this.#options = options;
    this.#store = options.store;
    this.#maxCopies = options.maxCopies ?? 100_000;
    this.#changes = options.listen(this);
  }

  override peek(identifiers: readonly Identifier[]): Token[] | undefined {
    const nowMs = this.#options.clock();
    const tokens: Token[] = [];
    for (const identifier of identifiers) {
      const copy = this.#copies.get(identifier);
      if (copy === undefined || !isCurrent(copy, nowMs)) return undefined;
      tokens.push(copy.token);
    }
    return tokens;
  }

  override async read(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    const nowMs = this.#options.clock();
    const answers: (Token | Held)[] = [];
    const missing: Identifier[] = [];
    for (const identifier of identifiers) {
      const copy = this.#copies.get(identifier);
      if (copy && isCurrent(copy, nowMs)) answers.push(copy.token);
      else {
        missing.push(identifier);
        // Until the store has answered.
        answers.push(HELD);
      }
    }
    if (missing.length === 0) return answers;
    const read = (await this.#readFar(missing, nowMs)).values();
    return answers.map(answer =>
      answer === HELD ? (read.next().value ?? HELD) : answer,
    );
  }

  override hold(
    identifiers: readonly Identifier[],
    holder: Holder,
    leaseMs: number,
  ): Promise<void> {
    return this.#change(identifiers, () =>
      this.#store.hold(identifiers, holder, leaseMs),
    );
  }

  override release(
    identifiers: readonly Identifier[],
    holder: Holder,
    outcome: HoldOutcome,
    lagMs?: number,
  ): Promise<void> {
    return this.#change(identifiers, () =>
      this.#store.release(identifiers, holder, outcome, lagMs),
    );
  }

  override replace(identifiers: readonly Identifier[]): Promise<void> {
    return this.#change(identifiers, () => this.#store.replace(identifiers));
  }

  override write(identifier: Identifier, token: Token): Promise<void> {
    return this.#change([identifier], () =>
      this.#store.write(identifier, token),
    );
  }

  override async close(): Promise<void> {
    this.allChanged();
    await this.#changes.close();
    await this.#store.close();
  }

  changed(identifier: Identifier): void {
    this.#copies.delete(identifier);
    this.#endEra(identifier);
    for (const reading of this.#readings) reading.changed.add(identifier);
  }

  allChanged(): void {
    this.#copies.clear();
    this.#eras.clear();
    for (const reading of this.#readings) reading.allChanged = true;
  }

  async #readFar(
    identifiers: readonly Identifier[],
    nowMs: number,
  ): Promise<readonly (Token | Held)[]> {
    const reading: Reading = { changed: new Set(), allChanged: false };
    this.#readings.add(reading);
    const wasListening = this.#changes.isListening;
    try {
      const answers = await this.#store.read(identifiers);
      if (wasListening && this.#changes.isListening && !reading.allChanged) {
        this.#keep(identifiers, answers, reading.changed, nowMs);
      }
      return answers;
    } finally {
      this.#readings.delete(reading);
    }
  }

  #keep(
    identifiers: readonly Identifier[],
    answers: readonly (Token | Held)[],
    changed: ReadonlySet<Identifier>,
    nowMs: number,
  ): void {
    const untilMs = nowMs + this.#options.maxAgeMs;
    const uncertain = new Set(changed);
    for (const [place, token] of answers.entries()) {
      if (token === HELD) uncertain.add(identifiers[place]!);
    }
    for (const [place, token] of answers.entries()) {
      const identifier = identifiers[place]!;
      const inserting = insertingIdentifierOf(identifier);
      if (token === HELD || uncertain.has(identifier)) continue;
      if (inserting && uncertain.has(inserting)) continue;
      const era = inserting && this.#eraOf(inserting);
      this.#copies.delete(identifier);
      this.#copies.set(identifier, { token, untilMs, era });
    }
    for (const identifier of this.#copies.keys()) {
      if (this.#copies.size <= this.#maxCopies) return;
      this.#copies.delete(identifier);
    }
  }

  #eraOf(inserting: Identifier): Era {
    const known = this.#eras.get(inserting);
    if (known) return known;
    const era: Era = { isOver: false };
    this.#eras.set(inserting, era);
    return era;
  }

  /**
   * Ends what copies of rows of a table have in common when rows are inserted into it whose tokens are
   * not held themselves: after the insertion its own token is what it was, while the message that a
   * row's has changed may still be on its way.
   */
  #endEra(identifier: Identifier): void {
    const era = this.#eras.get(identifier);
    if (!era) return;
    era.isOver = true;
    this.#eras.delete(identifier);
  }

  /**
   * What this process changes it drops before and after: a read under way may bring the old token
   * again, and the message may come later than the answer.
   */
  async #change(
    identifiers: readonly Identifier[],
    change: () => Promise<void>,
  ): Promise<void> {
    for (const identifier of identifiers) this.changed(identifier);
    try {
      await change();
    } finally {
      for (const identifier of identifiers) this.changed(identifier);
    }
  }
}

function isCurrent({ untilMs, era }: Copy, nowMs: number): boolean {
  return untilMs > nowMs && era?.isOver !== true;
}
