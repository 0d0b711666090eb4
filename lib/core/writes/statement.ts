/** The families of SQL this library reads. MariaDB counts as `mysql`, CockroachDB is not among them. */
export type Dialect = 'postgres' | 'mysql' | 'sqlite';

/** A table as a statement names it: unquoted, and folded as the dialect folds unquoted names. */
export interface TableName {
  readonly schema?: string;
  readonly name: string;
}

/**
 * A value in a statement, as far as its text tells. Which rows it is equal to depends on the
 * column's type: `'01'` is the integer 1, and MySQL finds `'1x'` equal to the number 1.
 */
export type Operand =
  /**
   * A bound parameter: a position from 0, or a name with its sign (`:id`, `@id`, `$id` in SQLite).
   * `each`: it must hold an array, whose values count one by one (`= ANY($1)` in PostgreSQL).
   */
  | {
      readonly kind: 'parameter';
      readonly at: number | string;
      readonly each?: true;
    }
  /** A whole number as written, so that no precision is lost; without `+` and leading zeros. */
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  /** `DEFAULT`, or a column that is not listed. */
  | { readonly kind: 'default' }
  /** Anything else: a function, a subquery, arithmetic, `1.0`, `X'ff'`, a string with a backslash. */
  | { readonly kind: 'expression' };

/**
 * One alternative of a WHERE clause: for each column that it pins down by `=` or `IN`, what the
 * column may equal. Terms that are not listed only narrow the rows further.
 */
export type Alternative = ReadonlyMap<string, readonly Operand[]>;

/** Which rows a WHERE clause can match: those of any alternative; `undefined`: not told, maybe all. */
export type RowFilter = readonly Alternative[] | undefined;

/** The columns of the written table that RETURNING gives back under their own names. */
export type Returned = 'all' | readonly string[];

export interface InsertWrite {
  readonly verb: 'insert';
  readonly table: TableName;
  /** `undefined`: the statement does not list them. */
  readonly columns: readonly string[] | undefined;
  /** The VALUES; `undefined`: rows come from a query, `TABLE t`, COPY or the like. */
  readonly tuples: readonly (readonly Operand[])[] | undefined;
  /**
   * What happens to a row that is there already: `replace` deletes it (SQLite, MariaDB `REPLACE`),
   * `update` changes it, `ignore` leaves it.
   */
  readonly onConflict: 'fail' | 'ignore' | 'update' | 'replace';
  /**
   * The columns of `ON CONFLICT (a, b)`: only a row that is equal in these can be changed. `undefined`:
   * any unique key may conflict, or the statement does not list them.
   */
  readonly conflictColumns: readonly string[] | undefined;
  /** Columns set by `DO UPDATE SET` or `ON DUPLICATE KEY UPDATE`. */
  readonly conflictAssignments: ReadonlyMap<string, Operand>;
  readonly returning: Returned | undefined;
}

export interface UpdateWrite {
  readonly verb: 'update';
  readonly table: TableName;
  readonly assignments: ReadonlyMap<string, Operand>;
  /** `undefined` for more than one table, `FROM`, `WHERE CURRENT OF` and what is not understood. */
  readonly where: RowFilter;
  readonly returning: Returned | undefined;
}

export interface DeleteWrite {
  readonly verb: 'delete';
  readonly table: TableName;
  readonly where: RowFilter;
  readonly returning: Returned | undefined;
}

export interface TruncateWrite {
  readonly verb: 'truncate';
  readonly table: TableName;
  readonly cascade: boolean;
}

/** Rows of this table may change in a way the statement does not tell: MERGE, multi-table, DDL. */
export interface OpaqueWrite {
  readonly verb: 'opaque';
  readonly table: TableName;
}

export type TableWrite =
  InsertWrite | UpdateWrite | DeleteWrite | TruncateWrite | OpaqueWrite;

export type TransactionControl =
  | { readonly kind: 'begin' }
  /** `chain`: a new transaction begins at once (`COMMIT AND CHAIN`). */
  | { readonly kind: 'commit'; readonly chain: boolean }
  | { readonly kind: 'rollback'; readonly chain: boolean }
  | { readonly kind: 'savepoint'; readonly name: string }
  | { readonly kind: 'release'; readonly name: string }
  | { readonly kind: 'rollback-to'; readonly name: string };

/** What one statement does, as far as its text tells. */
export interface Statement {
  readonly control: TransactionControl | undefined;
  readonly writes: readonly TableWrite[];
  /**
   * Whether what the driver answers, counted and returned rows, is about its one write. Not so for
   * a write in a CTE before a SELECT, EXPLAIN ANALYZE, TRUNCATE and definitions.
   */
  readonly answersForWrite: boolean;
  /** Why it may write what its text does not tell (`CALL`, `DO`, a word that is not known). */
  readonly unknown: string | undefined;
  /** MySQL and MariaDB: commits the open transaction before it runs (DDL, TRUNCATE, LOCK TABLES…). */
  readonly commitsImplicitly: boolean;
  /** Every table-like name that appears, CTEs left out, written ones included; may name too many, never too few. */
  readonly mentions: readonly TableName[];
  /** Takes row locks, or changes or asks session state, so that an answer from a cache would be wrong. */
  readonly locks: boolean;
}

/** The statements of one SQL text, in order. */
export interface Analysis {
  readonly statements: readonly Statement[];
  /** Neither writes, nor unknown, nor transaction control: nothing to do for a capture. */
  readonly harmless: boolean;
}
