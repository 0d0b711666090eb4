import { type DataSource, type EntityMetadata } from 'typeorm';
import { type TableId, tableId } from '../core/identifiers/identifier.js';
import {
  type KeyColumn,
  type Reference,
  type ReferentialAction,
  Schema,
  type Table,
} from '../core/identifiers/schema.js';
import {
  planRead,
  type ReadPlan,
  unknownColumn,
} from '../core/reads/read-plan.js';
import { mentionedTables } from '../core/writes/mentioned-tables.js';
import { type Dialect } from '../core/writes/statement.js';
import { keyKindOf } from './key-kind.js';

/** The collation a database reports for a column, where it was asked. */
export type ReportedCollation = (
  table: string,
  column: string,
) => string | undefined;

type ColumnMetadata = EntityMetadata['columns'][number];

/** TypeORM's metadata of one data source, as the core sees it. */
export function schemaOf(
  dataSource: DataSource,
  name: string,
  dialect: Dialect,
  collationOf: ReportedCollation = () => undefined,
): Schema {
  const tables = new Map<TableId, Table>();
  const references: Reference[] = [];
  const columns = columnsByTable(dataSource, name);
  for (const metadata of dataSource.entityMetadatas) {
    const id = tableIdOf(metadata, name);
    references.push(...referencesOf(metadata, name));
    // Classes of single-table inheritance share one table.
    if (!tables.has(id)) {
      tables.set(id, {
        id,
        name: metadata.tableName,
        schema: metadata.database ?? metadata.schema,
        dataSource: name,
        key: keyOf(metadata, dataSource, dialect, collationOf),
        columns: columns.get(id),
        reads: undefined,
      });
    }
  }
  const foldsCase = dialect !== 'postgres';
  const plain = new Schema(name, [...tables.values()], [], foldsCase);
  for (const metadata of dataSource.entityMetadatas) {
    if (metadata.tableType !== 'view') continue;
    const id = tableIdOf(metadata, name);
    const table = tables.get(id);
    if (table) {
      const sql = sqlOfView(metadata, dataSource);
      tables.set(id, {
        ...table,
        reads: tablesMentioned(sql, dialect, plain),
        impure: impurityOf(planRead(sql, dialect), plain),
      });
    }
  }
  return new Schema(
    name,
    [...tables.values()].map(table => resolveView(table, tables)),
    distinct(references),
    foldsCase,
  );
}

/** The table of an entity; its schema is part of it where the entity itself names one. */
export function tableIdOf(
  metadata: EntityMetadata,
  dataSourceName: string,
): TableId {
  const owner =
    metadata.tableType === 'entity-child'
      ? (metadata.parentEntityMetadata ?? metadata)
      : metadata;
  return tableId(
    metadata.tableName,
    metadata.database ?? owner.tableMetadataArgs.schema,
    dataSourceName,
  );
}

/** Names of columns in the database: those of all classes that share a table. */
function columnsByTable(
  dataSource: DataSource,
  name: string,
): ReadonlyMap<TableId, ReadonlySet<string>> {
  const byTable = new Map<TableId, Set<string>>();
  for (const metadata of dataSource.entityMetadatas) {
    const id = tableIdOf(metadata, name);
    const names = byTable.get(id) ?? new Set();
    byTable.set(id, names);
    for (const { databaseName, isVirtualProperty } of metadata.columns) {
      if (!isVirtualProperty) names.add(databaseName);
    }
  }
  return byTable;
}

function keyOf(
  metadata: EntityMetadata,
  dataSource: DataSource,
  dialect: Dialect,
  collationOf: ReportedCollation,
): readonly KeyColumn[] {
  return metadata.primaryColumns.map(column => ({
    name: column.databaseName,
    kind:
      metadata.tableType === 'view'
        ? // A write to the tables of a view does not tell which of its rows change.
          { kind: 'opaque' }
        : // A key that is a reference compares as the key that it refers to.
          keyKindOf(
            rootColumn(column),
            dataSource,
            dialect,
            collationOf(metadata.tableName, column.databaseName),
          ),
    generated: column.isGenerated,
  }));
}

function rootColumn(column: ColumnMetadata): ColumnMetadata {
  return column.referencedColumn ? rootColumn(column.referencedColumn) : column;
}

