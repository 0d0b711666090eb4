import { type TableId } from '../identifiers/identifier.js';
import { WriteSet } from './write-set.js';

interface Frame {
  /** The savepoint that opened it; `undefined` for the transaction itself. */
  readonly savepoint: string | undefined;
  readonly writes: WriteSet;
  /** Inserted rows per table whose keys no source has told yet. */
  readonly unnamed: Map<TableId, number>;
}

/**
 * What the open transaction of one database connection wrote, savepoint by savepoint.
 *
 * Driven by the statements seen on the connection, not by what a query runner believes: raw
 * `BEGIN`, shared connections and leaked transactions all pass here. Knows nothing of time.
 */
export class TransactionLog {
  private frames: Frame[] = [];
  private changes = 0;

  constructor(private readonly maxRowsPerTable: number) {}

  /** Whether statements now take effect only with a later COMMIT. */
  get isOpen(): boolean {
    return this.frames.length > 0;
  }

  /** 1: the transaction itself; each open savepoint adds one; 0: none is open. */
  get depth(): number {
    return this.frames.length;
  }

  /** Grows with everything that is added. */
  get version(): number {
    return this.changes;
  }

  /** Whether rows were inserted whose keys no source has told yet. */
  get awaitsNames(): boolean {
    return this.frames.some(({ unnamed }) => unnamed.size > 0);
  }

  /** A second BEGIN inside a transaction changes nothing, as in PostgreSQL. */
  begin(): void {
    if (!this.isOpen) this.push(undefined);
  }

  savepoint(name: string): void {
    this.push(name);
  }

  /** Keeps what was written since the savepoint, as a part of what surrounds it. */
  releaseSavepoint(name: string): void {
    const index = this.find(name);
    if (index === undefined) return;
    const parent = this.frames[index - 1];
    // SQLite: a savepoint outside a transaction is one; releasing it is seen as a commit.
    if (!parent) return;
    for (const frame of this.frames.splice(index)) merge(parent, frame);
  }

  /** Whether releasing this savepoint ends the transaction (SQLite, a savepoint without BEGIN). */
  endsWithSavepoint(name: string): boolean {
    return this.find(name) === 0;
  }

  /** Drops what was written since the savepoint, which itself stays open. */
  rollbackTo(name: string): void {
    const index = this.find(name);
    // A savepoint that was never seen: keep everything, a needless miss is harmless.
    if (index === undefined) return;
    this.frames.splice(index);
    this.push(name);
  }

  /** Ends the transaction and forgets what it wrote. */
  clear(): void {
    this.frames = [];
  }

  /** Adds to the innermost savepoint. */
  add(writes: WriteSet): void {
    this.frames.at(-1)?.writes.addAll(writes);
    this.changes += 1;
  }

  /** `count` rows were inserted into `table`, and the statement does not tell their keys. */
  addUnnamed(table: TableId, count: number): void {
    const unnamed = this.frames.at(-1)?.unnamed;
    unnamed?.set(table, (unnamed.get(table) ?? 0) + count);
    this.changes += 1;
  }

  /**
   * Another source tells a row's key: it stands for one of the inserted rows that had none, unless
   * it is one that was named before. Answers whether it does.
   *
   * Of which savepoint the row is, nobody tells. So it counts for the innermost one, and is kept by
   * the outermost that may have inserted it: whichever of them is rolled back, no row is missed.
   */
  nameInserted(table: TableId, values: readonly string[]): boolean {
    if (this.frames.some(({ writes }) => writes.names(table, values))) {
      return false;
    }
    const waiting = this.frames.filter(
      ({ unnamed }) => (unnamed.get(table) ?? 0) > 0,
    );
    const [outermost] = waiting;
    const innermost = waiting.at(-1);
    if (!outermost || !innermost) return false;
    outermost.writes.addRow(table, values);
    innermost.unnamed.set(table, (innermost.unnamed.get(table) ?? 0) - 1);
    this.changes += 1;
    return true;
  }

  /** All that a COMMIT would now make visible; to be read before anything is added. */
  pending(): WriteSet {
    const [only, ...others] = this.frames;
    if (only && others.length === 0 && only.unnamed.size === 0) {
      return only.writes;
    }
    const all = new WriteSet(this.maxRowsPerTable);
    for (const { writes, unnamed } of this.frames) {
      all.addAll(writes);
      for (const [table, count] of unnamed) {
        if (count > 0) all.addEveryRow(table);
      }
    }
    return all;
  }

  private push(savepoint: string | undefined): void {
    this.frames.push({
      savepoint,
      writes: new WriteSet(this.maxRowsPerTable),
      unnamed: new Map(),
    });
  }

  private find(savepoint: string): number | undefined {
    const index = this.frames.findLastIndex(
      frame => frame.savepoint === savepoint,
    );
    return index === -1 ? undefined : index;
  }
}

function merge(into: Frame, from: Frame): void {
  into.writes.addAll(from.writes);
  for (const [table, count] of from.unnamed) {
    into.unnamed.set(table, (into.unnamed.get(table) ?? 0) + count);
  }
}
