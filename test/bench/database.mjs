import { randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import { versionOf } from './setting.mjs';

/** What each database is measured by; `service`: the variable of its server. */
export const DATABASES = [
  {
    name: 'sql.js',
    driver: 'sql.js',
    options: { type: 'sqljs' },
    version: async source => {
      const [row] = await source.query('SELECT sqlite_version() AS version');
      return `SQLite ${row.version} in this process`;
    },
  },
  {
    name: 'PostgreSQL',
    driver: 'pg',
    service: 'POSTGRES_URL',
    options: { type: 'postgres' },
    drop: name => `DROP DATABASE ${name} WITH (FORCE)`,
    version: async source => {
      const [row] = await source.query(
        "SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync",
      );
      return `PostgreSQL ${row.version} (fsync ${row.fsync})`;
    },
  },
  {
    name: 'MariaDB',
    driver: 'mysql2',
    service: 'MARIADB_URL',
    options: { type: 'mariadb' },
    drop: name => `DROP DATABASE ${name}`,
    version: async source => {
      const [row] = await source.query(
        'SELECT VERSION() AS version, @@innodb_flush_log_at_trx_commit AS flush',
      );
      return `MariaDB ${row.version} (innodb_flush_log_at_trx_commit ${row.flush})`;
    },
  },
];

/** A new database on the server at `url`, or one in memory for each data source. */
export async function createDatabase({ driver, options, drop, version }, url) {
  const administer = async ask => {
    const source = await new DataSource({ ...options, url }).initialize();
    try {
      return await ask(source);
    } finally {
      await source.destroy();
    }
  };
  const versions = `${await administer(version)}, ${driver} ${versionOf(driver)}`;
  if (url === undefined) return { versions, options, drop: async () => {} };
  const name = `alkey_bench_${randomBytes(6).toString('hex')}`;
  await administer(source => source.query(`CREATE DATABASE ${name}`));
  const own = new URL(url);
  own.pathname = `/${name}`;
  return {
    versions,
    options: { ...options, url: own.href },
    drop: () => administer(source => source.query(drop(name))),
  };
}
