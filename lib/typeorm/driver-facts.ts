import { type DataSource, type QueryRunner } from 'typeorm';
import { type Schema } from '../core/identifiers/schema.js';
import { type Row } from '../core/writes/pinned-rows.js';
import { type Dialect, type Statement } from '../core/writes/statement.js';
import { type WriteOutcome } from '../core/writes/write-outcome.js';

/** What a driver tells right after a statement. */
export interface DriverFacts {
  readonly outcome: WriteOutcome;
  /** Whether the connection is in a transaction now; `undefined`: the driver does not tell. */
  readonly inTransaction: boolean | undefined;
}

/** The data source of a runner or a query builder; TypeORM 0.3 has it under its former name alone. */
export function dataSourceOf(owner: object): DataSource {
  const { dataSource, connection } = owner as Partial<
    Record<'dataSource' | 'connection', DataSource>
  >;
  const found = dataSource ?? connection;
  if (!found) {
    throw new Error('Query runners and query builders have a data source.');
  }
  return found;
}

/** The connection a query runner is using; transactions belong to it, not to the runner. */
export function connectionOf(runner: QueryRunner): object | undefined {
  return (
    objectAt(runner, 'databaseConnection') ??
    objectAt(dataSourceOf(runner).driver, 'databaseConnection')
  );
}

/** Whether a runner has taken a connection out of a pool; on SQLite there is none. */
export function holdsConnection(runner: QueryRunner): boolean {
  return objectAt(runner, 'databaseConnection') !== undefined;
}

/**
 * What the driver told. Must be asked in the same tick as the statement ended: SQLite's counters
 * belong to the connection, and another statement may be next.
 */
export function driverFacts(
  runner: QueryRunner,
  dialect: Dialect,
  statement: Statement,
  raw: unknown,
  schema: Schema,
): DriverFacts {
  switch (dialect) {
    case 'postgres':
      return postgresFacts(runner, raw);
    case 'mysql':
      return mysqlFacts(statement, raw, schema);
    case 'sqlite':
      return sqliteFacts(runner, statement, raw, schema);
  }
}

/** Whether PostgreSQL answered a COMMIT with ROLLBACK, as it does after a failed statement. */
export function endedInRollback(raw: unknown): boolean {
  return valueAt(raw, 'command') === 'ROLLBACK';
}

/** MySQL's and MariaDB's errors after which the server has rolled the whole transaction back. */
const ROLLED_BACK_BY_SERVER = new Set([1213, 1402, 1613, 1637]);

/** Whether an error says that the server itself ended the transaction: a deadlock's victim. */
export function endedByServer(error: unknown): boolean {
  return ROLLED_BACK_BY_SERVER.has(Number(valueAt(error, 'errno')));
}

function postgresFacts(runner: QueryRunner, raw: unknown): DriverFacts {
  const rowCount = valueAt(raw, 'rowCount');
  const status = call(connectionOf(runner), 'getTransactionStatus');
  return {
    outcome: {
      affected: typeof rowCount === 'number' ? rowCount : undefined,
      returned: rowsOf(valueAt(raw, 'rows')),
    },
    inTransaction: typeof status === 'string' ? status !== 'I' : undefined,
  };
}

const SERVER_STATUS_IN_TRANSACTION = 1;

function mysqlFacts(
  statement: Statement,
  raw: unknown,
  schema: Schema,
): DriverFacts {
  if (Array.isArray(raw)) {
    const returned = rowsOf(raw);
    return {
      outcome: { affected: returned?.length, returned },
      inTransaction: undefined,
    };
  }
  const affected = valueAt(raw, 'affectedRows');
  const insertId = valueAt(raw, 'insertId');
  const serverStatus = valueAt(raw, 'serverStatus');
  const single = singleTuple(statement);
  return {
    outcome: {
      affected: typeof affected === 'number' ? affected : undefined,
      // The step between several generated keys is the server's setting; one needs none.
      generatedKeys:
        single &&
        affected === 1 &&
        insertId !== 0 &&
        insertId !== undefined &&
        generatesKey(statement, schema)
          ? [insertId]
          : undefined,
    },
    inTransaction:
      typeof serverStatus === 'number'
        ? (serverStatus & SERVER_STATUS_IN_TRANSACTION) !== 0
        : undefined,
  };
}

