import { DataSource } from 'typeorm';
import {
  everyRowIdentifier,
  EVERYTHING,
  type Identifier,
  rowIdentifier,
  tableIdentifier,
} from '../../lib/core/identifiers/identifier.js';
import {
  canonicalKey,
  type Schema,
  type Table,
} from '../../lib/core/identifiers/schema.js';

type AnyRow = Readonly<Record<string, unknown>>;

/** All rows of all tables, by table and by identifier of the row. */
export type Snapshot = ReadonlyMap<Table, ReadonlyMap<Identifier, AnyRow>>;

/** Runs SQL that no subscriber sees: another connection, or SQLite's driver itself. */
export type Unseen = (sql: string) => Promise<readonly AnyRow[]>;

/** A way past the subscribers of a data source. */
export async function unseenBy(
  dataSource: DataSource,
): Promise<{ run: Unseen; close: () => Promise<void> }> {
  if (dataSource.options.type === 'sqljs') {
    const { databaseConnection } = dataSource.driver as unknown as {
      databaseConnection: {
        exec(sql: string): { columns: string[]; values: unknown[][] }[];
      };
    };
    return {
      run: async sql =>
        databaseConnection
          .exec(sql)
          .flatMap(({ columns, values }) =>
            values.map(row =>
              Object.fromEntries(
                columns.map((column, index) => [column, row[index]]),
              ),
            ),
          ),
      close: async () => {},
    };
  }
  const other = new DataSource({
    ...dataSource.options,
    entities: [],
    synchronize: false,
    subscribers: [],
  });
  await other.initialize();
  const runner = other.createQueryRunner();
  return {
    run: async sql => (await runner.query(sql)) as readonly AnyRow[],
    close: async () => {
      await runner.release();
      await other.destroy();
    },
  };
}

export async function snapshot(schema: Schema, run: Unseen): Promise<Snapshot> {
  const tables = new Map<Table, ReadonlyMap<Identifier, AnyRow>>();
  for (const table of schema.tables) {
    if (table.reads) continue;
    const rows = await run(`SELECT * FROM ${table.name}`);
    tables.set(
      table,
      new Map(rows.map(row => [identifierOf(table, row), row])),
    );
  }
  return tables;
}

function identifierOf(table: Table, row: AnyRow): Identifier {
  const key = canonicalKey(
    table.key,
    table.key.map(({ name }) => row[name]),
  );
  if (!key) throw new Error(`A row of ${table.id} has no name.`);
  return rowIdentifier(table.id, key);
}

/** What must be touched, each with everything that would do. */
export interface Due {
  readonly what: string;
  readonly any: readonly Identifier[];
}

/** What changed between two snapshots, and so what must have been touched. */
export function dueTouches(
  schema: Schema,
  before: Snapshot,
  after: Snapshot,
): { readonly due: readonly Due[]; readonly exact: ReadonlySet<Identifier> } {
  const due: Due[] = [];
  const exact = new Set<Identifier>();
  const add = (what: string, ...any: Identifier[]): void => {
    due.push({ what, any });
    if (any[0]) exact.add(any[0]);
  };
  for (const [table, rows] of before) {
    const now = after.get(table) ?? new Map<Identifier, AnyRow>();
    const every = everyRowIdentifier(table.id);
    let changed = false;
    for (const row of new Set([...rows.keys(), ...now.keys()])) {
      const old = rows.get(row);
      const next = now.get(row);
      if (JSON.stringify(old) === JSON.stringify(next)) continue;
      changed = true;
      add(`row ${row}`, row, every);
      for (const state of [old, next]) {
        for (const [parent, parentRow] of parentsOf(schema, table, state)) {
          add(
            `parent ${parentRow} of ${row}`,
            parentRow,
            everyRowIdentifier(parent.id),
          );
        }
      }
    }
    if (changed) add(`table ${table.id}`, tableIdentifier(table.id));
  }
  if (due.length > 0) add('everything', EVERYTHING);
  return { due, exact };
}

function parentsOf(
  schema: Schema,
  table: Table,
  row: AnyRow | undefined,
): readonly (readonly [Table, Identifier])[] {
  if (!row) return [];
  return schema.parentsOf(table.id).flatMap(reference => {
    const parent = schema.table(reference.parent);
    const values = reference.columns.map(column => row[column]);
    const key = parent && canonicalKey(parent.key, values);
    return parent && key
      ? [[parent, rowIdentifier(parent.id, key)] as const]
      : [];
  });
}

/** Copies of all tables to put them back from after each operation. */
export async function keepCopies(schema: Schema, run: Unseen): Promise<void> {
  for (const table of schema.tables) {
    if (!table.reads) {
      await run(
        `CREATE TABLE copy_${table.name} AS SELECT * FROM ${table.name}`,
      );
    }
  }
}

/** Puts back the tables that changed, and the counters of generated keys. */
export async function putBack(
  dataSource: DataSource,
  schema: Schema,
  changed: readonly Table[],
  run: Unseen,
): Promise<void> {
  const generated = schema.tables.filter(
    ({ key, reads }) => !reads && key.length === 1 && key[0]?.generated,
  );
  switch (dataSource.options.type) {
    case 'postgres':
      await run(
        [
          'SET session_replication_role = replica',
          ...copyBack(changed),
          ...generated
            .filter(({ key }) => key[0]?.kind.kind === 'integer')
            .map(
              ({ name, key }) =>
                `SELECT setval(pg_get_serial_sequence('${name}', '${key[0]?.name}'), (SELECT MAX("${key[0]?.name}") FROM ${name}))`,
            ),
        ].join(';'),
      );
      break;
    case 'sqljs':
      await run(
        [
          'PRAGMA foreign_keys = OFF',
          ...copyBack(changed),
          'PRAGMA foreign_keys = ON',
          ...generated
            .filter(({ key }) => key[0]?.kind.kind === 'integer')
            .map(
              ({ name, key }) =>
                `UPDATE sqlite_sequence SET seq = (SELECT MAX(${key[0]?.name}) FROM ${name}) WHERE name = '${name}'`,
            ),
        ].join(';'),
      );
      break;
    default:
      await run('SET foreign_key_checks = 0');
      for (const sql of copyBack(changed)) await run(sql);
      for (const table of generated) {
        if (!changed.includes(table) && table.name !== 'users') continue;
        await run(`ALTER TABLE ${table.name} AUTO_INCREMENT = 1`);
      }
      break;
  }
}

function copyBack(changed: readonly Table[]): readonly string[] {
  return changed.flatMap(({ name }) => [
    `DELETE FROM ${name}`,
    `INSERT INTO ${name} SELECT * FROM copy_${name}`,
  ]);
}
