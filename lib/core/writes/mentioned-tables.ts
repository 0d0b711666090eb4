import {
  type Passage,
  type Range,
  WordCursor,
  isDistinctFrom,
  takeAlias,
  takeTableName,
} from './passage.js';
import { type TableReference } from './read-tables.js';
import { splitStatements } from './split-statements.js';
import { readWords } from './sql-words.js';
import { type Dialect, type TableName } from './statement.js';

/**
 * Every table that a text reads, views among them; CTEs left out. May name too many (`utf8` of
 * `CONVERT(a USING utf8)`), never too few, but for what the text does not say: the tables that a
 * function or a view reads. Targets of writes other than a plain UPDATE or DELETE are told by
 * `Statement.writes` only.
 */
export function mentionedTables(sql: string, dialect: Dialect): TableName[] {
  const words = readWords(sql, dialect);
  const { passage, statements } = splitStatements(sql, dialect, words);
  return distinctTables(
    statements.flatMap(range => mentionsIn(passage, range)),
  );
}

/** The tables that one statement reads, as `mentionedTables`. */
export function mentionsIn(passage: Passage, range: Range): TableName[] {
  return distinctTables(
    everyMention(passage, range).references.map(({ table }) => table),
  );
}

/** The tables that one statement reads. */
export interface Mentions {
  /** Each as often as it is mentioned; the word behind it may be an alias, or another word. */
  readonly references: readonly TableReference[];
  /** Whether a name was found wherever a table was expected. */
  readonly complete: boolean;
}

/** The same as `mentionsIn`, each table as often as it is mentioned. */
export function everyMention(passage: Passage, range: Range): Mentions {
  const reader = new MentionReader(passage, range);
  reader.run();
  return reader;
}

/** Each table once. */
export function distinctTables(tables: readonly TableName[]): TableName[] {
  const byName = new Map(
    tables.map(table => [JSON.stringify([table.schema, table.name]), table]),
  );
  return [...byName.values()];
}

/** Words that no list of tables goes on after; reserved in every dialect. */
const AFTER_TABLES = new Set(['WHERE', 'GROUP', 'HAVING', 'ORDER', 'SELECT']);

const NO_STOPS: ReadonlySet<string> = new Set();

/** What MySQL's hints name an index for. */
const FOR_INDEX = new Set(['JOIN', 'ORDER', 'GROUP']);

/** Functions whose arguments may be separated by FROM. */
const FUNCTIONS_WITH_FROM = new Set([
  'EXTRACT',
  'OVERLAY',
  'SUBSTR',
  'SUBSTRING',
  'TRIM',
]);

/** Where UPDATE is part of another clause: `FOR UPDATE`, `ON DUPLICATE KEY UPDATE`. */
const BEFORE_OTHER_UPDATE = new Set(['FOR', 'KEY', 'NO', 'DO', 'ON']);

/** What is known within one bracket, or outside all. */
interface Level {
  /** The CTEs that hide tables of their name. */
  readonly ctes: Set<string>;
  /** A comma leads to another table. */
  inTables: boolean;
  /** A name would be a table's. */
  expected: boolean;
  /** The next SET ends the tables of an UPDATE. */
  updates: boolean;
  /** FROM separates the arguments of a function. */
  inFunction: boolean;
}

class MentionReader implements Mentions {
  readonly references: TableReference[] = [];
  complete = true;
  private readonly cursor: WordCursor;
  /** CTEs by the index of the word from which on they hide a table. */
  private readonly upcoming = new Map<number, string>();
  private readonly outer: Level[] = [];
  private level = newLevel(false);
  private readonly deletes: boolean;

  constructor(
    private readonly passage: Passage,
    range: Range,
  ) {
    this.cursor = new WordCursor(passage, range);
    this.deletes = passage.words
      .slice(range.from, range.to)
      .some(({ key }) => key === 'DELETE' || key === 'MERGE');
    this.level.expected = this.cursor.is('DESCRIBE', 'DESC');
    if (this.level.expected) this.cursor.at += 1;
  }

  run(): void {
    const { cursor } = this;
    while (!cursor.done) {
      const { at } = cursor;
      const key = cursor.key();
      if (key === '(' || key === '[') this.open();
      else if (key === ')' || key === ']') this.close();
      else if (!this.level.expected) this.keyword(key);
      else this.expectedName(key);
      const cte = this.upcoming.get(at);
      if (cte !== undefined) this.enclosing(key).ctes.add(cte);
    }
  }