function sqliteFacts(
  runner: QueryRunner,
  statement: Statement,
  raw: unknown,
  schema: Schema,
): DriverFacts {
  const connection = connectionOf(runner);
  const inTransaction = valueAt(connection, 'inTransaction');
  const writes = statement.writes.some(({ verb }) => verb !== 'opaque');
  const counters = writes ? sqliteCounters(connection) : undefined;
  return {
    outcome: {
      affected: counters?.changes,
      returned: rowsOf(raw),
      generatedKeys:
        counters && generatesKey(statement, schema)
          ? rowIds(statement, counters)
          : undefined,
    },
    inTransaction:
      typeof inTransaction === 'boolean' ? inTransaction : undefined,
  };
}

interface SqliteCounters {
  readonly changes: number;
  readonly lastRowId: bigint;
}

/** better-sqlite3 and sql.js both answer at once; neither passes these counters to TypeORM's hooks. */
function sqliteCounters(connection: unknown): SqliteCounters | undefined {
  const sql =
    'SELECT changes() AS changes, CAST(last_insert_rowid() AS TEXT) AS id';
  const statement = call(connection, 'prepare', sql);
  const row =
    call(statement, 'get') ??
    // An object's `get` in sql.js answers values in a row, `getAsObject` by name.
    undefined;
  if (Array.isArray(row) || row === undefined) {
    const named = call(statement, 'getAsObject', []);
    call(statement, 'free');
    return countersIn(named);
  }
  return countersIn(row);
}

function countersIn(row: unknown): SqliteCounters | undefined {
  const changes = valueAt(row, 'changes');
  const id = valueAt(row, 'id');
  return typeof changes === 'number' && typeof id === 'string'
    ? { changes, lastRowId: BigInt(id) }
    : undefined;
}

/**
 * SQLite numbers the rows of one INSERT one after the other, so the last tells them all; not where
 * a row was skipped, updated or had a key of its own.
 */
function rowIds(
  statement: Statement,
  { changes, lastRowId }: SqliteCounters,
): readonly bigint[] | undefined {
  const [write] = statement.writes;
  if (write?.verb !== 'insert' || write.tuples?.length !== changes) {
    return undefined;
  }
  if (changes > 1 && write.onConflict !== 'fail') return undefined;
  if (changes === 1 && write.onConflict === 'update') return undefined;
  return Array.from(
    { length: changes },
    (_, index) => lastRowId - BigInt(changes - 1 - index),
  );
}

function singleTuple(statement: Statement): boolean {
  const [write] = statement.writes;
  return (
    statement.writes.length === 1 &&
    write?.verb === 'insert' &&
    write.tuples?.length === 1 &&
    write.onConflict !== 'update'
  );
}

/** Whether the one INSERT leaves a key of one integer column to the database, in every row. */
function generatesKey(statement: Statement, schema: Schema): boolean {
  const [write] = statement.writes;
  if (write?.verb !== 'insert' || statement.writes.length !== 1) return false;
  const tables = schema.named(write.table);
  const [table] = tables;
  const [column] = table?.key ?? [];
  if (tables.length !== 1 || table?.key.length !== 1 || !column) return false;
  if (column.kind.kind !== 'integer' || !write.columns || !write.tuples) {
    return false;
  }
  const index = write.columns.findIndex(name =>
    schema.sameColumn(name, column.name),
  );
  return (
    index === -1 ||
    write.tuples.every(tuple =>
      ['default', 'null'].includes(tuple[index]?.kind ?? ''),
    )
  );
}

function rowsOf(rows: unknown): readonly Row[] | undefined {
  if (!Array.isArray(rows) || rows.length === 0) return undefined;
  const found: Row[] = [];
  for (const row of rows as readonly unknown[]) {
    if (typeof row !== 'object' || row === null) return undefined;
    const values = new Map<string, unknown>();
    for (const name of Object.keys(row)) values.set(name, valueAt(row, name));
    found.push(values);
  }
  return found;
}

function valueAt(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function objectAt(value: object, name: string): object | undefined {
  const found = valueAt(value, name);
  return typeof found === 'object' && found !== null ? found : undefined;
}

function call(
  value: unknown,
  method: string,
  ...parameters: unknown[]
): unknown {
  const found = valueAt(value, method);
  return typeof found === 'function'
    ? (found.apply(value, parameters) as unknown)
    : undefined;
}
