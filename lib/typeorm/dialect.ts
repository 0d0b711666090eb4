import { type DataSource } from 'typeorm';
import { type Dialect } from '../core/writes/statement.js';

/** Drivers whose SQL and results this library reads, by TypeORM's `type`. */
const DIALECTS: Readonly<Record<string, Dialect>> = {
  postgres: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
  'better-sqlite3': 'sqlite',
  sqlite: 'sqlite',
  sqljs: 'sqlite',
};

/** The SQL of a data source, or `undefined` where this library does not read it. */
export function dialectOf(dataSource: DataSource): Dialect | undefined {
  return DIALECTS[dataSource.options.type];
}
