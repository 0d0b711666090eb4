import { type Schema, type Table } from '../identifiers/schema.js';
import { type Parameters } from './operand-value.js';
import { columnsPinned, rowsPinned } from './pinned-rows.js';
import { type Statement } from './statement.js';
import { type EffectOptions } from './write-effects.js';

/** Rows to read before they are written, because the statement does not tell their parents. */
export interface RowLookUp {
  readonly table: Table;
  /** Key and reference columns, each once. */
  readonly columns: readonly string[];
  /** Canonical keys. */
  readonly keys: readonly (readonly string[])[];
  /** Whether the statement deletes them. */
  readonly deletes: boolean;
}

/** More rows than these in one statement, and all rows of the parents' tables count instead. */
const MOST_ROWS = 100;

/**
 * Which rows to read before a statement for the parents that they have until now; `undefined`:
 * none, because the statement tells all there is to know, or because a look-up would cost more than
 * it spares.
 *
 * Only rows that the statement names by key are looked up: one more SELECT by primary key. It is
 * made inside a transaction alone, where it can lock what the statement is about to lock anyway;
 * outside of one another writer could move a row to another parent right after it. In all other
 * cases every row of the parent's table counts as touched.
 */
export function rowLookUp(
  { writes }: Statement,
  parameters: Parameters,
  schema: Schema,
  options: EffectOptions,
): RowLookUp | undefined {
  const [write] = writes;
  if (!options.parents || writes.length !== 1) return undefined;
  if (write?.verb !== 'update' && write?.verb !== 'delete') return undefined;
  const [table, ...others] = schema.named(write.table);
  if (!table || others.length > 0 || table.reads) return undefined;
  const references = schema.parentsOf(table.id).filter(
    ({ columns }) =>
      !columnsPinned(
        write.where,
        // Whatever they are: only whether the statement tells them counts here.
        columns.map(name => ({
          name,
          kind: { kind: 'text', fold: 'none', trailingSpace: 'keep' },
        })),
        parameters,
        schema,
        MOST_ROWS,
      ),
  );
  if (references.length === 0) return undefined;
  if (table.key.some(({ kind }) => kind.kind === 'binary')) return undefined;
  const keys = rowsPinned(
    write.where,
    table.key,
    parameters,
    schema,
    MOST_ROWS,
  );
  if (!keys || keys.length === 0) return undefined;
  const columns = [
    ...table.key.map(({ name }) => name),
    ...references.flatMap(reference => reference.columns),
  ];
  return {
    table,
    columns: [...new Set(columns)],
    keys,
    deletes: write.verb === 'delete',
  };
}
