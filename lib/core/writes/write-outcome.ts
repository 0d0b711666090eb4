import { type Row } from './pinned-rows.js';
import { type Returned } from './statement.js';

/** What the driver told about a write, and what was looked up before it. */
export interface WriteOutcome {
  /** Rows written; `undefined`: the driver does not tell. */
  readonly affected?: number | undefined;
  /** Rows of a RETURNING clause that names plain columns. */
  readonly returned?: readonly Row[] | undefined;
  /** Values of the one generated key column, one for each inserted row. */
  readonly generatedKeys?: readonly unknown[] | undefined;
  /** All rows that were written, as they were before: key and reference columns. */
  readonly before?: readonly Row[] | undefined;
}

/**
 * Returned rows, if they are all that were written, without the columns that may be something else
 * under a column's name.
 */
export function rowsTold(
  returning: Returned | undefined,
  outcome: WriteOutcome | undefined,
): readonly Row[] | undefined {
  const { affected, returned } = outcome ?? {};
  if (returning === undefined || !returned) return undefined;
  if (affected !== undefined && affected !== returned.length) return undefined;
  if (returning === 'all') return returned;
  return returned.map(row =>
    row.size === returning.length && returning.every(name => row.has(name))
      ? row
      : new Map(returning.map(name => [name, row.get(name)] as const)),
  );
}
