import { type DataSource, type QueryRunner } from 'typeorm';
import {
  canonicalKey,
  type Schema,
  type Table,
} from '../core/identifiers/schema.js';
import { TextMemory } from '../core/text-memory.js';
import { analyseSql } from '../core/writes/analyse-sql.js';
import { type Parameters, parametersOf } from '../core/writes/operand-value.js';
import { type Row } from '../core/writes/pinned-rows.js';
import { type RowLookUp } from '../core/writes/row-look-up.js';
import { type Analysis, type Dialect } from '../core/writes/statement.js';
import { type WriteAnnouncer } from '../core/writes/write-announcer.js';
import { WriteSet } from '../core/writes/write-set.js';
import { type EffectOptions } from '../core/writes/write-effects.js';
import { ConnectionWrites, type SqlEnd } from './connection-writes.js';
import {
  connectionOf,
  driverFacts,
  endedByServer,
  endedInRollback,
} from './driver-facts.js';
import { tableIdOf } from './entity-schema.js';
import { isOwnQuery } from './own-query.js';
import { readRows } from './row-reader.js';

export interface WriteCaptureOptions extends EffectOptions {
  readonly announcer: WriteAnnouncer;
  readonly onStoreFailure: 'serve' | 'abort';
  /** Told of a statement that may write what nobody can tell. */
  readonly onUnknown: (reason: string, sql: string) => void;
}

/** A query as TypeORM's hooks tell it. */
export interface QueryFacts {
  readonly queryRunner: QueryRunner;
  readonly query: string;
  readonly parameters?: unknown;
}

/** A database connection and the runner that uses it now. */
interface SharedConnection {
  runner: QueryRunner;
  readonly writes: ConnectionWrites;
}

type EntityMetadata = DataSource['entityMetadatas'][number];

/**
 * Follows the writes of one data source, connection by connection.
 *
 * State belongs to the database connection, not to the query runner: runners share connections
 * (SQLite), and connections outlive runners with transactions still open (pools).
 */
export class WriteCapture {
  private readonly connections = new WeakMap<object, SharedConnection>();
  private readonly analyses: TextMemory<Analysis>;

  constructor(
    private readonly name: string,
    private readonly dialect: Dialect,
    private schema: Schema,
    /** Whether this role may read and lock the rows of a table: a refusal would abort the transaction. */
    private mayRead: (table: Table) => boolean,
    private readonly options: WriteCaptureOptions,
  ) {
    this.analyses = new TextMemory(sql => analyseSql(sql, dialect));
  }

  /** Takes what is known of the database anew, after the data source was initialized again. */
  refresh(schema: Schema, mayRead: (table: Table) => boolean): void {
    this.schema = schema;
    this.mayRead = mayRead;
  }

  /** Whether what this runner reads may be of a transaction, however that was begun. */
  inTransaction(runner: QueryRunner): boolean {
    return runner.isTransactionActive || this.hasBegun(runner);
  }

  /** Whether a transaction was begun on the runner's connection: TypeORM says so before it is. */
  hasBegun(runner: QueryRunner): boolean {
    const connection = connectionOf(runner);
    return Boolean(
      connection && this.connections.get(connection)?.writes.inTransaction,
    );
  }

  /** @throws TokenStoreError when the write cannot be announced and `onStoreFailure` is `'abort'` */
  beforeQuery(event: QueryFacts): Promise<void> | undefined {
    const analysis = this.relevant(event.query);
    const connection = analysis && this.connection(event.queryRunner);
    if (!analysis || !connection) return undefined;
    this.reportUnknown(analysis, event.query);
    return connection.before(callOf(event, analysis));
  }

  /** Never rejects. */
  afterQuery(
    event: QueryFacts & {
      readonly success: boolean;
      readonly rawResults?: unknown;
      readonly error?: unknown;
    },
  ): Promise<void> | undefined {
    const analysis = this.relevant(event.query);
    const connection = analysis && this.connection(event.queryRunner);
    if (!analysis || !connection) return undefined;
    return connection.after(callOf(event, analysis), this.end(event, analysis));
  }

