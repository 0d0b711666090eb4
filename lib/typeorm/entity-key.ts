import { type EntityMetadata, type ObjectLiteral } from 'typeorm';
import { AlkeyError, describeValue } from '../core/errors.js';

/** A key as the application writes it: the value of a single column, or a record by property. */
export type KeyValue =
  | string
  | number
  | bigint
  | boolean
  | Date
  | Uint8Array
  | Readonly<Record<string, unknown>>;

type ColumnMetadata = EntityMetadata['columns'][number];

/** An instance's key in its database form; `undefined` where a part of it is missing. */
export function instanceKey(
  { primaryColumns }: EntityMetadata,
  instance: ObjectLiteral,
): readonly unknown[] | undefined {
  const values = primaryColumns.map((column): unknown =>
    column.getEntityValue(instance, true),
  );
  return values.some(value => value === undefined || value === null)
    ? undefined
    : values;
}

/** A key as a caller gives it, in its database form; `undefined` where it can be none. */
export function databaseKey(
  metadata: EntityMetadata,
  key: KeyValue,
): readonly unknown[] | undefined {
  const columns = metadata.primaryColumns;
  const record = keyRecord(metadata, key);
  try {
    if (record) {
      return columns.map(column =>
        toDatabase(column, propertyOf(record, column)),
      );
    }
    return columns.map(column => toDatabase(column, key));
  } catch {
    // A transformer refuses what is no value of its column: no such row.
    return undefined;
  }
}

/** The key as a record by property, where it is one. */
export function recordOf(
  key: KeyValue,
): Readonly<Record<string, unknown>> | undefined {
  return typeof key === 'object' &&
    !(key instanceof Date) &&
    !(key instanceof Uint8Array)
    ? key
    : undefined;
}

/** @throws AlkeyError `ALKEY_INVALID_REF` where a key of several columns is no record */
function keyRecord(
  { name, primaryColumns }: EntityMetadata,
  key: KeyValue,
): Readonly<Record<string, unknown>> | undefined {
  const record = recordOf(key);
  if (record || primaryColumns.length === 1) return record;
  throw new AlkeyError(
    'ALKEY_INVALID_REF',
    `Expected the key of ${name} as a record of ` +
      `${primaryColumns.map(({ propertyPath }) => `\`${propertyPath}\``).join(', ')}, ` +
      `got ${describeValue(key)}.`,
  );
}

/** A property, however its path is written: `{ id: 1 }`, `{ 'name.first': 'Ada' }`, nested, or a relation. */
function propertyOf(
  record: Readonly<Record<string, unknown>>,
  column: ColumnMetadata,
): unknown {
  return (
    record[column.propertyPath] ??
    record[column.databaseName] ??
    (column.getEntityValue(record) as unknown)
  );
}

/**
 * A value of the application as the database has it.
 *
 * Requests carry text. Where a transformer expects a number (the property says so), it gets one.
 */
export function toDatabase(column: ColumnMetadata, value: unknown): unknown {
  if (!column.transformer || value === undefined) return value;
  const transformers = [column.transformer].flat();
  const input =
    typeof value === 'string' && designType(column) === Number
      ? Number(value)
      : value;
  return transformers.reduce<unknown>(
    (current, transformer) => transformer.to(current) as unknown,
    input,
  );
}

function designType(column: ColumnMetadata): unknown {
  return typeof column.target === 'function'
    ? Reflect.getMetadata(
        'design:type',
        column.target.prototype as object,
        column.propertyName,
      )
    : undefined;
}
