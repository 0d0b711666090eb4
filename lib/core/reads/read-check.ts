import { type Dependency } from '../identifiers/dependency.js';
import {
  EVERYTHING,
  namesRow,
  parseIdentifier,
  type TableId,
  tableIdentifier,
} from '../identifiers/identifier.js';
import { type Schema } from '../identifiers/schema.js';
import { type ReadObserver, type ToldRead } from './read-observer.js';

/** Takes down which tables are read, to be compared with what was declared. */
export class ReadCheck implements ReadObserver {
  closed = false;
  readonly wantsTokens = false;
  readonly #read = new Map<TableId, ReadTable>();

  unknownOf(): readonly never[] {
    return [];
  }

  learn(): void {}

  sawRead(read: ToldRead, _rowCount: unknown, schema: Schema): void {
    this.#add(read.tables, schema);
    this.#add(
      read.rows.map(({ table }) => table),
      schema,
    );
  }

  dependsOn(dependencies: readonly Dependency[]): void {
    this.#add(dependencies, undefined);
  }

  livesFor(): void {}

  sawBegin(): void {}

  maySee(): boolean {
    return true;
  }

  refuse(): void {}

  /**
   * The tables that were read and that nothing declared covers: neither the table or a row of it, nor,
   * where `parents` says that a child's write touches its parents' rows, a row of one of its parents.
   */
  close(declared: readonly Dependency[], parents: boolean): readonly TableId[] {
    this.closed = true;
    const identifiers = new Set(declared.flatMap(({ reads }) => reads));
    if (identifiers.has(EVERYTHING)) return [];
    const rowsOf = new Set<TableId>();
    for (const identifier of identifiers) {
      const table = namesRow(identifier) && tableOf(identifier);
      if (table) rowsOf.add(table);
    }
    const isCovered = (table: TableId, schema: Schema | undefined): boolean =>
      identifiers.has(tableIdentifier(table)) ||
      rowsOf.has(table) ||
      (parents &&
        (schema?.parentsOf(table).some(({ parent }) => rowsOf.has(parent)) ??
          false));
    return [...this.#read]
      .filter(
        ([table, { schema, bases }]) =>
          !isCovered(table, schema) &&
          !(bases.length > 0 && bases.every(base => isCovered(base, schema))),
      )
      .map(([table]) => table);
  }

  #add(dependencies: readonly Dependency[], schema: Schema | undefined): void {
    for (const { identifier, reads } of dependencies) {
      const table = tableOf(identifier);
      if (!table || this.#read.get(table)?.schema) continue;
      const bases = namesRow(identifier)
        ? []
        : reads.slice(1).flatMap(base => tableOf(base) ?? []);
      this.#read.set(table, { schema, bases });
    }
  }
}

interface ReadTable {
  /** Knows its parents. */
  readonly schema: Schema | undefined;
  /** The tables that a view reads. */
  readonly bases: readonly TableId[];
}

function tableOf(identifier: string): TableId | undefined {
  const parsed = parseIdentifier(identifier);
  return parsed && 'table' in parsed ? parsed.table : undefined;
}
