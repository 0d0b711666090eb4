import { type QueryRunner } from 'typeorm';
import { type Row } from '../core/writes/pinned-rows.js';
import { type RowLookUp } from '../core/writes/row-look-up.js';
import { type Dialect } from '../core/writes/statement.js';
import { dataSourceOf } from './driver-facts.js';
import { ownQuery } from './own-query.js';

/**
 * Reads rows inside the transaction that is about to write them, and locks them as it will.
 *
 * @throws QueryFailedError as the statement itself would: a deadlock, a lock that is not to be had,
 * a transaction that was aborted before
 */
export async function readRows(
  runner: QueryRunner,
  dialect: Dialect,
  { table, columns, keys, deletes }: RowLookUp,
): Promise<readonly Row[]> {
  const { driver } = dataSourceOf(runner);
  const escape = (name: string): string => driver.escape(name);
  const parameters: string[] = [];
  const placeholder = (value: string): string => {
    parameters.push(value);
    return dialect === 'postgres' ? `$${parameters.length}` : '?';
  };
  const path = [table.schema, table.name].flatMap(name => name ?? []);
  const conditions = keys.map(key =>
    table.key
      .map(
        ({ name }, index) =>
          `${escape(name)} = ${placeholder(key[index] ?? '')}`,
      )
      .join(' AND '),
  );
  const sql =
    `SELECT ${columns.map(escape).join(', ')} FROM ${path.map(escape).join('.')} ` +
    `WHERE ${conditions.map(condition => `(${condition})`).join(' OR ')}` +
    lockOf(dialect, deletes);
  const rows: unknown = await runner.query(ownQuery(sql), parameters);
  return (rows as readonly Readonly<Record<string, unknown>>[]).map(
    row => new Map(Object.entries(row)),
  );
}

function lockOf(dialect: Dialect, deletes: boolean): string {
  switch (dialect) {
    case 'postgres':
      // An UPDATE of other columns leaves rows that refer to these alone.
      return deletes ? ' FOR UPDATE' : ' FOR NO KEY UPDATE';
    case 'mysql':
      // A plain SELECT would show the transaction's snapshot, not what is written.
      return ' FOR UPDATE';
    case 'sqlite':
      // One writer at a time.
      return '';
  }
}
