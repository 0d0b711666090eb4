import {
  DataSource,
  type DataSourceOptions,
  type EntityManager,
  type EntityMetadata,
} from 'typeorm';
import { createDatabase, type TestDatabase } from '../support/databases.js';
import { worldEntities } from './entities.js';
import { seed } from './seed.js';

/** A database with the rows of `seed`, and ways to it that no cache knows of. */
export interface World {
  /** For the applications that are tested; all tables are there. */
  readonly options: DataSourceOptions;
  readonly entities: NonNullable<DataSourceOptions['entities']>;
  /** Reads what is there, past every cache; `observed` is the data source of the application. */
  uncached(observed: DataSource): EntityManager;
  /** Puts back the rows of `seed`, unseen: whoever caches has to be told. */
  reset(observed: DataSource): Promise<void>;
  close(): Promise<void>;
}

/** What runs SQL of several statements. */
type RunScript = (sql: string) => Promise<void>;

/** Creates and fills a database of its own. */
export async function openWorld(
  database: TestDatabase,
  url: string | undefined,
): Promise<World> {
  const opened = await createDatabase(database, url);
  const entities = worldEntities(database.name);
  const unseen = new DataSource({
    ...opened.options,
    entities,
    synchronize: true,
    ...(database.name === 'mariadb' ? { multipleStatements: true } : {}),
  } as DataSourceOptions);
  await unseen.initialize();
  await seed(unseen.manager);
  const script = resetScript(unseen);
  const run: RunScript =
    database.name === 'sqlite'
      ? runOnSqlite(unseen)
      : async sql => {
          await unseen.query(sql);
        };
  await run(copyScript(unseen));

  if (database.name === 'sqlite') {
    const file = unseen.sqljsManager.exportDatabase();
    await unseen.destroy();
    return {
      options: { type: 'sqljs', database: file },
      entities,
      // SQLite in memory has one connection, so its own runner is the only other way.
      uncached: observed => observed.createQueryRunner().manager,
      reset: observed => runOnSqlite(observed)(script),
      close: () => opened.drop(),
    };
  }
  return {
    options: opened.options,
    entities,
    uncached: () => unseen.manager,
    reset: () => run(script),
    async close() {
      await unseen.destroy();
      await opened.drop();
    },
  };
}

function runOnSqlite({ driver }: DataSource): RunScript {
  const { databaseConnection } = driver as unknown as {
    readonly databaseConnection: { exec(sql: string): unknown };
  };
  return async sql => {
    databaseConnection.exec(sql);
  };
}

/** Each table once: children of single-table inheritance share theirs. */
function tablesOf({
  entityMetadatas,
}: DataSource): readonly (readonly [name: string, metadata: EntityMetadata])[] {
  return [
    ...new Map(
      entityMetadatas
        .filter(
          ({ tableType }) =>
            tableType !== 'view' && tableType !== 'entity-child',
        )
        .map(metadata => [metadata.tableName, metadata] as const),
    ),
  ];
}

function copyName(table: string): string {
  return `seed_of_${table}`;
}

/** Keeps a copy of every table's rows. */
function copyScript(dataSource: DataSource): string {
  const { driver } = dataSource;
  return tablesOf(dataSource)
    .map(
      ([table]) =>
        `CREATE TABLE ${driver.escape(copyName(table))} AS SELECT * FROM ${driver.escape(table)};`,
    )
    .join('\n');
}

/** Puts the copies back, without the work of foreign keys. */
function resetScript(dataSource: DataSource): string {
  const { driver, options } = dataSource;
  const [before, after] = {
    postgres: [
      'SET session_replication_role = replica;',
      'SET session_replication_role = DEFAULT;',
    ],
    mariadb: ['SET foreign_key_checks = 0;', 'SET foreign_key_checks = 1;'],
    sqljs: ['PRAGMA foreign_keys = OFF;', 'PRAGMA foreign_keys = ON;'],
  }[options.type as 'postgres' | 'mariadb' | 'sqljs'];
  const tables = tablesOf(dataSource);
  return [
    before,
    ...tables.map(([table]) => `DELETE FROM ${driver.escape(table)};`),
    ...tables.map(
      ([table]) =>
        `INSERT INTO ${driver.escape(table)} SELECT * FROM ${driver.escape(copyName(table))};`,
    ),
    ...(options.type === 'postgres' ? tables.flatMap(sequenceReset) : []),
    ...(options.type === 'sqljs' ? ['DELETE FROM sqlite_sequence;'] : []),
    after,
  ].join('\n');
}

/** Where PostgreSQL counts the keys of a table, it goes on after those of `seed`. */
function sequenceReset([table, { generatedColumns }]: readonly [
  string,
  EntityMetadata,
]): readonly string[] {
  return generatedColumns
    .filter(({ generationStrategy }) => generationStrategy === 'increment')
    .map(
      ({ databaseName }) =>
        `SELECT setval(pg_get_serial_sequence('"${table}"', '${databaseName}'), (SELECT MAX("${databaseName}") FROM "${table}"));`,
    );
}
