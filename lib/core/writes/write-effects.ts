import { type TableId } from '../identifiers/identifier.js';
import { canonicalKeyValue } from '../identifiers/key-value.js';
import {
  canonicalKey,
  type Reference,
  type Schema,
  type Table,
} from '../identifiers/schema.js';
import { everyTableReached, type ParentChange } from './cascades.js';
import { operandValue, type Parameters, UNTOLD } from './operand-value.js';
import { type Row, rowsPinned, columnsPinned } from './pinned-rows.js';
import {
  type Alternative,
  type DeleteWrite,
  type InsertWrite,
  type Operand,
  type Statement,
  type TableWrite,
  type UpdateWrite,
} from './statement.js';
import { rowsTold, type WriteOutcome } from './write-outcome.js';
import { WriteSet } from './write-set.js';

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

  constructor(
    private readonly schema: Schema,
    private readonly parameters: Parameters,
    private readonly options: EffectOptions,
  ) {
    this.writes = new WriteSet(options.maxRowsPerTable);
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
    const keys = this.insertedKeys(write, table, outcome);
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
      return this.insertedParents(write, reference, returned);
    });
  }

  private insertedKeys(
    write: InsertWrite,
    table: Table,
    outcome: WriteOutcome | undefined,
  ): {
    readonly named: readonly (readonly string[])[];
    readonly unnamed: number;
    readonly everyRow: boolean;
  } {
    // Rows that were there already and went, or were left under another key, are told by nobody.
    const losesKeys =
      write.onConflict === 'replace' ||
      this.changesKey(table, write.conflictAssignments);
    const told = outcome && this.keysTold(write, table, outcome);
    if (told) return { named: told, unnamed: 0, everyRow: losesKeys };
    const { tuples } = write;
    if (!tuples) return { named: [], unnamed: 0, everyRow: true };
    const named: (readonly string[])[] = [];
    let unnamed = 0;
    for (const tuple of tuples) {
      const key = this.tupleKey(write, tuple, table);
      if (key === 'untold') return { named, unnamed: 0, everyRow: true };
      if (key === 'generated') unnamed += 1;
      else named.push(key);
    }
    const conflict =
      losesKeys ||
      (write.onConflict === 'update' && !this.conflictsOnKey(write, table)) ||
      // How many rows were skipped is not told, and no other source tells it right.
      (write.onConflict === 'ignore' && unnamed > 0 && outcome !== undefined);
    return conflict
      ? { named, unnamed: 0, everyRow: true }
      : { named, unnamed, everyRow: false };
  }

  private tupleKey(
    write: InsertWrite,
    tuple: readonly Operand[],
    table: Table,
  ): readonly string[] | 'generated' | 'untold' {
    const values: unknown[] = [];
    for (const column of table.key) {
      const operand = this.inserted(write, tuple, column.name);
      if (operand === undefined) return 'untold';
      const value = operandValue(operand, this.parameters);
      const empty =
        operand.kind === 'default' ||
        value === null ||
        // MySQL reads 0 in an AUTO_INCREMENT column as "the next one".
        (column.generated && canonicalKeyValue(column.kind, value) === '0');
      if (empty) return 'generated';
      values.push(value);
    }
    return canonicalKey(table.key, values) ?? 'untold';
  }

  /** The operand of a column in a tuple; `undefined` where the statement does not list columns. */
  private inserted(
    write: InsertWrite,
    tuple: readonly Operand[],
    column: string,
  ): Operand | undefined {
    if (!write.columns) return undefined;
    const index = write.columns.findIndex(name =>
      this.schema.sameColumn(name, column),
    );
    return index === -1 ? { kind: 'default' } : tuple[index];
  }

  private conflictsOnKey(write: InsertWrite, table: Table): boolean {
    const { conflictColumns } = write;
    return (
      conflictColumns?.length === table.key.length &&
      table.key.every(({ name }) =>
        conflictColumns.some(column => this.schema.sameColumn(column, name)),
      )
    );
  }

  private changesKey(
    table: Table,
    assignments: ReadonlyMap<string, Operand>,
  ): boolean {
    return table.key.some(
      ({ name }) => this.schema.columnOf(assignments, name) !== undefined,
    );
  }

  /** Rows that refer to columns that get other values: the key, or another that is unique. */
  private addFollowers(
    table: Table,
    assignments: ReadonlyMap<string, Operand>,
  ): void {
    const columns = this.schema
      .childrenOf(table.id)
      .flatMap(({ parentColumns }) => parentColumns)
      .filter(name => this.schema.columnOf(assignments, name) !== undefined);
    if (columns.length > 0) this.addCascade(table, 'key-change', columns);
  }

  private insertedParents(
    write: InsertWrite,
    reference: Reference,
    returned: readonly Row[] | undefined,
  ): readonly (readonly string[])[] | 'untold' {
    if (returned) {
      const rows = returned.map(row => this.parentOf(reference, row));
      if (!rows.includes(undefined)) return definite(rows);
    }
    if (!write.tuples) return 'untold';
    const parents: (readonly string[])[] = [];
    for (const tuple of write.tuples) {
      const operands = reference.columns.map(column =>
        this.inserted(write, tuple, column),
      );
      const parent = this.parentFrom(reference, operands);
      if (parent === 'untold') return 'untold';
      if (parent) parents.push(parent);
    }
    return parents;
  }

  private addUpdate(
    write: UpdateWrite,
    table: Table,
    outcome: WriteOutcome | undefined,
  ): void {
    const assigned = (column: string): Operand | undefined =>
      this.schema.columnOf(write.assignments, column);
    const renames = this.changesKey(table, write.assignments);
    // RETURNING tells the keys that rows have now, not those they had.
    const told =
      (outcome && !renames && this.keysTold(write, table, outcome)) ||
      (keysOf(table, outcome?.before) ?? this.pinnedKeys(write.where, table));
    this.addRows(table, told);
    if (renames) {
      const newKey = table.key.map(({ name }) => assigned(name));
      this.addRenamedRows(table, newKey, told);
    }
    this.addFollowers(table, write.assignments);
    this.eachParent(table, reference => {
      const operands = reference.columns.map(assigned);
      const before = this.parentsBefore(write.where, reference, outcome);
      if (before === 'untold') return 'untold';
      if (operands.every(operand => operand === undefined)) return before;
      const after = this.parentFrom(reference, operands);
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
      (outcome && this.keysTold(write, table, outcome)) ??
        keysOf(table, outcome?.before) ??
        this.pinnedKeys(write.where, table),
    );
    this.addCascade(table, 'delete');
    this.eachParent(table, reference =>
      this.parentsBefore(write.where, reference, outcome),
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

  /** The keys that the driver told, where it told that of each row. */
  private keysTold(
    { returning }: InsertWrite | UpdateWrite | DeleteWrite,
    table: Table,
    outcome: WriteOutcome,
  ): readonly (readonly string[])[] | undefined {
    const keys = keysOf(table, rowsTold(returning, outcome));
    if (keys) return keys;
    const generated = outcome.generatedKeys?.map(value =>
      canonicalKey(table.key, [value]),
    );
    return generated && !generated.includes(undefined)
      ? definite(generated)
      : undefined;
  }

  private pinnedKeys(
    where: readonly Alternative[] | undefined,
    table: Table,
  ): readonly (readonly string[])[] | undefined {
    return rowsPinned(
      where,
      table.key,
      this.parameters,
      this.schema,
      this.options.maxRowsPerTable,
    );
  }

  private parentsBefore(
    where: readonly Alternative[] | undefined,
    reference: Reference,
    outcome: WriteOutcome | undefined,
  ): readonly (readonly string[])[] | 'untold' {
    if (outcome?.before) {
      const parents = outcome.before.map(row => this.parentOf(reference, row));
      return parents.includes(undefined) ? 'untold' : definite(parents);
    }
    const key = this.parentKey(reference);
    return (
      (key &&
        columnsPinned(
          where,
          reference.columns.map((name, index) => ({
            name,
            kind: key[index]?.kind ?? { kind: 'opaque' },
          })),
          this.parameters,
          this.schema,
          this.options.maxRowsPerTable,
        )) ??
      'untold'
    );
  }

  /** The parent in a row that was read; `[]` where it has none, `undefined` where it is not told. */
  private parentOf(
    reference: Reference,
    row: Row,
  ): readonly string[] | undefined {
    const values = reference.columns.map(column =>
      this.schema.columnOf(row, column),
    );
    if (values.includes(null)) return [];
    const key = this.parentKey(reference);
    return values.includes(undefined) || !key
      ? undefined
      : canonicalKey(key, values);
  }

  /** The parent that a statement assigns; `undefined`: none. */
  private parentFrom(
    reference: Reference,
    operands: readonly (Operand | undefined)[],
  ): readonly string[] | undefined | 'untold' {
    const values: unknown[] = [];
    for (const operand of operands) {
      if (operand === undefined) return 'untold';
      if (operand.kind === 'default') {
        if (reference.hasDefault) return 'untold';
        return undefined;
      }
      values.push(operandValue(operand, this.parameters));
    }
    if (values.includes(null)) return undefined;
    const key = this.parentKey(reference);
    return (key && canonicalKey(key, values)) ?? 'untold';
  }

  /** The parent's key columns, if it is the key that the reference holds and not another column. */
  private parentKey(reference: Reference): Table['key'] | undefined {
    const key = this.schema.table(reference.parent)?.key;
    return key?.length === reference.parentColumns.length &&
      key.every(({ name }, index) => name === reference.parentColumns[index])
      ? key
      : undefined;
  }

  private eachParent(
    table: Table,
    parents: (
      reference: Reference,
    ) => readonly (readonly string[])[] | 'untold',
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

function keysOf(
  table: Table,
  rows: readonly Row[] | undefined,
): readonly (readonly string[])[] | undefined {
  const keys = rows?.map(row =>
    canonicalKey(
      table.key,
      table.key.map(({ name }) => row.get(name)),
    ),
  );
  return keys && !keys.includes(undefined) ? definite(keys) : undefined;
}

function definite<T>(values: readonly (T | undefined)[]): readonly T[] {
  return values.filter(value => value !== undefined);
}
