import {
  type Identifier,
  insertingIdentifier,
  type TableId,
} from '../core/identifiers/identifier.js';
import { type Schema } from '../core/identifiers/schema.js';
import { type Parameters } from '../core/writes/operand-value.js';
import { type Row } from '../core/writes/pinned-rows.js';
import { type RowLookUp, rowLookUp } from '../core/writes/row-look-up.js';
import { type Analysis, type Statement } from '../core/writes/statement.js';
import { TransactionLog } from '../core/writes/transaction-log.js';
import {
  type Announcement,
  type WriteAnnouncer,
} from '../core/writes/write-announcer.js';
import {
  type EffectOptions,
  type Effects,
  effectsOf,
} from '../core/writes/write-effects.js';
import { WriteSet } from '../core/writes/write-set.js';
import { type DriverFacts } from './driver-facts.js';

/** One SQL text on its way through the driver. */
export interface SqlCall {
  readonly sql: string;
  readonly parameters: Parameters;
  readonly analysis: Analysis;
}

/** How it ended. */
export type SqlEnd =
  | {
      readonly success: true;
      /** For a text of one statement. */
      readonly facts: DriverFacts | undefined;
      /** A COMMIT that the database answered with ROLLBACK. */
      readonly rolledBack: boolean;
    }
  | { readonly success: false; readonly transactionEnded: boolean };

interface InFlight extends SqlCall {
  /** Of a statement that takes effect by itself. */
  readonly announcement?: Announcement;
  /** The rows that it is about to write, as they were. */
  readonly before?: readonly Row[];
}

/** Look-ups in one transaction; after that all rows of the parents' tables count. */
const MOST_LOOK_UPS = 100;

export interface ConnectionWritesOptions extends EffectOptions {
  readonly announcer: WriteAnnouncer;
  readonly schema: () => Schema;
  /** For one announcement: whether its writer went away without an end. */
  readonly abandonment: () => () => boolean;
  /**
   * SQLite: other flows of the process read what an open transaction wrote, so a rollback changes
   * what they see as well; and a savepoint outside a transaction begins one.
   */
  readonly isShared: boolean;
  /** Reads rows inside the open transaction; rejects as the statement itself would. */
  readonly readRows: (lookUp: RowLookUp) => Promise<readonly Row[] | undefined>;
  /** What becomes of a commit that cannot be announced. */
  readonly onStoreFailure: 'serve' | 'abort';
}

/**
 * What one database connection writes: follows its transactions by the statements that pass, and
 * announces what is about to become visible.
 */
export class ConnectionWrites {
  private readonly log: TransactionLog;
  /** Statements between their two hooks, where something is to be remembered of them. */
  private readonly inFlight: InFlight[] = [];
  private lookUps = 0;
  /** The announcement of the open transaction's COMMIT. */
  private committing: Announcement | undefined;
  /** The version of the log that it has announced. */
  private announced = -1;

  constructor(private readonly options: ConnectionWritesOptions) {
    this.log = new TransactionLog(options.maxRowsPerTable);
  }

  get inTransaction(): boolean {
    return this.log.isOpen;
  }

  /** Whether the open transaction inserted rows whose keys no statement told. */
  get awaitsNames(): boolean {
    return this.log.awaitsNames;
  }

  /**
   * Announces the COMMIT of the open transaction; does nothing inside a savepoint.
   *
   * @throws TokenStoreError when the store did not take it and `onStoreFailure` is `'abort'`
   */
  async beforeCommit(): Promise<void> {
    if (this.log.depth === 1) await this.orServe(this.announceCommit([]));
  }

  /**
   * Announces what this text makes visible by itself, if it does.
   *
   * @throws TokenStoreError when the store did not take it and `onStoreFailure` is `'abort'`
   */
  async before(call: SqlCall): Promise<void> {
    if (this.commits(call.analysis)) {
      await this.orServe(this.announceCommit(this.foreseen(call)));
    } else if (!this.log.isOpen) {
      const foreseen = this.foreseen(call);
      // BEGIN and its like.
      if (foreseen.length === 0) return;
      const announcement = this.announcement();
      this.inFlight.push({ ...call, announcement });
      try {
        await this.orServe(announcement.hold(foreseen));
      } catch (error) {
        // The statement will not run, so its second hook will not come.
        this.takeInFlight(call);
        await announcement.settle([]);
        throw error;
      }
    } else await this.lookUp(call);
  }

