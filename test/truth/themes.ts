import { DataSource, type EntityMetadata, type Logger } from 'typeorm';
import { DATABASES } from '../support/databases.js';
import { type Read } from './read.js';
import { READS } from './reads.js';
import { type Write } from './write.js';
import { WRITES } from './writes.js';
import { openWorld } from './world.js';

/** What reads a table, and what changes its rows. */
export interface Theme {
  readonly table: string;
  readonly reads: readonly Read[];
  readonly writes: readonly Write[];
}

const ARGUMENT = 1;

/** Finds out by trying on SQLite which reads and writes have to do with each other. */
export async function findThemes(): Promise<readonly Theme[]> {
  const world = await openWorld(DATABASES[0]!, undefined);
  const sent: string[] = [];
  const dataSource = new DataSource({
    ...world.options,
    entities: world.entities,
    logging: ['query'],
    logger: { logQuery: sql => void sent.push(sql) } as Logger,
  });
  await dataSource.initialize();
  try {
    const tables = tableTexts(dataSource);
    const readers = new Map<Read, ReadonlySet<string>>();
    for (const read of READS) {
      sent.length = 0;
      await read.run(dataSource.manager, ARGUMENT);
      readers.set(read, mentioned(tables, sent.join('\n')));
    }
    const writers = new Map<Write, ReadonlySet<string>>();
    for (const write of WRITES) {
      await world.reset(dataSource);
      const before = await rowsOf(dataSource, tables.keys());
      // What a constraint refuses has changed nothing.
      await write.run(dataSource.manager, ARGUMENT).catch(() => undefined);
      const after = await rowsOf(dataSource, tables.keys());
      const changed = [...tables.keys()].filter(
        table => before.get(table) !== after.get(table),
      );
      writers.set(write, new Set(changed));
    }
    return [...tables.keys()]
      .map(table => ({
        table,
        reads: READS.filter(read => readers.get(read)?.has(table)),
        writes: WRITES.filter(write => writers.get(write)?.has(table)),
      }))
      .filter(({ reads, writes }) => reads.length > 0 && writes.length > 0);
  } finally {
    await dataSource.destroy();
    await world.close();
  }
}

/** Each table with the quoted names by which a statement reads it: its own, and those of views. */
function tableTexts(
  dataSource: DataSource,
): ReadonlyMap<string, readonly string[]> {
  const { driver, entityMetadatas } = dataSource;
  const views = entityMetadatas
    .filter(isView)
    .map(({ tableName, expression }) => ({
      name: driver.escape(tableName),
      sql:
        typeof expression === 'function'
          ? expression(dataSource).getQuery()
          : String(expression),
    }));
  return new Map(
    entityMetadatas
      .filter(metadata => !isView(metadata))
      .map(({ tableName }) => {
        const own = driver.escape(tableName);
        const through = views.filter(({ sql }) => sql.includes(own));
        return [tableName, [own, ...through.map(({ name }) => name)]];
      }),
  );
}

function isView({ tableType }: EntityMetadata): boolean {
  return tableType === 'view';
}

function mentioned(
  tables: ReadonlyMap<string, readonly string[]>,
  sql: string,
): ReadonlySet<string> {
  return new Set(
    [...tables]
      .filter(([, texts]) => texts.some(text => sql.includes(text)))
      .map(([table]) => table),
  );
}

async function rowsOf(
  dataSource: DataSource,
  tables: Iterable<string>,
): Promise<ReadonlyMap<string, string>> {
  const rows = new Map<string, string>();
  for (const table of tables) {
    const name = dataSource.driver.escape(table);
    const all = await dataSource.query<unknown>(`SELECT * FROM ${name}`);
    rows.set(table, JSON.stringify(all));
  }
  return rows;
}
