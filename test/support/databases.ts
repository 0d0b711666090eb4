import { randomBytes } from 'node:crypto';
import { describe } from '@jest/globals';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { describeWith } from './suites.js';

/** A database that suites run on, each in a database of its own. */
export interface TestDatabase {
  readonly name: 'sqlite' | 'postgres' | 'mariadb';
  /** The server's variable; `undefined`: none is needed. */
  readonly service: 'POSTGRES_URL' | 'MARIADB_URL' | undefined;
}

export const DATABASES: readonly TestDatabase[] = [
  { name: 'sqlite', service: undefined },
  { name: 'postgres', service: 'POSTGRES_URL' },
  { name: 'mariadb', service: 'MARIADB_URL' },
];

/** One suite per database; those whose server is missing are skipped by name. */
export function describeOnEachDatabase(
  title: string,
  body: (database: TestDatabase, url: string | undefined) => void,
): void {
  for (const database of DATABASES) {
    const { name, service } = database;
    if (service === undefined) {
      describe(`${title} on ${name}`, () => {
        body(database, undefined);
      });
    } else {
      describeWith(service, `${title} on ${name}`, url => body(database, url));
    }
  }
}

/** Options of a data source in a new, empty database, and how to drop it. */
export interface OpenedDatabase {
  readonly options: DataSourceOptions;
  drop(): Promise<void>;
}

/** Creates an empty database under a name of its own on the server at `url`. */
export async function createDatabase(
  { name }: TestDatabase,
  url: string | undefined,
): Promise<OpenedDatabase> {
  if (name === 'sqlite' || url === undefined) {
    return { options: { type: 'sqljs' }, drop: async () => {} };
  }
  const database = `alkey_${randomBytes(6).toString('hex')}`;
  const type = name === 'postgres' ? 'postgres' : 'mariadb';
  const administer = async (sql: string): Promise<void> => {
    const server = new DataSource({ type, url });
    await server.initialize();
    try {
      await server.query(sql);
    } finally {
      await server.destroy();
    }
  };
  await administer(`CREATE DATABASE ${database}`);
  const own = new URL(url);
  own.pathname = `/${database}`;
  return {
    options: { type, url: own.href },
    drop: () =>
      administer(
        `DROP DATABASE ${database}${name === 'postgres' ? ' WITH (FORCE)' : ''}`,
      ),
  };
}
