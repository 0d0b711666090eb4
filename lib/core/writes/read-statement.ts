import { Findings } from './findings.js';
import {
  type Passage,
  type Range,
  WordCursor,
  splitByComma,
  takeTableName,
} from './passage.js';
import { readDelete, readUpdate } from './read-changes.js';
import { readInsert } from './read-insert.js';
import { readCopy, readOtherStatement } from './read-other-statement.js';
import { readTransactionControl } from './read-transaction.js';
import { type StatementRange } from './split-statements.js';
import { type TableName, type TableWrite } from './statement.js';

const QUERY_VERBS = ['SELECT', 'VALUES', 'TABLE', '('] as const;
const WRITE_VERBS = ['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'REPLACE'] as const;

// Beyond any real text: reading one must not exhaust the stack, nor take forever.
const MAX_DEPTH = 5;
const MAX_NESTED = 100;

/** Reads one statement. */
export function readStatement(
  passage: Passage,
  range: StatementRange,
): Findings {
  const findings = new Findings();
  readInto(passage, range, findings);
  if (range.flaw !== undefined) findings.unsure(range.flaw);
  if (findings.unknown !== undefined) {
    addSuspectedWrites(passage, range, findings);
  }
  return findings;
}

function readInto(passage: Passage, range: Range, findings: Findings): void {
  findings.depth += 1;
  if (findings.depth > MAX_DEPTH) {
    findings.unsure('statements within statements');
    return;
  }
  const cursor = new WordCursor(passage, range);
  const control = readTransactionControl(cursor);
  if (typeof control === 'string') {
    findings.unsure(control);
    return;
  }
  if (control !== undefined) {
    findings.control = control;
    findings.commitsImplicitly =
      passage.dialect === 'mysql' && control.kind === 'begin';
    return;
  }
  if (cursor.is('WITH')) readWith(cursor, findings);
  else if (cursor.is(...QUERY_VERBS)) readQuery(passage, range, findings);
  else if (cursor.is(...WRITE_VERBS)) {
    readMainWrite(cursor, range, findings);
  } else if (cursor.is('EXPLAIN', 'DESCRIBE', 'DESC')) {
    readExplain(cursor, findings);
  } else readOther(cursor, findings);
}

/** Statements that are read on their own, and those that have another statement in them. */
function readOther(cursor: WordCursor, findings: Findings): void {
  const { passage } = cursor;
  const { dialect } = passage;
  const verb = cursor.key();
  if (dialect === 'postgres' && verb === 'COPY') {
    cursor.at += 1;
    const query = cursor.group();
    if (query === undefined) readCopy(cursor, findings);
    else readAsked(passage, query, findings);
  } else if (dialect === 'postgres' && verb === 'DECLARE') {
    findings.locks = true;
    cursor.at = cursor.find('FOR') + 1;
    readQuery(passage, cursor.rest, findings);
  } else if (
    dialect === 'mysql' &&
    verb === 'ANALYZE' &&
    executedVerb(cursor) < cursor.end
  ) {
    // MariaDB runs the statement to tell how it went.
    readAsked(
      passage,
      { from: executedVerb(cursor), to: cursor.end },
      findings,
    );
  } else if (
    dialect === 'mysql' &&
    verb === 'SET' &&
    cursor.key(1) === 'STATEMENT'
  ) {
    cursor.at = cursor.find('FOR') + 1;
    if (cursor.done) findings.unsure('SET STATEMENT without a statement');
    else readInto(passage, cursor.rest, findings);
  } else {
    // The writes in a rule are for later.
    if (verb === 'CREATE' && cursor.find('RULE') === cursor.end) {
      readNested(passage, cursor.rest, findings);
    }
    readOtherStatement(cursor, findings);
  }
}

/** Reads the write that a statement is, and those in its CTEs. */
function readMainWrite(
  cursor: WordCursor,
  whole: Range,
  findings: Findings,
): void {
  readNested(cursor.passage, whole, findings);
  readWrite(cursor, findings);
  findings.answersForWrite = findings.writes.length === 1;
}

/** Reads a statement that begins with INSERT, UPDATE, DELETE, REPLACE or MERGE. */
function readWrite(cursor: WordCursor, findings: Findings): void {
  const verb = cursor.key();
  const writes = writesOf(cursor);
  if (writes === undefined) findings.unsure(`${verb} that is not understood`);
  else findings.add(writes);
}

function writesOf(cursor: WordCursor): TableWrite[] | undefined {
  const { dialect } = cursor.passage;
  switch (cursor.key()) {
    case 'UPDATE':
      return readUpdate(cursor);
    case 'DELETE':
      return readDelete(cursor);
    case 'MERGE':
      return dialect === 'postgres' ? readMerge(cursor) : undefined;
    case 'REPLACE':
      return dialect === 'postgres' ? undefined : readInsert(cursor);
    default:
      return readInsert(cursor);
  }
}

function readMerge(cursor: WordCursor): TableWrite[] | undefined {
  cursor.at += 1;
  cursor.take('INTO');
  if (cursor.key(1) !== '.') cursor.take('ONLY');
  const table = takeTableName(cursor);
  return table && [{ verb: 'opaque', table }];
}

/** `WITH a AS (…), b AS (…)` and the statement that they are for. */
function readWith(cursor: WordCursor, findings: Findings): void {
  const { passage, rest } = cursor;
  cursor.at = mainVerb(cursor);
  if (cursor.is(...QUERY_VERBS)) {
    readQuery(passage, rest, findings);
    return;
  }
  if (cursor.is(...WRITE_VERBS)) {
    readMainWrite(cursor, rest, findings);
    return;
  }
  readNested(passage, rest, findings);
  findings.unsure('WITH before a statement that is not understood');
}

/** Index of the word after the last CTE, or the end where the list is not understood. */
function mainVerb({ passage, rest }: WordCursor): number {
  const cursor = new WordCursor(passage, rest);
  cursor.take('WITH');
  cursor.take('RECURSIVE');
  do {
    if (takeTableName(cursor) === undefined) return cursor.end;
    cursor.group();
    if (!cursor.take('AS')) return cursor.end;
    cursor.take('NOT');
    cursor.take('MATERIALIZED');
    if (cursor.group() === undefined) return cursor.end;
    // SEARCH … SET and CYCLE … RESTRICT, which name columns only.
    if (cursor.is('SEARCH', 'CYCLE')) {
      cursor.at = cursor.find(...QUERY_VERBS, ...WRITE_VERBS);
      const before = passage.words[cursor.at - 1];
      if (before?.key === ',') return cursor.end;
    }
  } while (cursor.take(','));
  return cursor.at;
}

/** Adds the writes in brackets: PostgreSQL's CTEs that write. */
function readNested(passage: Passage, range: Range, findings: Findings): void {
  const { words } = passage;
  let count = 0;
  for (let index = range.from; index < range.to; index += 1) {
    if (words[index]?.key !== '(') continue;
    const cursor = new WordCursor(passage, { from: index, to: range.to });
    const inner = cursor.group() ?? { from: index + 1, to: range.to };
    const nested = new WordCursor(passage, inner);
    if (nested.is('WITH')) nested.at = mainVerb(nested);
    if (!startsWrite(nested)) continue;
    count += 1;
    if (count > MAX_NESTED) {
      findings.unsure('too many writes in brackets');
      return;
    }
    const written = new Findings();
    readWrite(nested, written);
    findings.add(written.writes.map(withoutReturning));
    if (written.unknown !== undefined) findings.unsure(written.unknown);
  }
}

/** What a CTE returns goes to the statement around it, not to the driver. */
function withoutReturning(write: TableWrite): TableWrite {
  return 'returning' in write ? { ...write, returning: undefined } : write;
}

/** Not so for columns and functions that have the name of a verb. */
function startsWrite(cursor: WordCursor): boolean {
  const next = cursor.key(1);
  switch (cursor.key()) {
    case 'INSERT':
    case 'MERGE':
    case 'REPLACE':
      return next === 'INTO';
    case 'DELETE':
      return next === 'FROM';
    case 'UPDATE': {
      const { passage, at, end } = cursor;
      const { kind } = passage.words[at + 1] ?? {};
      return at + 1 < end && kind !== 'symbol';
    }
    default:
      return false;
  }
}

const LOCK_MODES = new Set(['UPDATE', 'SHARE', 'NO', 'KEY']);

/** Functions whose answer depends on the session or that change it. */
const SESSION_FUNCTIONS =
  /^(?:NEXTVAL|SETVAL|CURRVAL|LASTVAL|SET_CONFIG|PG_NOTIFY|PG_(?:TRY_)?ADVISORY_\w+|GET_LOCK|RELEASE_LOCK|RELEASE_ALL_LOCKS|LAST_INSERT_ID|LAST_INSERT_ROWID|FOUND_ROWS|ROW_COUNT|CHANGES)$/;

/** Reads a SELECT, VALUES or TABLE: what it locks, and what it writes by INTO or in brackets. */
function readQuery(passage: Passage, range: Range, findings: Findings): void {
  const { words, dialect } = passage;
  readNested(passage, range, findings);
  for (let index = range.from; index < range.to; index += 1) {
    const word = words[index];
    const key = word?.key ?? '';
    if (word === undefined) return;
    if (key === 'INTO')
      readSelectInto(passage, { ...range, from: index }, findings);
    else if (
      (key === 'FOR' && LOCK_MODES.has(words[index + 1]?.key ?? '')) ||
      (key === 'FOR' && words[index - 1]?.key === 'VALUE') ||
      (key === 'LOCK' && words[index + 1]?.key === 'IN') ||
      (word.kind === 'variable' && dialect === 'mysql') ||
      (words[index + 1]?.key === '(' &&
        (word.kind === 'bare' || word.kind === 'quoted') &&
        SESSION_FUNCTIONS.test(word.text.toUpperCase()))
    ) {
      findings.locks = true;
    }
  }
}

function readSelectInto(
  passage: Passage,
  range: Range,
  findings: Findings,
): void {
  const { words, dialect } = passage;
  const before = words[range.from - 1]?.key ?? '';
  // A write in brackets, which is read as one.
  if (before === 'INSERT' || before === 'MERGE') return;
  if (dialect === 'mysql') {
    // A file, or variables of the session.
    findings.locks = true;
    return;
  }
  const cursor = new WordCursor(passage, range);
  cursor.at += 1;
  cursor.takeAny('LOCAL', 'GLOBAL');
  cursor.takeAny('TEMP', 'TEMPORARY', 'UNLOGGED');
  cursor.take('TABLE');
  const table = dialect === 'postgres' ? takeTableName(cursor) : undefined;
  if (table === undefined) findings.unsure('SELECT INTO without a table');
  else findings.addOpaque(table);
}

/** Reads EXPLAIN, which runs the statement where it is asked to ANALYZE. */
function readExplain(cursor: WordCursor, findings: Findings): void {
  const { passage } = cursor;
  const { dialect } = passage;
  if (dialect === 'sqlite') {
    if (!cursor.is('EXPLAIN')) findings.unsure(`${cursor.key()} is not known`);
    return;
  }
  if (dialect === 'mysql') {
    const from = executedVerb(cursor);
    const analyze = cursor.find('ANALYZE');
    if (analyze >= from) return;
    if (from === cursor.end) findings.unsure('EXPLAIN that is not understood');
    else readAsked(passage, { from, to: cursor.end }, findings);
    return;
  }
  if (cursor.key() !== 'EXPLAIN') {
    findings.unsure(`${cursor.key()} is not known`);
    return;
  }
  cursor.at += 1;
  let runs = false;
  const start = cursor.at;
  const options = cursor.group();
  if (options !== undefined && cursor.done) {
    // A query in brackets, not options.
    cursor.at = start;
  } else if (options !== undefined) runs = asksToAnalyze(passage, options);
  while (cursor.is('ANALYZE', 'ANALYSE', 'VERBOSE')) {
    runs ||= !cursor.is('VERBOSE');
    cursor.at += 1;
  }
  if (runs) readAsked(passage, cursor.rest, findings);
}

/** Reads a statement that runs, while the answer is about something else. */
function readAsked(passage: Passage, range: Range, findings: Findings): void {
  readInto(passage, range, findings);
  findings.answersForWrite = false;
}

function asksToAnalyze(passage: Passage, options: Range): boolean {
  return splitByComma(passage, options).some(({ from, to }) => {
    const name = passage.words[from]?.text.toLowerCase();
    if (name !== 'analyze' && name !== 'analyse') return false;
    const value = to > from + 1 ? passage.words[from + 1]?.text : undefined;
    return !['false', 'off', '0'].includes(value?.toLowerCase() ?? '');
  });
}

/** Index of the statement that MySQL's EXPLAIN or MariaDB's ANALYZE is about, or the end. */
function executedVerb({ passage, rest }: WordCursor): number {
  return new WordCursor(passage, rest).find(
    'WITH',
    ...QUERY_VERBS.filter(verb => verb !== 'TABLE'),
    ...WRITE_VERBS,
  );
}

/** Adds what a statement that is not understood looks as if it wrote. */
function addSuspectedWrites(
  passage: Passage,
  { from, to }: Range,
  findings: Findings,
): void {
  const known = new Set(findings.writes.map(({ table }) => nameKey(table)));
  for (let index = from; index < to; index += 1) {
    const cursor = new WordCursor(passage, { from: index, to });
    const names =
      startsWrite(cursor) || cursor.is('TRUNCATE') ? suspects(cursor) : [];
    for (const table of names) {
      if (known.has(nameKey(table))) continue;
      known.add(nameKey(table));
      findings.addOpaque(table);
    }
  }
}

function suspects(cursor: WordCursor): TableName[] {
  cursor.at += 1;
  cursor.takeAny('INTO', 'FROM', 'TABLE');
  cursor.takeAny('ONLY');
  const table = takeTableName(cursor);
  return table === undefined ? [] : [table];
}

function nameKey({ schema, name }: TableName): string {
  return JSON.stringify([schema, name]);
}
