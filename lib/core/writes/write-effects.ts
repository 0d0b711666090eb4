import { type TableId } from '../identifiers/identifier.js';
import {
  canonicalKey,
  type Reference,
  type Schema,
  type Table,
} from '../identifiers/schema.js';
import { everyTableReached, type ParentChange } from './cascades.js';
import { operandValue, type Parameters, UNTOLD } from './operand-value.js';
import {
  type DeleteWrite,
  type InsertWrite,
  type Operand,
  type Statement,
  type TableWrite,
  type UpdateWrite,
} from './statement.js';
import { rowsTold, type WriteOutcome } from './write-outcome.js';
import { WriteSet } from './write-set.js';
import { WrittenKeys } from './written-keys.js';
import { type Parents, WrittenParents } from './written-parents.js';

export interface EffectOptions {
  readonly maxRowsPerTable: number;
  /** Whether a child's write touches its parents' rows. */
  readonly parents: boolean;
  readonly onUnknownWrite: 'all' | 'warn';
  /** Tables that triggers write when a table is written. */
  readonly derived?: ReadonlyMap<TableId, readonly TableId[]> | undefined;
}

/** What a statement changes. */
export interface Effects {
  readonly writes: WriteSet;
  /** Tables that get rows whose keys the database chooses, and how many; not told yet. */
  readonly unnamed: ReadonlyMap<TableId, number>;
}

/**
 * What a statement will change, as far as its text, its parameters and, once it ran, its outcome
 * tell. Without an outcome it names at least as much as with one: rows whose keys are not told are
 * counted in `unnamed`, everything else that is not told widens to the table.
 */
export function effectsOf(
  statement: Statement,
  parameters: Parameters,
  outcome: WriteOutcome | undefined,
  schema: Schema,
  options: EffectOptions,
): Effects {
  const effects = new EffectCollector(schema, parameters, options);
  const told = statement.answersForWrite ? outcome : undefined;
  for (const write of statement.writes) effects.add(write, told);
  if (statement.unknown !== undefined && options.onUnknownWrite === 'all') {
    effects.addEverything();
  }
  effects.addDerived(statement);
  return effects;
}

class EffectCollector implements Effects {
  readonly writes: WriteSet;
  readonly unnamed = new Map<TableId, number>();
  private readonly keys: WrittenKeys;
  private readonly parents: WrittenParents;

  constructor(
    private readonly schema: Schema,
    private readonly parameters: Parameters,
    private readonly options: EffectOptions,
  ) {
    const { maxRowsPerTable } = options;
    this.writes = new WriteSet(maxRowsPerTable);
    this.keys = new WrittenKeys(schema, parameters, maxRowsPerTable);
    this.parents = new WrittenParents(schema, parameters, maxRowsPerTable);
  }

  add(write: TableWrite, outcome: WriteOutcome | undefined): void {
    const tables = this.schema.named(write.table);
    if (tables.length === 0) {
      // No entity, but a view may read it.
      this.writes.addEveryRow(this.schema.unmapped(write.table));
    }
    for (const table of tables) {
      // What a trigger writes in place of a view is not counted.
      if (table.reads) this.addThroughView(table.id, table.reads);
      else if (outcome?.affected !== 0) this.addToTable(write, table, outcome);
    }
  }

  addEverything(): void {
    this.writes.addAnything();
    for (const { id } of this.schema.tables) this.writes.addEveryRow(id);
  }

  /**
   * What triggers write. Those that run once a statement run where it touched no row, too, and those
   * of a derived table run in their turn.
   */
  addDerived({ writes }: Statement): void {
    const { derived } = this.options;
    if (!derived || derived.size === 0) return;
    const sources = new Set([
      ...this.writes.tablesWritten(),
      ...writes.flatMap(({ table }) =>
        this.schema.named(table).map(({ id }) => id),
      ),
    ]);
    // A set goes on to what is added while it is walked through.
    for (const source of sources) {
      for (const id of derived.get(source) ?? []) {
        const table = this.schema.table(id);
        if (table) this.addOpaque(table);
        sources.add(id);
        for (const written of this.writes.tablesWritten()) sources.add(written);
      }
    }
  }

  private addThroughView(view: TableId, reads: readonly TableId[]): void {
    for (const id of [view, ...reads]) {
      const table = this.schema.table(id);
      if (table) this.addOpaque(table);
      else this.writes.addEveryRow(id);
    }
  }

  private addToTable(
    write: TableWrite,
    table: Table,
    outcome: WriteOutcome | undefined,
  ): void {
    switch (write.verb) {
      case 'insert':
        this.addInsert(write, table, outcome);
        break;
      case 'update':
        this.addUpdate(write, table, outcome);
        break;
      case 'delete':
        this.addDelete(write, table, outcome);
        break;
      case 'truncate':
        this.addOpaque(table, write.cascade ? 'truncate' : 'delete');
        break;
      case 'opaque':
        this.addOpaque(table);
        break;
    }
  }

  /** Rows of `table` went, came or changed, and nobody knows which. */
  private addOpaque(
    table: Table,
    how: 'truncate' | 'delete' | 'any' = 'any',
  ): void {
    this.writes.addEveryRow(table.id);
    this.addEveryParent(table);
    this.addCascade(table, how);
  }

