import { canonicalKeyValue, type KeyKind } from '../identifiers/key-value.js';
import { type Schema } from '../identifiers/schema.js';
import { operandValue, type Parameters, ValueList } from './operand-value.js';
import { type Alternative, type RowFilter } from './statement.js';

/** Some columns of a row, by their names. */
export type Row = ReadonlyMap<string, unknown>;

interface Column {
  readonly name: string;
  readonly kind: KeyKind;
}

/**
 * The keys that a WHERE clause allows, or `undefined` where it may match a row that it does not
 * name, or names more than `limit`.
 */
export function rowsPinned(
  where: RowFilter,
  key: readonly Column[],
  parameters: Parameters,
  schema: Schema,
  limit: number,
): readonly (readonly string[])[] | undefined {
  return key.length === 0
    ? undefined
    : columnsPinned(where, key, parameters, schema, limit);
}

/** The same for any columns: their values in every row that the clause can match. */
export function columnsPinned(
  where: RowFilter,
  columns: readonly Column[],
  parameters: Parameters,
  schema: Schema,
  limit: number,
): readonly (readonly string[])[] | undefined {
  if (!where) return undefined;
  const rows: (readonly string[])[] = [];
  for (const alternative of where) {
    const found = alternativeRows(
      alternative,
      columns,
      parameters,
      schema,
      limit,
    );
    if (!found || rows.length + found.length > limit) return undefined;
    rows.push(...found);
  }
  return rows;
}

function alternativeRows(
  alternative: Alternative,
  columns: readonly Column[],
  parameters: Parameters,
  schema: Schema,
  limit: number,
): readonly (readonly string[])[] | undefined {
  let rows: (readonly string[])[] = [[]];
  for (const { name, kind } of columns) {
    const operands = schema.columnOf(alternative, name);
    if (!operands) return undefined;
    const values: string[] = [];
    for (const operand of operands) {
      const value = operandValue(operand, parameters);
      const list = value instanceof ValueList ? value.values : [value];
      for (const one of list) {
        // `= NULL` matches no row.
        if (one === null) continue;
        const canonical = canonicalKeyValue(kind, one);
        if (canonical === undefined) return undefined;
        values.push(canonical);
      }
    }
    // Before the combinations are made: two long lists have too many.
    if (rows.length * values.length > limit) return undefined;
    rows = rows.flatMap(row => values.map(value => [...row, value]));
  }
  return rows;
}
