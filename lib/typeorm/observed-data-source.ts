import { type DataSource, QueryFailedError, type QueryRunner } from 'typeorm';
import { type Schema, type Table } from '../core/identifiers/schema.js';
import { SqlReads } from '../core/reads/sql-reads.js';
import { type Dialect } from '../core/writes/statement.js';
import { dialectOf } from './dialect.js';
import { type ReportedCollation, schemaOf } from './entity-schema.js';
import { ownQuery } from './own-query.js';
import { observeRunners } from './observed-runners.js';
import {
  ReadRecorder,
  type ReadTokensOrHeld,
  type StatementObserver,
  UnknownReads,
} from './read-recorder.js';
import { observeResultCache } from './observed-result-cache.js';
import { WriteCapture, type WriteCaptureOptions } from './write-capture.js';
import {
  type ReportFailure,
  WriteCaptureSubscriber,
} from './write-capture.subscriber.js';

export interface ObservationOptions extends WriteCaptureOptions {
  readonly reportFailure: ReportFailure;
  /** Whether an error is one that a commit is to fail by. */
  readonly isIntended: (error: unknown) => boolean;
  readonly readTokens: ReadTokensOrHeld;
  /** Called with the metadata as it is now, at the start and after each initialization. */
  readonly onSchema: (schema: Schema, driver: ObservedDriver) => void;
}

/** What is known of how a data source talks to its database, while it is observed. */
export interface ObservedDriver {
  readonly dialect: Dialect;
  /** Whether what this runner reads may be of a transaction, however that was begun. */
  readonly inTransaction: (runner: QueryRunner) => boolean;
  /** What statements of it read. */
  readonly reads: SqlReads;
  /** Tells of them whoever takes them down. */
  readonly recorder: ReadRecorder;
}

/** Stops observing: the data source is as it was. */
export type StopObserving = () => void;

/**
 * Observes all that a data source writes, from now on and again after each `initialize()`; one that
 * is not initialized yet from then on. `undefined` where its driver is none that this library reads.
 */
export async function observeDataSource(
  dataSource: DataSource,
  name: string,
  options: ObservationOptions,
): Promise<StopObserving | undefined> {
  const dialect = dialectOf(dataSource);
  if (!dialect) return undefined;
  const observation = new Observation(dataSource, name, dialect, options);
  await observation.start();
  return () => observation.stop();
}

class Observation {
  private subscriber: WriteCaptureSubscriber | undefined;
  private capture: WriteCapture | undefined;
  private stopReads: (() => void) | undefined;
  private restore: (() => void) | undefined;
  private hasStopped = false;
  private readonly initialize: DataSource['initialize'];

  constructor(
    private readonly dataSource: DataSource,
    private readonly name: string,
    private readonly dialect: Dialect,
    private readonly options: ObservationOptions,
  ) {
    this.initialize = dataSource.initialize;
  }

  async start(): Promise<void> {
    const { dataSource, initialize } = this;
    // TypeORM makes the list of subscribers anew in each initialize().
    const initializeObserved: DataSource['initialize'] = async () => {
      const initialized = await initialize.call(dataSource);
      if (!this.hasStopped) await this.attach();
      return initialized;
    };
    dataSource.initialize = initializeObserved;
    this.restore = () => {
      this.hasStopped = true;
      // Whoever replaced it after us calls ours, which passes everything on.
      if (dataSource.initialize === initializeObserved) {
        dataSource.initialize = initialize;
      }
    };
    if (dataSource.isInitialized) await this.attach();
  }

  stop(): void {
    this.stopReads?.();
    this.restore?.();
    const { subscribers } = this.dataSource;
    const index = subscribers.findIndex(entry => entry === this.subscriber);
    if (index !== -1) subscribers.splice(index, 1);
  }

