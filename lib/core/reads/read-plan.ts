import { type Schema } from '../identifiers/schema.js';
import { analyseSql } from '../writes/analyse-sql.js';
import { everyMention } from '../writes/mentioned-tables.js';
import {
  nameOf,
  type Passage,
  type Range,
  takeAlias,
  WordCursor,
} from '../writes/passage.js';
import { readCondition } from '../writes/read-condition.js';
import {
  readTableReferences,
  type TableReference,
} from '../writes/read-tables.js';
import { splitStatements } from '../writes/split-statements.js';
import { readWords } from '../writes/sql-words.js';
import {
  type Dialect,
  type RowFilter,
  type TableName,
} from '../writes/statement.js';
import { impurity } from './pure-words.js';

/** A table of which a statement sees only the rows that its WHERE names. */
export interface NarrowedTable {
  readonly table: TableName;
  readonly where: RowFilter;
}

/** A column that a statement names with its table. */
export interface TableColumn {
  readonly table: TableName;
  readonly column: string;
}

/** What every table of PostgreSQL has. */
const SYSTEM_COLUMNS = new Set('tableoid ctid xmin xmax cmin cmax'.split(' '));

/** What a SQL text reads, as far as it alone tells. */
export type ReadPlan =
  | {
      readonly kind: 'query';
      /** Every table that it mentions, as often as it does. */
      readonly mentions: readonly TableName[];
      readonly narrowed: readonly NarrowedTable[];
      /** Of PostgreSQL: what is written as a column of a table, `t.name`, and calls a function where it is none. */
      readonly columns: readonly TableColumn[];
    }
  /** Begins a transaction or a savepoint, ends one, or says what it sees of others: reads nothing. */
  | { readonly kind: 'control'; readonly begins: boolean }
  /** Writes, or may. */
  | { readonly kind: 'write' }
  /** What it answers may depend on more than tables and parameters. */
  | { readonly kind: 'unknown'; readonly reason: string };

const QUERY_VERBS = ['SELECT', 'WITH', 'VALUES', 'TABLE', '('];

/** Words that join the rows of several into one, or queries into one. */
const COMBINING = [
  'GROUP',
  'HAVING',
  'UNION',
  'INTERSECT',
  'EXCEPT',
  'WINDOW',
] as const;

/** What stands after the tables and the condition of a SELECT. */
const TAIL = ['ORDER', 'LIMIT', 'OFFSET', 'FETCH'] as const;

const STRUCTURE: ReadonlySet<string> = new Set([
  'FROM',
  'WHERE',
  ...COMBINING,
  ...TAIL,
]);

const AGGREGATES = new Set([
  'COUNT',
  'SUM',
  'AVG',
  'MIN',
  'MAX',
  'TOTAL',
  'GROUP_CONCAT',
  'STRING_AGG',
  'ARRAY_AGG',
  'JSON_AGG',
  'JSONB_AGG',
  'JSON_OBJECTAGG',
  'JSON_ARRAYAGG',
  'BOOL_AND',
  'BOOL_OR',
  'EVERY',
]);

/** Tells what a SQL text reads. Never throws. */
export function planRead(sql: string, dialect: Dialect): ReadPlan {
  const { statements } = analyseSql(sql, dialect);
  const [statement, ...others] = statements;
  if (!statement || others.length > 0) {
    return statements.every(isSilent)
      ? unknown('several statements in one text')
      : { kind: 'write' };
  }
  const { control } = statement;
  if (control !== undefined) {
    return { kind: 'control', begins: control.kind === 'begin' };
  }
  if (!isSilent(statement)) return { kind: 'write' };
  if (statement.locks) {
    return isolates(sql, dialect)
      ? { kind: 'control', begins: false }
      : unknown('it takes locks, or depends on the session');
  }
  return planQuery(sql, dialect);
}

const LEVELS = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'].map(
  level => `SET TRANSACTION ISOLATION LEVEL ${level}`,
);

/** What TypeORM sends for the isolation levels under which only what was committed is read. */
const ISOLATING: Readonly<Record<Dialect, readonly string[]>> = {
  postgres: LEVELS,
  mysql: LEVELS,
  sqlite: ['PRAGMA READ_UNCOMMITTED = FALSE'],
};

/** Whether a statement sets such a level, and nothing else. */
function isolates(sql: string, dialect: Dialect): boolean {
  const { words } = readWords(sql, dialect);
  return ISOLATING[dialect].includes(words.map(({ key }) => key).join(' '));
}

function isSilent({
  control,
  writes,
  unknown: reason,
  commitsImplicitly,
}: ReturnType<typeof analyseSql>['statements'][number]): boolean {
  return (
    control === undefined &&
    writes.length === 0 &&
    reason === undefined &&
    !commitsImplicitly
  );
}