  /** Outdates everything there is: for when a write passed that could not be followed. */
  async touchEverything(): Promise<void> {
    const writes = new WriteSet(0);
    writes.addAnything();
    for (const { id } of this.schema.tables) writes.addEveryRow(id);
    await this.options.announcer
      .begin(() => false)
      .settle(writes.identifiers());
  }

  /** @throws TokenStoreError when the commit cannot be announced and `onStoreFailure` is `'abort'` */
  beforeCommit(runner: QueryRunner): Promise<void> | undefined {
    return this.connection(runner)?.beforeCommit();
  }

  /**
   * TypeORM says that its transaction ended. Where that did not pass `afterQuery`, because another
   * subscriber threw before it, this is the second chance to see it.
   */
  afterTransaction(runner: QueryRunner): Promise<void> | undefined {
    const connection = this.connection(runner);
    return runner.isTransactionActive || !connection?.inTransaction
      ? undefined
      : connection.transactionEnded();
  }

  /** An entity was inserted; its key may be one that the statement did not tell. */
  afterInsert(
    runner: QueryRunner,
    metadata: EntityMetadata,
    entity: object | undefined,
  ): void {
    const connection = this.connection(runner);
    if (!entity || !connection?.awaitsNames) return;
    const table = this.schema.table(tableIdOf(metadata, this.name));
    if (!table) return;
    const values = metadata.primaryColumns.map((column): unknown =>
      column.getEntityValue(entity, true),
    );
    const key = canonicalKey(table.key, values);
    if (key) connection.nameInserted(table.id, key);
  }

  private relevant(sql: string): Analysis | undefined {
    const analysis = this.analyses.get(sql);
    return analysis.harmless || isOwnQuery(sql) ? undefined : analysis;
  }

  private connection(runner: QueryRunner): ConnectionWrites | undefined {
    const connection = connectionOf(runner);
    if (!connection) return undefined;
    let shared = this.connections.get(connection);
    if (shared) shared.runner = runner;
    else {
      shared = this.share(runner);
      this.connections.set(connection, shared);
    }
    return shared.writes;
  }

  private share(runner: QueryRunner): SharedConnection {
    const isShared = this.dialect === 'sqlite';
    const shared: SharedConnection = {
      runner,
      writes: new ConnectionWrites({
        ...this.options,
        schema: () => this.schema,
        abandonment: () => {
          const { runner: writer } = shared;
          // Statements on SQLite end at once: one that has not was kept from running. On a server, a
          // writer whose runner went back to the pool will not end what it announced.
          return () => isShared || writer.isReleased;
        },
        isShared,
        readRows: async lookUp =>
          this.mayRead(lookUp.table)
            ? this.readRows(shared.runner, lookUp)
            : undefined,
      }),
    };
    return shared;
  }

  /** Undefined where the rows cannot be read; rejects where that ended the transaction. */
  private async readRows(
    runner: QueryRunner,
    lookUp: RowLookUp,
  ): Promise<readonly Row[] | undefined> {
    try {
      return await readRows(runner, this.dialect, lookUp);
    } catch (error) {
      // PostgreSQL lets no statement through after any error.
      if (this.dialect === 'postgres' || endedByServer(error)) throw error;
      return undefined;
    }
  }

  private end(
    event: QueryFacts & {
      readonly success: boolean;
      readonly rawResults?: unknown;
      readonly error?: unknown;
    },
    { statements }: Analysis,
  ): SqlEnd {
    if (!event.success) {
      return { success: false, transactionEnded: endedByServer(event.error) };
    }
    const [statement] = statements;
    return {
      success: true,
      facts:
        statement && statements.length === 1
          ? driverFacts(
              event.queryRunner,
              this.dialect,
              statement,
              event.rawResults,
              this.schema,
            )
          : undefined,
      rolledBack:
        this.dialect === 'postgres' && endedInRollback(event.rawResults),
    };
  }

  private reportUnknown({ statements }: Analysis, sql: string): void {
    for (const { unknown } of statements) {
      if (unknown !== undefined) this.options.onUnknown(unknown, sql);
    }
  }
}

function callOf(
  { query, parameters }: QueryFacts,
  analysis: Analysis,
): { sql: string; parameters: Parameters; analysis: Analysis } {
  return {
    sql: query,
    parameters: parametersOf(parameters),
    analysis,
  };
}