  private async attach(): Promise<void> {
    const { dataSource, dialect, name, options } = this;
    const schema = schemaOf(
      dataSource,
      name,
      dialect,
      dialect === 'mysql'
        ? await collationsOf(dataSource).catch(error => {
            options.reportFailure('initialize', error);
            // Keys of text are not named then: their tables count.
            return undefined;
          })
        : undefined,
    );
    const inTransaction = (runner: QueryRunner): boolean =>
      this.capture?.inTransaction(runner) ?? runner.isTransactionActive;
    const reads = new SqlReads(dialect, schema);
    const recorder = new ReadRecorder({
      reads,
      readTokens: options.readTokens,
      isInTransaction: inTransaction,
      hasBegun: runner => this.capture?.hasBegun(runner) ?? false,
    });
    this.stopReads?.();
    this.stopReads = observeReads(dataSource, recorder);
    options.onSchema(schema, { dialect, inTransaction, reads, recorder });
    const mayRead =
      dialect === 'postgres'
        ? await readableTables(dataSource, schema).catch(error => {
            options.reportFailure('initialize', error);
            return () => false;
          })
        : () => true;
    this.capture?.refresh(schema, mayRead);
    this.capture ??= new WriteCapture(name, dialect, schema, mayRead, options);
    this.subscriber ??= new WriteCaptureSubscriber(
      this.capture,
      options.reportFailure,
      error => error instanceof QueryFailedError || options.isIntended(error),
    );
    // First in line: a subscriber that throws keeps those behind it from being called.
    if (!dataSource.subscribers.includes(this.subscriber)) {
      dataSource.subscribers.unshift(this.subscriber);
    }
    if (changesItself(dataSource)) await this.capture.touchEverything();
  }
}

/**
 * Says of whatever is read from a data source that nothing observes that nobody knows what it depends on:
 * its writes are not seen.
 */
export function refuseReads(
  dataSource: DataSource,
  reason: string,
): StopObserving {
  return observeReads(dataSource, new UnknownReads(reason));
}

function observeReads(
  dataSource: DataSource,
  recorder: StatementObserver,
): StopObserving {
  const stopRunners = observeRunners(dataSource, recorder);
  const stopCache = observeResultCache(dataSource);
  return () => {
    stopRunners();
    stopCache();
  };
}

/** Whether `initialize()` itself may have written, before anybody could observe it. */
function changesItself({ options }: DataSource): boolean {
  return Boolean(
    options.synchronize || options.migrationsRun || options.dropSchema,
  );
}

/**
 * The tables that refer to others and that this role may both read and lock, with all the columns
 * that look-ups name: a look-up that is refused would abort the transaction it is made in.
 */
async function readableTables(
  dataSource: DataSource,
  schema: Schema,
): Promise<(table: Table) => boolean> {
  const wanted = schema.tables.flatMap(table =>
    table.reads
      ? []
      : [
          ...table.key.map(({ name }) => name),
          ...schema.parentsOf(table.id).flatMap(({ columns }) => columns),
        ].map(column => ({ table, column })),
  );
  const rows: unknown = await dataSource.query(
    ownQuery(
      'SELECT i AS position FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (path, name, i) ' +
        'WHERE to_regclass(path) IS NULL OR NOT EXISTS (SELECT 1 FROM pg_attribute ' +
        'WHERE attrelid = to_regclass(path) AND attname = name AND NOT attisdropped) ' +
        "OR NOT has_table_privilege(to_regclass(path), 'SELECT') OR NOT has_table_privilege(to_regclass(path), 'UPDATE')",
    ),
    [
      wanted.map(({ table }) => pathOf(dataSource, table)),
      wanted.map(({ column }) => column),
    ],
  );
  const refused = new Set(
    (rows as readonly { readonly position: string }[]).map(
      ({ position }) => wanted[Number(position) - 1]?.table.id,
    ),
  );
  return ({ id }) => !refused.has(id);
}

function pathOf({ driver }: DataSource, { schema, name }: Table): string {
  return [schema, name]
    .flatMap(part => (part === undefined ? [] : driver.escape(part)))
    .join('.');
}

/** The collations of key columns, which decide what text is equal; the metadata seldom tells. */
async function collationsOf(
  dataSource: DataSource,
): Promise<ReportedCollation> {
  const rows: unknown = await dataSource.query(
    ownQuery(
      'SELECT table_name AS t, column_name AS c, collation_name AS k FROM information_schema.columns ' +
        "WHERE table_schema = DATABASE() AND collation_name IS NOT NULL AND column_key <> ''",
    ),
  );
  const collations = new Map(
    (rows as readonly Readonly<Record<'t' | 'c' | 'k', string>>[]).map(
      ({ t, c, k }) => [`${t}\n${c}`, k],
    ),
  );
  return (table, column) => collations.get(`${table}\n${column}`);
}
