import {
  type Passage,
  type Range,
  WordCursor,
  nameOf,
  splitByComma,
  takeAlias,
  takeTableName,
} from './passage.js';
import {
  type Assignment,
  assignmentMap,
  readAssignments,
} from './read-assignments.js';
import { readOperands } from './read-operand.js';
import { readReturning } from './read-returning.js';
import {
  type InsertWrite,
  type Operand,
  type Returned,
  type TableName,
  type TableWrite,
} from './statement.js';

type OnConflict = InsertWrite['onConflict'];

const NO_ALIAS = new Set([
  'DEFAULT',
  'OVERRIDING',
  'PARTITION',
  'SELECT',
  'SET',
  'TABLE',
  'VALUE',
  'VALUES',
  'WITH',
]);

/**
 * Reads an INSERT or REPLACE from its verb on; `undefined` where it names no table. Where the rows
 * come from something that is not understood, the table is written in an unknown way.
 */
export function readInsert(cursor: WordCursor): TableWrite[] | undefined {
  const onConflict = takeVerb(cursor);
  cursor.take('INTO');
  const table = takeTableName(cursor);
  if (table === undefined) return undefined;
  if (cursor.take('PARTITION')) cursor.group();
  takeAlias(cursor, NO_ALIAS);
  const columns = takeColumns(cursor);
  // An identity column then takes its own value in place of the one that is listed.
  const overridesUser = cursor.is('OVERRIDING') && cursor.key(1) === 'USER';
  if (cursor.take('OVERRIDING')) cursor.at += 2;
  if (cursor.is('SET')) return [readInsertSet(cursor, table, onConflict)];
  const write = readRows(cursor, table, columns, onConflict);
  return [
    overridesUser && write.verb === 'insert'
      ? { ...write, tuples: undefined }
      : write,
  ];
}

