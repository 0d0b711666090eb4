import {
  type Dependency,
  identifiersOf,
  ON_EVERYTHING,
} from '../identifiers/dependency.js';
import {
  EVERYTHING,
  type Identifier,
  tableOfRow,
} from '../identifiers/identifier.js';
import { type Fingerprint, fingerprintOf } from '../keys/cache-key.js';
import { type BypassReason } from '../responses/cacheability.js';
import { HELD, type Held, type Token } from '../tokens/token.js';
import { type ReadObserver, type ToldRead } from './read-observer.js';

/** Tokens that were read before anything that is recorded. */
export type KnownTokens = ReadonlyMap<Identifier, Token | Held>;

/** What an answer was found to depend on, or why it may not be kept. */
export type Recorded =
  | {
      readonly reason?: undefined;
      readonly dependencies: readonly Dependency[];
      readonly identifiers: readonly Identifier[];
      /** Of the tokens from before the data was read. */
      readonly fingerprint: Fingerprint;
      readonly tokens: readonly Token[];
      /** How long what it is made of lives, in milliseconds; `Infinity`: nothing says. */
      readonly ttlMs: number;
    }
  | {
      readonly reason: BypassReason;
      readonly why: string | undefined;
      readonly dependencies: readonly Dependency[];
    };

/** More rows than these of one table, and the table counts instead. */
const MOST_ROWS = 100;

/** Takes down what a piece of a program reads, with the tokens from before. */
export class Recording implements ReadObserver {
  closed = false;
  readonly #tokens: Map<Identifier, Token | Held>;
  readonly #transactions = new WeakMap<object, Token | Held>();
  readonly #others = new Map<Identifier, Dependency>();
  /** Rows by the table that counts where there are too many of them. */
  readonly #rows = new Map<Dependency['identifier'], RowsOfTable>();
  #ttlMs = Infinity;
  #refusal: { reason: BypassReason; why: string | undefined } | undefined;

  constructor(known: KnownTokens = new Map()) {
    this.#tokens = new Map(known);
  }

  /** Not where nothing is going to be kept. */
  get wantsTokens(): boolean {
    return !this.closed && !this.#refusal;
  }

  unknownOf(identifiers: readonly Identifier[]): readonly Identifier[] {
    return identifiers.filter(identifier => !this.#tokens.has(identifier));
  }

  learn(
    identifiers: readonly Identifier[],
    tokens: readonly (Token | Held)[],
  ): void {
    for (const [index, identifier] of identifiers.entries()) {
      const token = tokens[index];
      if (token !== undefined && !this.#tokens.has(identifier)) {
        this.#tokens.set(identifier, token);
      }
    }
  }

  sawRead(read: ToldRead, rowCount: number | undefined): void {
    this.dependsOn(read.tables);
    for (const { table, rows } of read.rows) {
      // A row that was not found may come as any row of the table.
      if (rowCount === undefined || rowCount < rows.length) {
        this.dependsOn([table]);
      }
      let known = this.#rows.get(table.identifier);
      if (!known) {
        this.#rows.set(table.identifier, (known = { table, rows: new Map() }));
      }
      for (const row of rows) known.rows.set(row.identifier, row);
    }
  }

  dependsOn(dependencies: readonly Dependency[]): void {
    for (const dependency of dependencies) {
      this.#others.set(dependency.identifier, dependency);
    }
  }

  livesFor(ms: number): void {
    this.#ttlMs = Math.min(this.#ttlMs, ms);
  }

  sawBegin(transaction: object, everything: Token | Held): void {
    this.#transactions.set(transaction, everything);
  }

  /**
   * A transaction may see what there was when it began. Where nothing at all was committed since, that is
   * what there is.
   */
  maySee(transaction: object, everything: Token | Held): boolean {
    return (
      everything !== HELD && this.#transactions.get(transaction) === everything
    );
  }

  refuse(reason: BypassReason, why?: string): void {
    this.#refusal ??= { reason, why };
  }

  /** What was recorded; nothing is from now on. `orElse` counts where nothing was. */
  close(orElse: readonly Dependency[] = [ON_EVERYTHING]): Recorded {
    this.closed = true;
    const found = this.#dependencies();
    const dependencies = found.length > 0 ? found : orElse;
    if (this.#refusal) return { ...this.#refusal, dependencies };
    const identifiers = identifiersOf(dependencies);
    const tokens: Token[] = [];
    for (const identifier of identifiers) {
      const token = this.#tokens.get(identifier);
      if (token === undefined || token === HELD) {
        const reason = token === HELD ? 'held' : 'not-awaited';
        return { reason, why: undefined, dependencies };
      }
      tokens.push(token);
    }
    const fingerprint = fingerprintOf(identifiers, tokens);
    const ttlMs = this.#ttlMs;
    return { dependencies, identifiers, fingerprint, tokens, ttlMs };
  }

  #dependencies(): readonly Dependency[] {
    const found = new Map<Identifier, Dependency>();
    const rows = new Map<Identifier, Dependency[]>();
    for (const other of this.#others.values()) {
      const table = tableOfRow(other.identifier);
      if (!table) found.set(other.identifier, other);
      else append(rows, table, other);
    }
    for (const [table, read] of this.#rows) {
      for (const row of read.rows.values()) append(rows, table, row);
    }
    for (const [table, named] of rows) {
      if (named.length > MOST_ROWS) {
        // Who named them otherwise than by a read may not have told what stands for all of them.
        const whole = this.#rows.get(table)?.table ?? ON_EVERYTHING;
        found.set(whole.identifier, whole);
      }
    }
    const whole = new Set([...found.values()].flatMap(({ reads }) => reads));
    for (const [table, named] of rows) {
      if (whole.has(table) || whole.has(EVERYTHING)) continue;
      for (const row of named) found.set(row.identifier, row);
    }
    return [...found.values()];
  }
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

interface RowsOfTable {
  readonly table: Dependency;
  readonly rows: Map<Identifier, Dependency>;
}