  private addInsert(
    write: InsertWrite,
    table: Table,
    outcome: WriteOutcome | undefined,
  ): void {
    const returned = rowsTold(write.returning, outcome);
    const keys = this.keys.inserted(write, table, outcome);
    this.writes.addTable(table.id);
    if (keys.everyRow) this.writes.addEveryRow(table.id);
    for (const key of keys.named) this.writes.addRow(table.id, key);
    if (keys.unnamed > 0) {
      this.unnamed.set(
        table.id,
        (this.unnamed.get(table.id) ?? 0) + keys.unnamed,
      );
    }
    if (write.onConflict === 'replace') this.addCascade(table, 'delete');
    this.addFollowers(table, write.conflictAssignments);
    this.eachParent(table, reference => {
      // A row that was there already keeps a parent that the statement does not name.
      if (write.onConflict === 'update' || write.onConflict === 'replace') {
        return 'untold';
      }
      return this.parents.inserted(write, reference, returned);
    });
  }

  /** Rows that refer to columns that get other values: the key, or another that is unique. */
  private addFollowers(
    table: Table,
    assignments: ReadonlyMap<string, Operand>,
  ): void {
    if (assignments.size === 0) return;
    const columns = this.schema
      .childrenOf(table.id)
      .flatMap(({ parentColumns }) => parentColumns)
      .filter(name => this.schema.columnOf(assignments, name) !== undefined);
    if (columns.length > 0) this.addCascade(table, 'key-change', columns);
  }

  private addUpdate(
    write: UpdateWrite,
    table: Table,
    outcome: WriteOutcome | undefined,
  ): void {
    const assigned = (column: string): Operand | undefined =>
      this.schema.columnOf(write.assignments, column);
    const renames = this.keys.changed(table, write.assignments);
    // RETURNING tells the keys that rows have now, not those they had.
    const told =
      (outcome && !renames && this.keys.told(write, table, outcome)) ||
      (this.keys.of(table, outcome?.before) ??
        this.keys.pinned(write.where, table));
    this.addRows(table, told);
    if (renames) {
      const newKey = table.key.map(({ name }) => assigned(name));
      this.addRenamedRows(table, newKey, told);
    }
    this.addFollowers(table, write.assignments);
    this.eachParent(table, reference => {
      const operands = reference.columns.map(assigned);
      const before = this.parents.before(write.where, reference, outcome);
      if (before === 'untold') return 'untold';
      if (operands.every(operand => operand === undefined)) return before;
      const after = this.parents.assigned(reference, operands);
      if (after === 'untold') return 'untold';
      return after ? [...before, after] : before;
    });
  }

  /** The rows under the keys that they get; those they had are added by the caller. */
  private addRenamedRows(
    table: Table,
    newKey: readonly (Operand | undefined)[],
    old: readonly (readonly string[])[] | undefined,
  ): void {
    for (const oldKey of old ?? []) {
      const values = newKey.map((operand, index) =>
        operand ? operandValue(operand, this.parameters) : oldKey[index],
      );
      const key = values.includes(UNTOLD)
        ? undefined
        : canonicalKey(table.key, values);
      if (key) this.writes.addRow(table.id, key);
      else this.writes.addEveryRow(table.id);
    }
  }

  private addDelete(
    write: DeleteWrite,
    table: Table,
    outcome: WriteOutcome | undefined,
  ): void {
    this.addRows(
      table,
      (outcome && this.keys.told(write, table, outcome)) ??
        this.keys.of(table, outcome?.before) ??
        this.keys.pinned(write.where, table),
    );
    this.addCascade(table, 'delete');
    this.eachParent(table, reference =>
      this.parents.before(write.where, reference, outcome),
    );
  }

  private addRows(
    table: Table,
    keys: readonly (readonly string[])[] | undefined,
  ): void {
    if (!keys) this.writes.addEveryRow(table.id);
    else {
      this.writes.addTable(table.id);
      for (const key of keys) this.writes.addRow(table.id, key);
    }
  }

  private eachParent(
    table: Table,
    parents: (reference: Reference) => Parents,
  ): void {
    if (!this.options.parents) return;
    for (const reference of this.schema.parentsOf(table.id)) {
      const rows = parents(reference);
      if (rows === 'untold') this.writes.addEveryParentRow(reference.parent);
      else {
        for (const row of rows) {
          if (row.length > 0) this.writes.addParentRow(reference.parent, row);
        }
      }
    }
  }

  private addEveryParent(table: Table): void {
    this.eachParent(table, () => 'untold');
  }

  private addCascade(
    table: Table,
    how: ParentChange,
    columns?: readonly string[],
  ): void {
    const reached = everyTableReached(this.schema, table.id, how, columns);
    for (const [id, arrivals] of reached) {
      this.writes.addEveryRow(id);
      const child = this.schema.table(id);
      if (!child) continue;
      // Rows reached by one reference alone have for parents, by that one, the rows it began with;
      // unless it leaves them to a default.
      const [only] = arrivals.size === 1 ? arrivals : [];
      this.eachParent(child, reference =>
        reference === only && !setsDefault(reference) ? [] : 'untold',
      );
    }
  }
}

function setsDefault({ onDelete, onUpdate }: Reference): boolean {
  return onDelete === 'set-default' || onUpdate === 'set-default';
}
