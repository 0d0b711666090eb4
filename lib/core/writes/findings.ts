import {
  type TableName,
  type TableWrite,
  type TransactionControl,
} from './statement.js';

/** What is found out about one statement while it is read. */
export class Findings {
  control: TransactionControl | undefined;
  readonly writes: TableWrite[] = [];
  answersForWrite = false;
  unknown: string | undefined;
  commitsImplicitly = false;
  locks = false;
  /** How many statements this one is within: `EXPLAIN ANALYZE`, `COPY (…)`. */
  depth = 0;

  /** The first reason stays: it is the one nearest to the statement's beginning. */
  unsure(reason: string): void {
    this.unknown ??= reason;
  }

  add(writes: readonly TableWrite[]): void {
    for (const write of writes) this.writes.push(write);
  }

  addOpaque(table: TableName): void {
    this.writes.push({ verb: 'opaque', table });
  }
}