  /** Takes down what the text did, and releases what it made visible. Never rejects. */
  async after(call: SqlCall, end: SqlEnd): Promise<void> {
    const inFlight = this.takeInFlight(call);
    const announcement = inFlight?.announcement ?? this.takeCommitting(call);
    const visible = end.success
      ? this.follow(call, withRowsBefore(end, inFlight?.before))
      : this.followFailure(call, end.transactionEnded);
    if (!announcement && visible.isEmpty) return;
    await (announcement ?? this.announcement()).settle(visible.identifiers());
  }

  /**
   * The transaction has ended, and the statement that ended it did not pass here: what it wrote
   * counts as visible.
   */
  async transactionEnded(): Promise<void> {
    if (!this.log.isOpen) return;
    const pending = this.log.pending();
    this.log.clear();
    const announcement = this.committing ?? this.announcement();
    this.committing = undefined;
    await announcement.settle(pending.identifiers());
  }

  /** A row that was inserted in the open transaction, told by another source than its statement. */
  nameInserted(table: TableId, values: readonly string[]): void {
    this.log.nameInserted(table, values);
  }

  /** What the text will change, to hold before it runs. */
  private foreseen({ analysis, parameters }: SqlCall): readonly Identifier[] {
    return analysis.statements.flatMap(statement =>
      isWrite(statement) ? heldBefore(this.foresee(statement, parameters)) : [],
    );
  }

  private async orServe(announced: Promise<void>): Promise<void> {
    try {
      await announced;
    } catch (error) {
      if (this.options.onStoreFailure === 'abort') throw error;
      // The store has reported it, and no token is trusted until it has taken the change.
    }
  }

  /** Reads the rows that a statement of the open transaction is about to take from their parents. */
  private async lookUp(call: SqlCall): Promise<void> {
    const [statement, ...others] = call.analysis.statements;
    if (!statement || others.length > 0) return;
    if (this.lookUps >= MOST_LOOK_UPS) return;
    const { parameters } = call;
    const { schema, readRows } = this.options;
    const wanted = rowLookUp(statement, parameters, schema(), this.options);
    if (!wanted) return;
    this.lookUps += 1;
    const before = await readRows(wanted);
    if (before) this.inFlight.push({ ...call, before });
  }

  private foresee(statement: Statement, parameters: Parameters): Effects {
    return effectsOf(
      statement,
      parameters,
      undefined,
      this.options.schema(),
      this.options,
    );
  }

  /** Whether the text may end the open transaction, or a transaction of its own, in sight of others. */
  private commits({ statements }: Analysis): boolean {
    return statements.some(
      ({ control, commitsImplicitly }) =>
        control?.kind === 'commit' ||
        (this.options.isShared &&
          (control?.kind === 'rollback' || control?.kind === 'rollback-to')) ||
        (commitsImplicitly && this.log.isOpen) ||
        (control?.kind === 'release' &&
          this.log.endsWithSavepoint(control.name)),
    );
  }

  private async announceCommit(more: readonly Identifier[]): Promise<void> {
    const { version } = this.log;
    // TypeORM's own COMMIT is announced by its event, and passes as a statement after that.
    if (this.committing && this.announced === version && more.length === 0) {
      return;
    }
    this.committing ??= this.announcement();
    const { committing } = this;
    // On a connection that several flows share another statement may have come meanwhile.
    for (let held = -1; held < this.log.version;) {
      held = this.log.version;
      await committing.hold([...this.log.pending().identifiers(), ...more]);
      this.announced = held;
    }
  }

  private announcement(): Announcement {
    return this.options.announcer.begin(this.options.abandonment());
  }

  /** Applies each statement in turn; answers what is visible to others now. */
  private follow(
    { analysis, parameters }: SqlCall,
    { facts, rolledBack }: SqlEnd & { success: true },
  ): WriteSet {
    const visible = new WriteSet(this.options.maxRowsPerTable);
    for (const statement of analysis.statements) {
      if (statement.commitsImplicitly) this.flush(visible);
      this.control(statement, rolledBack, visible);
      if (isWrite(statement)) {
        const effects = effectsOf(
          statement,
          parameters,
          facts?.outcome,
          this.options.schema(),
          this.options,
        );
        this.record(effects, facts?.inTransaction, visible);
      }
    }
    if (facts?.inTransaction === false) this.flush(visible);
    return visible;
  }

