import { type TableId } from '../../../lib/core/identifiers/identifier.js';
import { type Schema } from '../../../lib/core/identifiers/schema.js';
import { TextMemory } from '../../../lib/core/text-memory.js';
import { analyseSql } from '../../../lib/core/writes/analyse-sql.js';
import { type Row } from '../../../lib/core/writes/pinned-rows.js';
import { type WriteAnnouncer } from '../../../lib/core/writes/write-announcer.js';
import {
  ConnectionWrites,
  type SqlEnd,
} from '../../../lib/typeorm/connection-writes.js';
import { type Life } from './steps.js';

/** How a COMMIT, or a statement outside a transaction, ends in the database and for its sender. */
export type Ending = 'done' | 'failed' | 'done unheard' | 'failed unheard';

/** What is asked for: a row, or the sum of all of them. */
export type Resource = number | 'all';

const UPDATE_ROW = 'UPDATE "users" SET "n" = "n" + 1 WHERE "id" = $1';
const UPDATE_ALL = 'UPDATE "users" SET "n" = "n" + 1';
const INSERT = 'INSERT INTO "users" ("n") VALUES (1) RETURNING "id"';

/** What a script does between BEGIN and its end. */
export type Statement =
  | { readonly kind: 'update'; readonly row: number }
  | { readonly kind: 'update all' }
  | { readonly kind: 'insert' }
  | {
      readonly kind: 'savepoint';
      readonly statements: readonly Statement[];
      readonly end: 'release' | 'rollback';
    };

export type Script =
  | {
      readonly kind: 'transaction';
      readonly statements: readonly Statement[];
      readonly end: Ending | 'rollback';
    }
  | {
      readonly kind: 'autocommit';
      readonly statement: Exclude<Statement, { kind: 'savepoint' }>;
      readonly end: Ending;
    };

/** Rows that count how often they were written: a larger number is a newer one. */
export class ModelDatabase {
  readonly #rows = new Map<number, number>();
  #nextId: number;
  /** Commits from before their announcement until they are over, while their process lives. */
  readonly committing = new Set<object>();
  /** Statements on their way to the database. */
  readonly sent = new Set<object>();

  constructor(rows: number) {
    for (let id = 1; id <= rows; id++) this.#rows.set(id, 1);
    this.#nextId = rows + 1;
  }