function planQuery(sql: string, dialect: Dialect): ReadPlan {
  const words = readWords(sql, dialect);
  if (words.ambiguous || words.conditional) {
    return unknown('how it is read depends on the settings of the server');
  }
  const { passage, statements } = splitStatements(sql, dialect, words);
  const [range] = statements;
  if (!range) return unknown('there is no statement');
  const cursor = new WordCursor(passage, range);
  if (!cursor.is(...QUERY_VERBS)) return unknown('it is no query');
  const reason = impurity(passage, range);
  if (reason !== undefined) return unknown(reason);
  const { references, complete } = everyMention(passage, range);
  if (!complete) return unknown('a table that it reads is not told');
  return {
    kind: 'query',
    mentions: references.map(({ table }) => table),
    columns:
      dialect === 'postgres' ? columnsIn(passage, range, references) : [],
    narrowed:
      cursor.is('SELECT') && !namesKeyword(passage, range)
        ? narrowedTables(passage, range)
        : [],
  };
}

/**
 * The tables in the FROM of a plain SELECT, each with the rows that WHERE can match of it; of a query
 * that only picks from another, such as TypeORM's for a page of joined rows, those of the other.
 */
function narrowedTables(passage: Passage, range: Range): NarrowedTable[] {
  const cursor = new WordCursor(passage, range);
  const from = cursor.find('FROM');
  cursor.at = from + 1;
  if (cursor.find(...COMBINING) < range.to || countsRows(passage, range)) {
    return [];
  }
  const sources = { from: cursor.at, to: cursor.find('WHERE', ...TAIL) };
  const inner = soleQuery(passage, sources);
  if (inner) return narrowedTables(passage, inner);
  cursor.at = sources.to;
  if (!cursor.take('WHERE')) return [];
  const condition = { from: cursor.at, to: cursor.find(...TAIL) };
  return readTableReferences(passage, sources).map(target => ({
    table: target.table,
    where: readCondition(passage, condition, target),
  }));
}

/** The one query in brackets that a FROM consists of. */
function soleQuery(passage: Passage, sources: Range): Range | undefined {
  const cursor = new WordCursor(passage, sources);
  const inner = cursor.group();
  if (!inner || !new WordCursor(passage, inner).is('SELECT')) return undefined;
  takeAlias(cursor, new Set());
  return cursor.done ? inner : undefined;
}

/** Whether a name is written as a word is that structures a statement: `t.where`, `AS from`. */
function namesKeyword({ words }: Passage, { from, to }: Range): boolean {
  return words
    .slice(from, to)
    .some(
      ({ key }, index) =>
        STRUCTURE.has(key) &&
        ['.', 'AS'].includes(words[from + index - 1]?.key ?? ''),
    );
}

/** The columns of tables; those of subqueries and CTEs, which no schema knows, left out. */
function columnsIn(
  { words, dialect }: Passage,
  { from, to }: Range,
  references: readonly TableReference[],
): readonly TableColumn[] {
  const found: TableColumn[] = [];
  for (let index = from + 2; index < to; index += 1) {
    if (words[index - 1]?.key !== '.' || words[index + 1]?.key === '.')
      continue;
    const owner = nameOf(words[index - 2], dialect);
    const column = nameOf(words[index], dialect);
    if (owner === undefined || column === undefined) continue;
    if (SYSTEM_COLUMNS.has(column)) continue;
    for (const { table, alias } of references) {
      const isOwner = owner === alias || owner === table.name;
      if (isOwner) found.push({ table, column });
    }
  }
  return found;
}

/** Of such a statement the number of rows says nothing about which were found. */
function countsRows(
  { words, partners }: Passage,
  { from, to }: Range,
): boolean {
  for (let index = from; index < to; index += 1) {
    const opens = words[index + 1]?.key === '(';
    if (opens && AGGREGATES.has(words[index]?.key ?? '')) return true;
    // What a query in brackets counts are its own rows.
    if (opens && words[index + 2]?.key === 'SELECT') {
      index = partners[index + 1] ?? to;
    }
  }
  return false;
}

/** Why what is written as a column may call a function, which may read anything; `undefined`: it does not. */
export function unknownColumn(
  columns: readonly TableColumn[],
  schema: Schema,
): string | undefined {
  for (const { table: name, column } of columns) {
    for (const { columns: known } of schema.named(name)) {
      if (known && !known.has(column)) {
        return `no entity maps the column ${name.name}.${column}`;
      }
    }
  }
  return undefined;
}

function unknown(reason: string): ReadPlan {
  return { kind: 'unknown', reason };
}
