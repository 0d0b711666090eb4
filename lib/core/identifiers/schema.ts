import { type TableId, tableId } from './identifier.js';
import { canonicalKeyValue, type KeyKind } from './key-value.js';

/** A primary key column, by its name in the database. */
export interface KeyColumn {
  readonly name: string;
  readonly kind: KeyKind;
  /** Whether the database chooses the value where an INSERT gives none. */
  readonly generated: boolean;
}

/** What happens to a child's rows when their parent's row goes or changes its key. */
export type ReferentialAction = 'none' | 'cascade' | 'set-null' | 'set-default';

/** Columns of a child that hold its parent's key. */
export interface Reference {
  readonly child: TableId;
  /** In the order of `parentColumns`. */
  readonly columns: readonly string[];
  readonly parent: TableId;
  readonly parentColumns: readonly string[];
  /** Whether the database fills a column of it in where an INSERT gives none. */
  readonly hasDefault: boolean;
  readonly onDelete: ReferentialAction;
  readonly onUpdate: ReferentialAction;
}

/** The little of a table that capture and keys need to know. */
export interface Table {
  readonly id: TableId;
  readonly name: string;
  readonly schema: string | undefined;
  readonly dataSource: string;
  /** In the order of the key; empty for a view without one. */
  readonly key: readonly KeyColumn[];
  /** By their names in the database; `undefined`: not known. */
  readonly columns?: ReadonlySet<string> | undefined;
  /** Tables a view reads, through any depth; `undefined`: a table, not a view. */
  readonly reads: readonly TableId[] | undefined;
  /** Why a view may show something else though nobody wrote to what it reads: it asks for the time. */
  readonly impure?: string | undefined;
}

/** A table as a statement names it. */
export interface NamedTable {
  readonly schema?: string;
  readonly name: string;
}

/**
 * The tables of one data source and how they refer to each other.
 *
 * Names are compared without case where `foldsCase` says that the database does (MySQL, SQLite).
 */
export class Schema {
  private readonly byId = new Map<TableId, Table>();
  private readonly byName = new Map<string, Table[]>();
  private readonly fromChild = new Map<TableId, Reference[]>();
  private readonly toParent = new Map<TableId, Reference[]>();

  constructor(
    readonly dataSource: string,
    readonly tables: readonly Table[],
    references: readonly Reference[],
    private readonly foldsCase: boolean,
  ) {
    for (const table of tables) {
      this.byId.set(table.id, table);
      append(this.byName, this.fold(table.name), table);
    }
    for (const reference of references) {
      append(this.fromChild, reference.child, reference);
      append(this.toParent, reference.parent, reference);
    }
  }

  table(id: TableId): Table | undefined {
    return this.byId.get(id);
  }

  /**
   * The tables that a statement may mean: those of exactly this schema and name, else those of
   * this name whose schema is not told on either side. More than one where that is ambiguous.
   */
  named(name: NamedTable): readonly Table[] {
    const sameName = this.byName.get(this.fold(name.name)) ?? [];
    const { schema } = name;
    if (schema === undefined) return sameName;
    const exact = sameName.filter(
      table =>
        table.schema !== undefined &&
        this.fold(table.schema) === this.fold(schema),
    );
    return exact.length > 0
      ? exact
      : sameName.filter(table => table.schema === undefined);
  }

  /** Names a table that no entity maps, whichever schema it is in, as a write or a view spells it. */
  unmapped({ name }: NamedTable): TableId {
    return tableId(this.fold(name), undefined, this.dataSource);
  }

  /** References that rows of `child` hold. */
  parentsOf(child: TableId): readonly Reference[] {
    return this.fromChild.get(child) ?? [];
  }

  /** References that other rows hold to rows of `parent`. */
  childrenOf(parent: TableId): readonly Reference[] {
    return this.toParent.get(parent) ?? [];
  }

  /** Whether two column names are one. */
  sameColumn(left: string, right: string): boolean {
    return this.fold(left) === this.fold(right);
  }

  /** A column's value in a record whose names are spelt as the database or the statement likes. */
  columnOf<V>(record: ReadonlyMap<string, V>, column: string): V | undefined {
    const direct = record.get(column);
    if (direct !== undefined || !this.foldsCase) return direct;
    for (const [name, value] of record) {
      if (this.sameColumn(name, column)) return value;
    }
    return undefined;
  }

  private fold(name: string): string {
    return this.foldsCase ? name.toLowerCase() : name;
  }
}

/** The canonical values of a row's key, or `undefined` where one of them cannot be named. */
export function canonicalKey(
  key: readonly KeyColumn[],
  values: readonly unknown[],
): readonly string[] | undefined {
  if (key.length === 0 || values.length !== key.length) return undefined;
  const canonical: string[] = [];
  for (const [index, column] of key.entries()) {
    const value = canonicalKeyValue(column.kind, values[index]);
    if (value === undefined) return undefined;
    canonical.push(value);
  }
  return canonical;
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
