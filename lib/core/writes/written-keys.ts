import { canonicalKeyValue } from '../identifiers/key-value.js';
import {
  canonicalKey,
  type Schema,
  type Table,
} from '../identifiers/schema.js';
import { operandValue, type Parameters } from './operand-value.js';
import { type Row, rowsPinned } from './pinned-rows.js';
import {
  type DeleteWrite,
  type InsertWrite,
  type Operand,
  type RowFilter,
  type UpdateWrite,
} from './statement.js';
import { rowsTold, type WriteOutcome } from './write-outcome.js';

export interface InsertedKeys {
  readonly named: readonly (readonly string[])[];
  readonly unnamed: number;
  /** Rows that nothing names are written as well. */
  readonly everyRow: boolean;
}

/** The keys of the rows that a statement writes, as far as it and its outcome tell them. */
export class WrittenKeys {
  constructor(
    private readonly schema: Schema,
    private readonly parameters: Parameters,
    private readonly maxRowsPerTable: number,
  ) {}

  /** Of an INSERT: the keys it gives, and how many rows get one that only the database knows. */
  inserted(
    write: InsertWrite,
    table: Table,
    outcome: WriteOutcome | undefined,
  ): InsertedKeys {
    // Rows that were there already and went, or were left under another key, are told by nobody.
    const losesKeys =
      write.onConflict === 'replace' ||
      this.changed(table, write.conflictAssignments);
    const told = outcome && this.told(write, table, outcome);
    if (told) return { named: told, unnamed: 0, everyRow: losesKeys };
    const { tuples } = write;
    if (!tuples) return { named: [], unnamed: 0, everyRow: true };
    const named: (readonly string[])[] = [];
    let unnamed = 0;
    for (const tuple of tuples) {
      const key = this.tupleKey(write, tuple, table);
      if (key === 'untold') return { named, unnamed: 0, everyRow: true };
      if (key === 'generated') unnamed += 1;
      else named.push(key);
    }
    const conflict =
      losesKeys ||
      (write.onConflict === 'update' && !this.conflictsOnKey(write, table)) ||
      // How many rows were skipped is not told, and no other source tells it right.
      (write.onConflict === 'ignore' && unnamed > 0 && outcome !== undefined);
    return conflict
      ? { named, unnamed: 0, everyRow: true }
      : { named, unnamed, everyRow: false };
  }

  private tupleKey(
    write: InsertWrite,
    tuple: readonly Operand[],
    table: Table,
  ): readonly string[] | 'generated' | 'untold' {
    const values: unknown[] = [];
    for (const column of table.key) {
      const operand = insertedOperand(this.schema, write, tuple, column.name);
      if (operand === undefined) return 'untold';
      const value = operandValue(operand, this.parameters);
      const empty =
        operand.kind === 'default' ||
        value === null ||
        // MySQL reads 0 in an AUTO_INCREMENT column as "the next one".
        (column.generated && canonicalKeyValue(column.kind, value) === '0');
      if (empty) return 'generated';
      values.push(value);
    }
    return canonicalKey(table.key, values) ?? 'untold';
  }

  private conflictsOnKey(write: InsertWrite, table: Table): boolean {
    const { conflictColumns } = write;
    return (
      conflictColumns?.length === table.key.length &&
      table.key.every(({ name }) =>
        conflictColumns.some(column => this.schema.sameColumn(column, name)),
      )
    );
  }

  /** Whether assignments give rows another key. */
  changed(table: Table, assignments: ReadonlyMap<string, Operand>): boolean {
    return table.key.some(
      ({ name }) => this.schema.columnOf(assignments, name) !== undefined,
    );
  }

  /** The keys that the driver told, where it told that of each row. */
  told(
    { returning }: InsertWrite | UpdateWrite | DeleteWrite,
    table: Table,
    outcome: WriteOutcome,
  ): readonly (readonly string[])[] | undefined {
    const keys = this.of(table, rowsTold(returning, outcome));
    if (keys) return keys;
    const generated = outcome.generatedKeys?.map(value =>
      canonicalKey(table.key, [value]),
    );
    return generated && allThere(generated);
  }

  /** The keys that a WHERE clause allows; `undefined` where it may match others. */
  pinned(
    where: RowFilter,
    table: Table,
  ): readonly (readonly string[])[] | undefined {
    return rowsPinned(
      where,
      table.key,
      this.parameters,
      this.schema,
      this.maxRowsPerTable,
    );
  }

  /** The keys of rows that were read; `undefined` where one lacks a part of it. */
  of(
    table: Table,
    rows: readonly Row[] | undefined,
  ): readonly (readonly string[])[] | undefined {
    const keys = rows?.map(row =>
      canonicalKey(
        table.key,
        table.key.map(({ name }) => row.get(name)),
      ),
    );
    return keys && allThere(keys);
  }
}

/** The operand of a column in a tuple; `undefined` where the statement does not list columns. */
export function insertedOperand(
  schema: Schema,
  write: InsertWrite,
  tuple: readonly Operand[],
  column: string,
): Operand | undefined {
  if (!write.columns) return undefined;
  const index = write.columns.findIndex(name =>
    schema.sameColumn(name, column),
  );
  return index === -1 ? { kind: 'default' } : tuple[index];
}

/** The values, if none of them is missing. */
export function allThere<T>(
  values: readonly (T | undefined)[],
): readonly T[] | undefined {
  const there = values.filter(value => value !== undefined);
  return there.length === values.length ? there : undefined;
}
