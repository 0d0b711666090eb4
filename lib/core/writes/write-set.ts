import {
  everyRowIdentifier,
  EVERYTHING,
  type Identifier,
  rowIdentifier,
  type TableId,
  tableIdentifier,
} from '../identifiers/identifier.js';

interface TableWrites {
  /** Rows named so far, by identifier; dropped once all rows count. */
  rows: Set<Identifier>;
  everyRow: boolean;
  /** Whether a row of this table itself was written, or only a child of one. */
  written: boolean;
}

/**
 * What one transaction, savepoint or statement wrote.
 *
 * Grows only, and stays small: where more than `maxRowsPerTable` rows of one table are named, all
 * rows of the table count instead; 0: they always do.
 */
export class WriteSet {
  private readonly tables = new Map<TableId, TableWrites>();
  private anything = false;

  constructor(private readonly maxRowsPerTable: number) {}

  get isEmpty(): boolean {
    return !this.anything;
  }

  /** A write that touches no table that is known: it still counts as "any write at all". */
  addAnything(): void {
    this.anything = true;
  }

  /** A row of `table` was written; `values` are its canonical key. */
  addRow(table: TableId, values: readonly string[]): void {
    const entry = this.entry(table);
    entry.written = true;
    this.name(entry, rowIdentifier(table, values));
  }

  /** Rows of `table` were written, and nobody knows which. */
  addEveryRow(table: TableId): void {
    const entry = this.entry(table);
    entry.written = true;
    widen(entry);
  }

  /** `table` was written, whichever rows; used where the rows are named elsewhere. */
  addTable(table: TableId): void {
    this.entry(table).written = true;
  }

  /** A child of this row was written: the row's answers change, the table's lists do not. */
  addParentRow(table: TableId, values: readonly string[]): void {
    this.name(this.entry(table), rowIdentifier(table, values));
  }

  /** A child of some row of `table` was written, and nobody knows of which. */
  addEveryParentRow(table: TableId): void {
    widen(this.entry(table));
  }

  addAll(other: WriteSet): void {
    this.anything ||= other.anything;
    for (const [table, writes] of other.tables) {
      if (!this.tables.has(table) && writes.rows.size <= this.maxRowsPerTable) {
        // A set is copied as a whole, much faster than row by row.
        this.tables.set(table, { ...writes, rows: new Set(writes.rows) });
        continue;
      }
      const entry = this.entry(table);
      entry.written ||= writes.written;
      if (writes.everyRow) widen(entry);
      for (const row of writes.rows) this.name(entry, row);
    }
  }

  /** Whether this very row is named; not where it only counts among all rows of its table. */
  names(table: TableId, values: readonly string[]): boolean {
    return (
      this.tables.get(table)?.rows.has(rowIdentifier(table, values)) ?? false
    );
  }

  /** The tables of which rows were written, not only children of them. */
  tablesWritten(): readonly TableId[] {
    return [...this.tables].flatMap(([table, { written }]) =>
      written ? [table] : [],
    );
  }

  /** The identifiers whose tokens change, each once. */
  identifiers(): readonly Identifier[] {
    if (!this.anything) return [];
    const identifiers: Identifier[] = [];
    for (const [table, writes] of this.tables) {
      identifiers.push(...writes.rows);
      if (writes.everyRow) identifiers.push(everyRowIdentifier(table));
      if (writes.written) identifiers.push(tableIdentifier(table));
    }
    identifiers.push(EVERYTHING);
    return identifiers;
  }

  private entry(table: TableId): TableWrites {
    this.anything = true;
    let entry = this.tables.get(table);
    if (!entry) {
      entry = { rows: new Set(), everyRow: false, written: false };
      this.tables.set(table, entry);
    }
    return entry;
  }

  private name(entry: TableWrites, row: Identifier): void {
    if (entry.everyRow) return;
    entry.rows.add(row);
    if (entry.rows.size > this.maxRowsPerTable) widen(entry);
  }
}

function widen(entry: TableWrites): void {
  entry.everyRow = true;
  entry.rows.clear();
}