  /**
   * A COMMIT whose outcome is unknown counts as done, and so does a statement outside a
   * transaction. Inside one nothing is visible, unless the server ended the transaction itself.
   */
  private followFailure(call: SqlCall, transactionEnded: boolean): WriteSet {
    const visible = new WriteSet(this.options.maxRowsPerTable);
    if (this.commits(call.analysis) || transactionEnded) {
      visible.addAll(this.log.pending());
    }
    if (transactionEnded) this.log.clear();
    for (const statement of call.analysis.statements) {
      const effects = this.foresee(statement, call.parameters);
      this.record(effects, undefined, visible);
    }
    return visible;
  }

  private record(
    { writes, unnamed }: Effects,
    inTransaction: boolean | undefined,
    visible: WriteSet,
  ): void {
    // The session commits by hand (SET autocommit = 0), or began in a way that was not understood.
    if (inTransaction === true) this.log.begin();
    if (this.log.isOpen) {
      this.log.add(writes);
      for (const [table, count] of unnamed) this.log.addUnnamed(table, count);
      return;
    }
    visible.addAll(writes);
    for (const table of unnamed.keys()) visible.addEveryRow(table);
  }

  private control(
    { control }: Statement,
    rolledBack: boolean,
    visible: WriteSet,
  ): void {
    switch (control?.kind) {
      case undefined:
        break;
      case 'begin':
        this.log.begin();
        this.lookUps = 0;
        break;
      case 'commit':
        if (rolledBack) this.log.clear();
        else this.flush(visible);
        if (control.chain) this.log.begin();
        break;
      case 'rollback':
        if (this.options.isShared) visible.addAll(this.log.pending());
        this.log.clear();
        if (control.chain) this.log.begin();
        break;
      case 'savepoint':
        if (this.log.isOpen || this.options.isShared) {
          this.log.savepoint(control.name);
        }
        break;
      case 'release':
        if (this.log.endsWithSavepoint(control.name)) this.flush(visible);
        else this.log.releaseSavepoint(control.name);
        break;
      case 'rollback-to':
        if (this.options.isShared) visible.addAll(this.log.pending());
        this.log.rollbackTo(control.name);
        break;
    }
  }

  private flush(visible: WriteSet): void {
    visible.addAll(this.log.pending());
    this.log.clear();
  }

  /** The oldest call of this text; of several the one with these very parameters. */
  private takeInFlight(call: SqlCall): InFlight | undefined {
    if (this.inFlight.length === 0) return undefined;
    const same = this.inFlight.filter(({ sql }) => sql === call.sql);
    const found =
      same.find(({ parameters }) => parameters === call.parameters) ??
      same.findLast(it => equalValues(it.parameters, call.parameters)) ??
      same[0];
    if (found) this.inFlight.splice(this.inFlight.indexOf(found), 1);
    return found;
  }

  /** The COMMIT's announcement, where this text ends the transaction that it was made for. */
  private takeCommitting({ analysis }: SqlCall): Announcement | undefined {
    const ends =
      this.commits(analysis) ||
      analysis.statements.some(({ control }) => control?.kind === 'rollback');
    if (!ends) return undefined;
    const { committing } = this;
    this.committing = undefined;
    return committing;
  }
}

/**
 * Adds the rows as they were to what the driver told; not where more rows were written than were
 * found, because then one of them came meanwhile.
 */
function withRowsBefore(
  end: SqlEnd & { readonly success: true },
  before: readonly Row[] | undefined,
): SqlEnd & { readonly success: true } {
  const { facts } = end;
  if (!before || !facts) return end;
  const { affected } = facts.outcome;
  return affected === undefined || affected > before.length
    ? end
    : { ...end, facts: { ...facts, outcome: { ...facts.outcome, before } } };
}

/** Whether a statement may write; BEGIN, COMMIT and their like do not. */
function isWrite({ writes, unknown }: Statement): boolean {
  return writes.length > 0 || unknown !== undefined;
}

/** What to hold for a statement that takes effect by itself. */
function heldBefore({ writes, unnamed }: Effects): readonly Identifier[] {
  return [
    ...writes.identifiers(),
    // Their keys are told by the statement's outcome; until then no row of the table is certain.
    ...[...unnamed.keys()].map(insertingIdentifier),
  ];
}

function equalValues(left: Parameters, right: Parameters): boolean {
  if (!Array.isArray(left) || !Array.isArray(right)) return false;
  return (
    left.length === right.length &&
    // sql.js hands `undefined` on as `null`.
    left.every((value, index) => (value ?? null) === (right[index] ?? null))
  );
}