  /** The level that a CTE's WITH stands on, at the bracket around the CTE. */
  private enclosing(key: string): Level {
    return key === '(' ? (this.outer.at(-1) ?? this.level) : this.level;
  }

  private open(): void {
    const { cursor, level } = this;
    const before = this.passage.words[cursor.at - 1]?.key ?? '';
    this.outer.push(level);
    this.level = newLevel(level.expected);
    this.level.inFunction = FUNCTIONS_WITH_FROM.has(before);
    level.expected = false;
    cursor.at += 1;
  }

  private close(): void {
    this.level = this.outer.pop() ?? newLevel(false);
    this.cursor.at += 1;
  }

  private expectedName(key: string): void {
    const { cursor, level, passage } = this;
    if (key === '{') {
      // ODBC: `{ OJ a LEFT OUTER JOIN b … }`.
      cursor.at += 2;
      return;
    }
    const isModifier =
      key === 'TABLE' ||
      // MySQL: the database that is in use.
      key === '.' ||
      (key === 'ONLY' && passage.dialect === 'postgres') ||
      (key === 'LATERAL' && passage.dialect !== 'sqlite');
    if (isModifier) {
      cursor.at += 1;
      return;
    }
    level.expected = false;
    if (AFTER_TABLES.has(key) || key === 'WITH' || key === 'VALUES') {
      this.keyword(key);
      return;
    }
    const table = takeTableName(cursor);
    if (table === undefined) {
      this.complete = false;
      cursor.at += 1;
    } else if (table.schema !== undefined || !this.isCte(table.name)) {
      const alias = takeAlias(
        new WordCursor(this.passage, cursor.rest),
        NO_STOPS,
      );
      this.references.push({ table, alias });
    }
  }

  private isCte(name: string): boolean {
    return (
      this.upcoming.size > 0 &&
      (this.level.ctes.has(name) ||
        this.outer.some(({ ctes }) => ctes.has(name)))
    );
  }

  private keyword(key: string): void {
    const { cursor, level, passage } = this;
    const before = passage.words[cursor.at - 1]?.key ?? '';
    // A name: `t.order`, and what an index is for: `USE INDEX FOR ORDER BY (i)`.
    const isName = before === '.' || (before === 'FOR' && FOR_INDEX.has(key));
    if (isName) {
      cursor.at += 1;
      return;
    }
    if (key === 'WITH') this.readCtes();
    else if (key === ',') level.expected = level.inTables;
    else if (AFTER_TABLES.has(key) || (key === 'SET' && level.updates)) {
      level.inTables = false;
      level.updates = false;
      if (key === 'SELECT') level.inFunction = false;
    } else if (key === 'FROM') {
      if (!level.inFunction && !isDistinctFrom(passage, cursor.at)) {
        this.expectTables();
      }
    } else if (key === 'JOIN' || key === 'STRAIGHT_JOIN') this.expectTables();
    else if (key === 'USING') {
      // `JOIN b USING (id)` names columns.
      if (this.deletes || cursor.key(1) !== '(') this.expectTables();
    } else if (key === 'UPDATE') {
      if (!BEFORE_OTHER_UPDATE.has(before)) {
        this.expectTables();
        level.updates = true;
      }
    } else if (key === 'IN') level.expected = this.isInTable();
    else if (key === 'INTO' || key === 'TABLE') level.expected = true;
    cursor.at += 1;
  }

  /** `x IN t` of SQLite, where a list or a query would be in brackets. */
  private isInTable(): boolean {
    const { cursor, passage } = this;
    return passage.dialect === 'sqlite' && cursor.key(1) !== '(';
  }

  private expectTables(): void {
    this.level.expected = true;
    this.level.inTables = true;
  }

  /**
   * Looks ahead at `a AS (…), b AS (…)`. A CTE hides a table from its closing bracket on, or from
   * its opening one where it may name itself.
   */
  private readCtes(): void {
    const ahead = new WordCursor(this.passage, this.cursor.rest);
    ahead.take('WITH');
    const recursive = ahead.take('RECURSIVE');
    do {
      const table = takeTableName(ahead);
      ahead.group();
      if (table === undefined || !ahead.take('AS')) return;
      ahead.take('NOT');
      ahead.take('MATERIALIZED');
      const body = ahead.group();
      if (body === undefined) return;
      this.upcoming.set(recursive ? body.from - 1 : body.to, table.name);
      this.level.inTables = false;
    } while (ahead.take(','));
  }
}

function newLevel(expected: boolean): Level {
  return {
    ctes: new Set(),
    inTables: expected,
    expected,
    updates: false,
    inFunction: false,
  };
}