function takeVerb(cursor: WordCursor): OnConflict {
  let onConflict: OnConflict = cursor.is('REPLACE') ? 'replace' : 'fail';
  cursor.at += 1;
  if (cursor.take('OR')) {
    if (cursor.is('REPLACE')) onConflict = 'replace';
    else if (cursor.is('IGNORE')) onConflict = 'ignore';
    cursor.at += 1;
  }
  while (cursor.is('LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'IGNORE')) {
    if (cursor.is('IGNORE')) onConflict = 'ignore';
    cursor.at += 1;
  }
  return onConflict;
}

/** The list of columns; `undefined` where there is none or where it is a query in brackets. */
function takeColumns(cursor: WordCursor): string[] | undefined {
  const start = cursor.at;
  const { passage } = cursor;
  const inner = cursor.group();
  if (inner === undefined) return undefined;
  const columns: string[] = [];
  for (const part of splitByComma(passage, inner)) {
    const column = columnIn(passage, part);
    if (column === undefined) {
      cursor.at = start;
      return undefined;
    }
    columns.push(column);
  }
  return columns;
}

/** `a`, MySQL's `t.a`, PostgreSQL's `a[1]` and `a.field`. */
function columnIn(passage: Passage, { from, to }: Range): string | undefined {
  const cursor = new WordCursor(passage, { from, to });
  if (cursor.is('SELECT', 'WITH', 'VALUES', 'TABLE') && to > from + 1) {
    return undefined;
  }
  const names: string[] = [];
  do {
    const name = nameOf(cursor.word, passage.dialect);
    if (name === undefined) return undefined;
    names.push(name);
    cursor.at += 1;
    while (cursor.is('[') && cursor.group() !== undefined);
  } while (cursor.take('.'));
  if (!cursor.done) return undefined;
  return passage.dialect === 'postgres' ? names[0] : names.at(-1);
}

interface Conflict {
  readonly onConflict: OnConflict;
  readonly conflictColumns: readonly string[] | undefined;
  readonly conflictAssignments: ReadonlyMap<string, Operand>;
  readonly returning: Returned | undefined;
}

/** Reads `ON CONFLICT …`, `ON DUPLICATE KEY UPDATE …` and `RETURNING …`; `undefined`: not understood. */
function readConflict(
  cursor: WordCursor,
  table: TableName,
  verb: OnConflict,
): Conflict | undefined {
  const { passage } = cursor;
  const returned = readReturning(cursor, table);
  const returning = cursor.find('RETURNING');
  const assignments: Assignment[] = [];
  let onConflict = verb;
  let at = nextConflict(cursor);
  let targets = 0;
  let conflictColumns: readonly string[] | undefined;
  while (at < cursor.end) {
    const hasTarget = passage.words[at + 1]?.key === 'CONFLICT';
    cursor.at = at + 2;
    targets += 1;
    conflictColumns =
      hasTarget && targets === 1 && verb === 'fail'
        ? takeColumns(cursor)
        : undefined;
    const next = Math.min(nextConflict(cursor), returning, cursor.end);
    const action = updateAction(cursor, next);
    if (action !== undefined) {
      const read = readAssignments(passage, action);
      if (read === undefined) return undefined;
      for (const assignment of read) assignments.push(assignment);
      if (onConflict !== 'replace') onConflict = 'update';
    } else if (onConflict === 'fail') onConflict = 'ignore';
    at = next === returning ? cursor.end : next;
  }
  return {
    onConflict,
    conflictColumns,
    conflictAssignments: assignmentMap(assignments),
    returning: returned,
  };
}

/** Index of the next `ON CONFLICT` or `ON DUPLICATE` outside brackets, or the end. */
function nextConflict(cursor: WordCursor): number {
  const ahead = new WordCursor(cursor.passage, cursor.rest);
  while (!ahead.done) {
    ahead.at = ahead.find('ON');
    if (['CONFLICT', 'DUPLICATE'].includes(ahead.key(1))) break;
    if (!ahead.done) ahead.at += 1;
  }
  return ahead.at;
}

/** The assignments of `DO UPDATE SET …` or `KEY UPDATE …` before `end`; `undefined`: it does nothing. */
function updateAction(cursor: WordCursor, end: number): Range | undefined {
  const within = new WordCursor(cursor.passage, { from: cursor.at, to: end });
  within.at = within.find('UPDATE');
  if (!within.take('UPDATE')) return undefined;
  const isClause = within.take('SET');
  const from = within.at;
  return { from, to: isClause ? within.find('WHERE') : end };
}

function readInsertSet(
  cursor: WordCursor,
  table: TableName,
  verb: OnConflict,
): TableWrite {
  const { passage } = cursor;
  cursor.take('SET');
  const end = new WordCursor(passage, cursor.rest);
  const to = Math.min(
    nextConflict(cursor),
    end.find('RETURNING'),
    // MySQL 8.0.19: `AS new` names the row for what follows.
    end.find('AS'),
  );
  const assignments = readAssignments(passage, { from: cursor.at, to });
  cursor.at = to;
  const conflict = readConflict(cursor, table, verb);
  if (assignments === undefined || conflict === undefined) {
    return { verb: 'opaque', table };
  }
  return {
    verb: 'insert',
    table,
    columns: assignments.map(({ column }) => column),
    tuples: [assignments.map(({ value }) => value)],
    ...conflict,
  };
}

function readRows(
  cursor: WordCursor,
  table: TableName,
  columns: readonly string[] | undefined,
  verb: OnConflict,
): TableWrite {
  if (cursor.take('DEFAULT', 'VALUES')) {
    const conflict = readConflict(cursor, table, verb);
    if (conflict === undefined) return { verb: 'opaque', table };
    return { verb: 'insert', table, columns: [], tuples: [[]], ...conflict };
  }
  let tuples: Operand[][] | undefined;
  const start = cursor.at;
  if (cursor.takeAny('VALUES', 'VALUE')) tuples = takeTuples(cursor);
  // Where the rows are not told, the clauses after them are still to be found.
  if (tuples === undefined) cursor.at = start;
  const conflict = readConflict(cursor, table, verb);
  if (conflict === undefined) return { verb: 'opaque', table };
  // MySQL: `VALUES ()` lists no columns and sets none.
  const listed =
    columns ?? (tuples?.every(({ length }) => length === 0) ? [] : undefined);
  const fits =
    listed === undefined ||
    tuples?.every(({ length }) => length === listed.length);
  return {
    verb: 'insert',
    table,
    columns: listed,
    tuples: fits ? tuples : undefined,
    ...conflict,
  };
}

/** `undefined` where more follows than the VALUES, so that other rows may come too. */
function takeTuples(cursor: WordCursor): Operand[][] | undefined {
  const { passage } = cursor;
  const tuples: Operand[][] = [];
  do {
    cursor.take('ROW');
    const inner = cursor.group();
    if (inner === undefined) return undefined;
    tuples.push(readOperands(passage, inner));
  } while (cursor.take(','));
  if (cursor.take('AS')) {
    if (nameOf(cursor.word, passage.dialect) === undefined) return undefined;
    cursor.at += 1;
    cursor.group();
  }
  return cursor.done || cursor.is('ON', 'RETURNING') ? tuples : undefined;
}
