import { tableId } from '../../lib/core/identifiers/identifier.js';
import { type KeyKind } from '../../lib/core/identifiers/key-value.js';
import {
  type KeyColumn,
  type Reference,
  Schema,
  type Table,
} from '../../lib/core/identifiers/schema.js';

const INTEGER: KeyKind = { kind: 'integer' };

/** A column of a key, an integer that the database chooses unless told otherwise. */
export function keyColumn(
  name: string,
  kind: KeyKind = INTEGER,
  generated = kind.kind === 'integer',
): KeyColumn {
  return { name, kind, generated };
}

/** A table with the key `id`, unless told otherwise. */
export function coreTable(
  name: string,
  parts: Partial<Omit<Table, 'id' | 'name'>> = {},
): Table {
  const { schema, dataSource = 'default' } = parts;
  return {
    id: tableId(name, schema, dataSource),
    name,
    schema,
    dataSource,
    key: [keyColumn('id')],
    reads: undefined,
    ...parts,
  };
}

/** A reference from a column of `child` to the key `id` of `parent`, unless told otherwise. */
export function coreReference(
  child: string,
  columns: string | readonly string[],
  parent: string,
  parts: Partial<Reference> = {},
): Reference {
  return {
    child: tableId(child),
    columns: typeof columns === 'string' ? [columns] : columns,
    parent: tableId(parent),
    parentColumns: ['id'],
    hasDefault: false,
    onDelete: 'none',
    onUpdate: 'none',
    ...parts,
  };
}

/** Tables by their names, or as given, and the references between them. */
export function coreSchema(
  tables: readonly (string | Table)[],
  references: readonly Reference[] = [],
  foldsCase = true,
): Schema {
  return new Schema(
    'default',
    tables.map(table => (typeof table === 'string' ? coreTable(table) : table)),
    references,
    foldsCase,
  );
}