  get ids(): readonly number[] {
    return [...this.#rows.keys()];
  }

  takeId(): number {
    return this.#nextId++;
  }

  /** Whether no commit is announced, or on its way. */
  get isQuiet(): boolean {
    return this.committing.size === 0 && this.sent.size === 0;
  }

  /** What a reader sees now: 0 where there is no such row. */
  read(resource: Resource): number {
    return seenIn(this.#rows, resource);
  }

  /** What a reader sees now, whatever is written later. */
  snapshot(): (resource: Resource) => number {
    const rows = new Map(this.#rows);
    return resource => seenIn(rows, resource);
  }

  apply(written: readonly number[]): void {
    for (const id of written) {
      this.#rows.set(id, (this.#rows.get(id) ?? 0) + 1);
    }
  }
}

function seenIn(rows: ReadonlyMap<number, number>, resource: Resource): number {
  if (resource !== 'all') return rows.get(resource) ?? 0;
  return [...rows.values()].reduce((sum, n) => sum + n, 0);
}

export interface ModelConnectionOptions {
  readonly life: Life;
  readonly database: ModelDatabase;
  readonly announcer: WriteAnnouncer;
  readonly schema: Schema;
  readonly onStoreFailure: 'serve' | 'abort';
  /** What a COMMIT waits for in the database. */
  readonly slowness: () => Promise<void>;
}

const analyses = new TextMemory(sql => analyseSql(sql, 'postgres'));

/** One connection, whose real statements pass through the real capture as TypeORM lets them pass. */
export class ModelConnection {
  readonly #options: ModelConnectionOptions;
  readonly #writes: ConnectionWrites;
  /** Rows written and not committed, savepoint by savepoint. */
  #frames: number[][] = [];

  constructor(options: ModelConnectionOptions) {
    this.#options = options;
    const { announcer, schema, onStoreFailure, life } = options;
    this.#writes = new ConnectionWrites({
      announcer,
      schema: () => schema,
      abandonment: () => () => life.isDead,
      isShared: false,
      readRows: () => Promise.resolve(undefined),
      onStoreFailure,
      maxRowsPerTable: 1_000,
      parents: true,
      onUnknownWrite: 'all',
      derived: new Map<TableId, readonly TableId[]>(),
    });
  }

  /** Runs a script; what a store that is away makes of a commit is no error of the script. */
  async run(script: Script): Promise<void> {
    if (script.kind === 'autocommit') {
      await this.#makeVisible(() => this.#write(script.statement, script.end));
      return;
    }
    await this.#query('BEGIN', undefined, () => {
      this.#frames = [[]];
    });
    for (const each of script.statements) await this.#statement(each);
    const { end } = script;
    if (
      end === 'rollback' ||
      !(await this.#makeVisible(() => this.#commit(end)))
    )
      await this.#query('ROLLBACK', undefined, () => {
        this.#frames = [];
      });
  }

  async #statement(statement: Statement): Promise<void> {
    if (statement.kind !== 'savepoint') {
      await this.#write(statement, 'done');
      return;
    }
    await this.#query('SAVEPOINT s', undefined, () => this.#frames.push([]));
    for (const each of statement.statements) await this.#statement(each);
    if (statement.end === 'rollback') {
      await this.#query('ROLLBACK TO SAVEPOINT s', undefined, () =>
        this.#frames.at(-1)?.splice(0),
      );
    }
    await this.#query('RELEASE SAVEPOINT s', undefined, () => {
      const inner = this.#frames.pop() ?? [];
      this.#frames.at(-1)?.push(...inner);
    });
  }

  async #write(
    statement: Exclude<Statement, { kind: 'savepoint' }>,
    ending: Ending,
  ): Promise<void> {
    const { database } = this.#options;
    const write = (ids: readonly number[]): readonly number[] => {
      const frame = this.#frames.at(-1);
      if (frame) frame.push(...ids);
      else database.apply(ids);
      return ids;
    };
    switch (statement.kind) {
      case 'update': {
        const { row } = statement;
        const known = () => (database.ids.includes(row) ? [row] : []);
        return this.#query(UPDATE_ROW, [row], () => write(known()), ending);
      }
      case 'update all':
        return this.#query(
          UPDATE_ALL,
          undefined,
          () => write(database.ids),
          ending,
        );
      case 'insert':
        return this.#query(
          INSERT,
          undefined,
          () => write([database.takeId()]),
          ending,
        );
    }
  }

  async #commit(ending: Ending): Promise<void> {
    await this.#writes.beforeCommit();
    await this.#query(
      'COMMIT',
      undefined,
      () => {
        const written = this.#frames.flat();
        this.#frames = [];
        this.#options.database.apply(written);
      },
      ending,
    );
  }

  /** Whether it became so, as far as the sender knows. */
  async #makeVisible(run: () => Promise<void>): Promise<boolean> {
    const { database, life } = this.#options;
    const commit = {};
    database.committing.add(commit);
    try {
      await Promise.race([run(), life.ended]);
      return true;
    } catch {
      return false;
    } finally {
      database.committing.delete(commit);
    }
  }

  async #query(
    sql: string,
    parameters: readonly unknown[] | undefined,
    apply: () => unknown,
    ending: Ending = 'done',
  ): Promise<void> {
    const { database, life } = this.#options;
    const call = { sql, parameters, analysis: analyses.get(sql) };
    if (!call.analysis.harmless) await this.#writes.before(call);
    await life.step(`sends ${sql}`);
    database.sent.add(call);
    if (sql === 'COMMIT') await this.#options.slowness();
    await life.sent(`${sql} is ${ending} in the database`);
    const answer = ending.startsWith('done') ? apply() : undefined;
    database.sent.delete(call);
    await life.step(`hears of ${sql}`);
    const end: SqlEnd =
      ending === 'done'
        ? { success: true, facts: factsOf(answer), rolledBack: false }
        : { success: false, transactionEnded: false };
    if (!call.analysis.harmless) await this.#writes.after(call, end);
    if (!end.success) throw new Error(`${sql}: ${ending}`);
  }
}

/** What the driver tells of rows that were written. */
function factsOf(answer: unknown): (SqlEnd & { success: true })['facts'] {
  const ids = Array.isArray(answer) ? (answer as readonly number[]) : undefined;
  const returned: readonly Row[] | undefined = ids?.map(
    id => new Map([['id', id]]),
  );
  return {
    outcome: { affected: ids?.length, returned },
    inTransaction: undefined,
  };
}
