import { type QueryRunner } from 'typeorm';
import { identifiersOf } from '../core/identifiers/dependency.js';
import { EVERYTHING, type Identifier } from '../core/identifiers/identifier.js';
import { type BypassReason } from '../core/responses/cacheability.js';
import { observersNow } from '../core/reads/flow.js';
import {
  type ReadObserver,
  type ToldRead,
} from '../core/reads/read-observer.js';
import { type SqlReads } from '../core/reads/sql-reads.js';
import { type Held, type Token } from '../core/tokens/token.js';
import { type Parameters } from '../core/writes/operand-value.js';
import { isOwnQuery } from './own-query.js';

/** Reads tokens for those who take down what is read; `undefined`: there are none to trust. */
export type ReadTokensOrHeld = (
  identifiers: readonly Identifier[],
) => Promise<readonly (Token | Held)[] | undefined>;

export interface ReadRecorderOptions {
  readonly reads: SqlReads;
  readonly readTokens: ReadTokensOrHeld;
  /** Whether the connection that a runner uses is in a transaction, whoever began it. */
  readonly isInTransaction: (runner: QueryRunner) => boolean;
  /** The same, where the database has been told. */
  readonly hasBegun: (runner: QueryRunner) => boolean;
}

/** A statement on its way to the database, or to whatever answers it. */
export interface SentStatement<T> {
  readonly runner: QueryRunner;
  readonly sql: string;
  readonly parameters: Parameters;
  readonly send: () => Promise<T>;
  /** How many rows were answered; `undefined`: nobody counted them. */
  readonly rowCountOf: (answer: T) => number | undefined;
}

/** Hears of statements before they are sent. */
export interface StatementObserver {
  /** Lets `send` run a statement; what that rejects with is the caller's. */
  run<T>(statement: SentStatement<T>): Promise<T>;
}

/**
 * Tells whoever asked what the statements of one data source read, each after the tokens of it were
 * read. Where nobody asked, a statement costs one look-up.
 */
export class ReadRecorder implements StatementObserver {
  constructor(private readonly options: ReadRecorderOptions) {}

  run<T>(statement: SentStatement<T>): Promise<T> {
    const observers = observersNow();
    return observers && !isOwnQuery(statement.sql)
      ? this.observed(observers, statement)
      : statement.send();
  }

  private async observed<T>(
    observers: readonly ReadObserver[],
    { runner, sql, parameters, send, rowCountOf }: SentStatement<T>,
  ): Promise<T> {
    const { reads } = this.options;
    const read = reads.of(sql, parameters);
    switch (read.kind) {
      case 'told':
        break;
      case 'control':
        if (read.begins) await this.begin(observers, runner);
        return send();
      case 'write':
        refuseAll(observers, 'wrote');
        return send();
      case 'unknown':
        refuseAll(observers, 'unknown-read', read.reason);
        return send();
    }
    await this.prepare(observers, runner, read);
    let answer: T;
    try {
      answer = await send();
    } catch (error) {
      refuseAll(observers, 'failed-read');
      throw error;
    }
    const { schema } = reads;
    for (const observer of observers) {
      observer.sawRead(read, rowCountOf(answer), schema);
    }
    return answer;
  }

  private async begin(
    observers: readonly ReadObserver[],
    runner: QueryRunner,
  ): Promise<void> {
    // PostgreSQL goes on with the transaction that is open.
    if (this.options.hasBegun(runner)) return;
    const wanting = observers.filter(({ wantsTokens }) => wantsTokens);
    const everything = await this.readEverything(wanting);
    if (everything === undefined) return;
    for (const observer of wanting) observer.sawBegin(runner, everything);
  }

  /** Reads the tokens that whoever asked does not know yet, before the data. */
  private async prepare(
    observers: readonly ReadObserver[],
    runner: QueryRunner,
    read: ToldRead,
  ): Promise<void> {
    const wanting = observers.filter(({ wantsTokens }) => wantsTokens);
    if (wanting.length === 0) return;
    const wanted = identifiersOf([
      ...read.tables,
      ...read.rows.flatMap(({ table, rows }) => [table, ...rows]),
    ]);
    const unknown = [
      ...new Set(wanting.flatMap(observer => observer.unknownOf(wanted))),
    ];
    if (unknown.length > 0) {
      const tokens = await this.options.readTokens(unknown);
      if (!tokens) {
        refuseAll(wanting, 'store-unavailable');
        return;
      }
      for (const observer of wanting) observer.learn(unknown, tokens);
    }
    if (!this.options.isInTransaction(runner)) return;
    // After all others: what it sees may be older than tokens that were read since it began.
    const everything = await this.readEverything(wanting);
    if (everything === undefined) return;
    for (const observer of wanting) {
      if (!observer.maySee(runner, everything)) observer.refuse('transaction');
    }
  }

  private async readEverything(
    wanting: readonly ReadObserver[],
  ): Promise<Token | Held | undefined> {
    if (wanting.length === 0) return undefined;
    const [everything] = (await this.options.readTokens([EVERYTHING])) ?? [];
    if (everything === undefined) refuseAll(wanting, 'store-unavailable');
    return everything;
  }
}

/** Says of every statement of a data source that nobody knows what it reads. */
export class UnknownReads implements StatementObserver {
  constructor(private readonly reason: string) {}

  run<T>({ send }: SentStatement<T>): Promise<T> {
    const observers = observersNow();
    if (observers) refuseAll(observers, 'unknown-read', this.reason);
    return send();
  }
}

function refuseAll(
  observers: readonly ReadObserver[],
  reason: BypassReason,
  why?: string,
): void {
  for (const observer of observers) observer.refuse(reason, why);
}
