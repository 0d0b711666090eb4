import {
  canonicalKey,
  type Reference,
  type Schema,
  type Table,
} from '../identifiers/schema.js';
import { operandValue, type Parameters } from './operand-value.js';
import { columnsPinned, type Row } from './pinned-rows.js';
import { type InsertWrite, type Operand, type RowFilter } from './statement.js';
import { type WriteOutcome } from './write-outcome.js';
import { allThere, insertedOperand } from './written-keys.js';

/** Keys of parents, `[]` for a row that has none; or that nothing tells which. */
export type Parents = readonly (readonly string[])[] | 'untold';

/** The parents, by one reference, of the rows that a statement writes. */
export class WrittenParents {
  constructor(
    private readonly schema: Schema,
    private readonly parameters: Parameters,
    private readonly maxRowsPerTable: number,
  ) {}

  /** Of the rows that an INSERT makes; `returned`: those that RETURNING told. */
  inserted(
    write: InsertWrite,
    reference: Reference,
    returned: readonly Row[] | undefined,
  ): Parents {
    if (returned) {
      const told = allThere(returned.map(row => this.of(reference, row)));
      if (told) return told;
    }
    if (!write.tuples) return 'untold';
    const parents: (readonly string[])[] = [];
    for (const tuple of write.tuples) {
      const operands = reference.columns.map(column =>
        insertedOperand(this.schema, write, tuple, column),
      );
      const parent = this.assigned(reference, operands);
      if (parent === 'untold') return 'untold';
      if (parent) parents.push(parent);
    }
    return parents;
  }

  /** Of the rows that a WHERE clause matches, as they were. */
  before(
    where: RowFilter,
    reference: Reference,
    outcome: WriteOutcome | undefined,
  ): Parents {
    if (outcome?.before) {
      const rows = outcome.before.map(row => this.of(reference, row));
      return allThere(rows) ?? 'untold';
    }
    const key = this.keyOf(reference);
    return (
      (key &&
        columnsPinned(
          where,
          reference.columns.map((name, index) => ({
            name,
            kind: key[index]?.kind ?? { kind: 'opaque' },
          })),
          this.parameters,
          this.schema,
          this.maxRowsPerTable,
        )) ??
      'untold'
    );
  }

  /** The parent in a row that was read; `[]` where it has none, `undefined` where it is not told. */
  private of(reference: Reference, row: Row): readonly string[] | undefined {
    const values = reference.columns.map(column =>
      this.schema.columnOf(row, column),
    );
    if (values.includes(null)) return [];
    const key = this.keyOf(reference);
    return values.includes(undefined) || !key
      ? undefined
      : canonicalKey(key, values);
  }

  /** The parent that a statement assigns; `undefined`: none. */
  assigned(
    reference: Reference,
    operands: readonly (Operand | undefined)[],
  ): readonly string[] | undefined | 'untold' {
    const values: unknown[] = [];
    for (const operand of operands) {
      if (operand === undefined) return 'untold';
      if (operand.kind === 'default') {
        if (reference.hasDefault) return 'untold';
        return undefined;
      }
      values.push(operandValue(operand, this.parameters));
    }
    if (values.includes(null)) return undefined;
    const key = this.keyOf(reference);
    return (key && canonicalKey(key, values)) ?? 'untold';
  }

  /** The parent's key columns, if it is the key that the reference holds and not another column. */
  private keyOf(reference: Reference): Table['key'] | undefined {
    const key = this.schema.table(reference.parent)?.key;
    return key?.length === reference.parentColumns.length &&
      key.every(({ name }, index) => name === reference.parentColumns[index])
      ? key
      : undefined;
  }
}