/** Foreign keys, and relations that have none in the database (`createForeignKeyConstraints: false`). */
function referencesOf(
  metadata: EntityMetadata,
  name: string,
): readonly Reference[] {
  const child = tableIdOf(metadata, name);
  const reference = (
    columns: readonly ColumnMetadata[],
    parent: EntityMetadata,
    parentColumns: readonly ColumnMetadata[],
    onDelete: ReferentialAction,
    onUpdate: ReferentialAction,
  ): Reference => {
    const parentKey = parent.primaryColumns;
    // In the order of the parent's key, so that the values name its row.
    const order = parentColumns
      .map((column, index) => ({ column, index }))
      .toSorted(
        (left, right) =>
          parentKey.indexOf(left.column) - parentKey.indexOf(right.column),
      );
    return {
      child,
      columns: order.flatMap(({ index }) => columns[index]?.databaseName ?? []),
      parent: tableIdOf(parent, name),
      parentColumns: order.map(({ column }) => column.databaseName),
      hasDefault: columns.some(
        column =>
          column.isGenerated ||
          column.asExpression !== undefined ||
          (column.default !== undefined && column.default !== null),
      ),
      onDelete,
      onUpdate,
    };
  };
  const constrained = metadata.foreignKeys.map(key =>
    reference(
      key.columns,
      key.referencedEntityMetadata,
      key.referencedColumns,
      actionOf(key.onDelete),
      actionOf(key.onUpdate),
    ),
  );
  const unconstrained = metadata.relations
    .filter(
      relation =>
        relation.isOwning &&
        !relation.isManyToMany &&
        relation.foreignKeys.length === 0,
    )
    .map(relation =>
      reference(
        relation.joinColumns,
        relation.inverseEntityMetadata,
        relation.joinColumns.flatMap(column => column.referencedColumn ?? []),
        'none',
        'none',
      ),
    );
  return [...constrained, ...unconstrained].filter(
    ({ columns, parentColumns }) =>
      columns.length > 0 && columns.length === parentColumns.length,
  );
}

function actionOf(action: string | undefined): ReferentialAction {
  switch (action) {
    case 'CASCADE':
      return 'cascade';
    case 'SET NULL':
      return 'set-null';
    case 'SET DEFAULT':
      return 'set-default';
    default:
      return 'none';
  }
}

/** The classes of one hierarchy repeat the references of their shared table. */
function distinct(references: readonly Reference[]): readonly Reference[] {
  const seen = new Map<string, Reference>();
  for (const reference of references) {
    const { child, columns, parent, parentColumns } = reference;
    seen.set(
      JSON.stringify([child, columns, parent, parentColumns]),
      reference,
    );
  }
  return [...seen.values()];
}

function sqlOfView(
  { expression }: EntityMetadata,
  dataSource: DataSource,
): string {
  return typeof expression === 'function'
    ? expression(dataSource).getQuery()
    : (expression ?? '');
}

function impurityOf(plan: ReadPlan, schema: Schema): string | undefined {
  if (plan.kind === 'unknown') return plan.reason;
  return plan.kind === 'query'
    ? unknownColumn(plan.columns, schema)
    : undefined;
}

function tablesMentioned(
  sql: string,
  dialect: Dialect,
  schema: Schema,
): readonly TableId[] {
  const ids = mentionedTables(sql, dialect).flatMap(name => {
    const tables = schema.named(name);
    return tables.length > 0
      ? tables.map(({ id }) => id)
      : [schema.unmapped(name)];
  });
  return [...new Set(ids)];
}

/** Replaces the views among what a view reads by what those read. */
function resolveView(table: Table, tables: ReadonlyMap<TableId, Table>): Table {
  if (!table.reads) return table;
  const found = new Set<TableId>();
  let { impure } = table;
  const visited = new Set<TableId>([table.id]);
  const visit = (ids: readonly TableId[]): void => {
    for (const id of ids) {
      if (visited.has(id)) continue;
      visited.add(id);
      const inner = tables.get(id);
      impure ??= inner?.impure;
      if (inner?.reads) visit(inner.reads);
      else found.add(id);
    }
  };
  visit(table.reads);
  return { ...table, reads: [...found], impure };
}
