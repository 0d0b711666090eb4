import { type Range, WordCursor, takeAlias, takeTableName } from './passage.js';
import { assignmentMap, readAssignments } from './read-assignments.js';
import { readCondition, type Target } from './read-condition.js';
import {
  readTableReferences,
  resolveTables,
  type TableReference,
} from './read-tables.js';
import { readReturning } from './read-returning.js';
import {
  type DeleteWrite,
  type Returned,
  type RowFilter,
  type TableName,
  type TableWrite,
  type UpdateWrite,
} from './statement.js';

const NO_ALIAS = new Set([
  'SET',
  'WHERE',
  'USING',
  'FROM',
  'RETURNING',
  'ORDER',
  'LIMIT',
  'PARTITION',
  'FOR',
  'USE',
  'IGNORE',
  'FORCE',
  'INDEXED',
  'NOT',
  'JOIN',
  'INNER',
  'CROSS',
  'LEFT',
  'RIGHT',
  'NATURAL',
  'STRAIGHT_JOIN',
]);

/** Reads an UPDATE from its verb on; `undefined` where it names no table. */
export function readUpdate(cursor: WordCursor): TableWrite[] | undefined {
  const { dialect } = cursor.passage;
  cursor.take('UPDATE');
  let replaces = false;
  if (dialect === 'sqlite' && cursor.take('OR')) {
    replaces = cursor.is('REPLACE');
    cursor.at += 1;
  }
  while (cursor.takeAny('LOW_PRIORITY', 'IGNORE'));
  const start = cursor.at;
  const target = takeTarget(cursor);
  // Rows in the way are deleted, and nothing tells which.
  if (target && replaces) return [{ verb: 'opaque', table: target.table }];
  if (target !== undefined && cursor.take('SET')) {
    return [readSingleUpdate(cursor, target)];
  }
  if (dialect === 'mysql') {
    cursor.at = start;
    return readJoinedUpdate(cursor);
  }
  return target && [{ verb: 'opaque', table: target.table }];
}

/** `UPDATE`'s or `DELETE`'s one table, with its alias and index hints. */
function takeTarget(cursor: WordCursor): Target | undefined {
  const { dialect } = cursor.passage;
  if (dialect === 'postgres' && cursor.is('ONLY') && cursor.key(1) !== '.') {
    cursor.at += 1;
    const inner = cursor.group();
    if (inner !== undefined) {
      const within = takeTableName(new WordCursor(cursor.passage, inner));
      return within && { table: within, alias: takeAlias(cursor, NO_ALIAS) };
    }
  }
  const table = takeTableName(cursor);
  if (table === undefined) return undefined;
  cursor.take('*');
  if (cursor.take('PARTITION')) cursor.group();
  const alias = takeAlias(cursor, NO_ALIAS);
  if (dialect === 'sqlite') {
    if (cursor.take('INDEXED', 'BY')) cursor.at += 1;
    else cursor.take('NOT', 'INDEXED');
  }
  // Index hints of MySQL: `USE INDEX FOR ORDER BY (a, b)`.
  while (cursor.takeAny('USE', 'IGNORE', 'FORCE')) {
    while (!cursor.done && !cursor.is('(')) cursor.at += 1;
    cursor.group();
  }
  return { table, alias };
}

const AFTER_SET = ['FROM', 'WHERE', 'ORDER', 'LIMIT'] as const;

function readSingleUpdate(cursor: WordCursor, target: Target): TableWrite {
  const { passage } = cursor;
  // For MySQL, whose UPDATE returns no rows, `returning` is a name like others.
  const more = passage.dialect === 'mysql' ? [] : ['RETURNING'];
  const set = { from: cursor.at, to: cursor.find(...AFTER_SET, ...more) };
  const assignments = readAssignments(passage, set);
  if (assignments === undefined) return { verb: 'opaque', table: target.table };
  cursor.at = set.to;
  const write: UpdateWrite = {
    verb: 'update',
    table: target.table,
    assignments: assignmentMap(assignments),
    ...readTail(cursor, target),
  };
  return write;
}

interface Tail {
  readonly where: RowFilter;
  readonly returning: Returned | undefined;
}

/** Reads `[FROM … | USING …] [WHERE …] [ORDER BY …] [LIMIT …] [RETURNING …]` to the end. */
function readTail(cursor: WordCursor, target: Target): Tail {
  const { passage } = cursor;
  const several = cursor.is('FROM', 'USING', ',');
  const returned = readReturning(cursor, target.table, target.alias);
  // `*` gives the joined tables' columns too, which may have the same names.
  const returning = several && returned === 'all' ? [] : returned;
  const at = cursor.find('WHERE');
  const told = at === cursor.at || isTail(cursor.key());
  if (!told || at === cursor.end) return { where: undefined, returning };
  cursor.at = at + 1;
  const range: Range = {
    from: cursor.at,
    to: cursor.find('RETURNING', 'ORDER', 'LIMIT'),
  };
  if (cursor.is('CURRENT') && cursor.key(1) === 'OF') {
    return { where: undefined, returning };
  }
  return { where: readCondition(passage, range, target), returning };
}

function isTail(key: string): boolean {
  return ['', 'RETURNING', 'ORDER', 'LIMIT'].includes(key);
}

/** MySQL's `UPDATE a JOIN b … SET a.x = 1`; each table that may be assigned counts as a whole. */
function readJoinedUpdate(cursor: WordCursor): TableWrite[] | undefined {
  const { passage } = cursor;
  const set = cursor.find('SET');
  const references = readTableReferences(passage, {
    from: cursor.at,
    to: set,
  });
  if (references.length === 0) return undefined;
  cursor.at = Math.min(set + 1, cursor.end);
  const to = cursor.find('WHERE', 'ORDER', 'LIMIT', 'RETURNING');
  const assignments = readAssignments(passage, { from: cursor.at, to });
  if (assignments === undefined) {
    return distinct(references).map(table => ({ verb: 'opaque', table }));
  }
  const qualifiers = assignments.map(({ qualifier }) => qualifier);
  const written = new Set<TableName>();
  for (const qualifier of qualifiers) {
    const tables =
      qualifier === undefined
        ? references.map(({ table }) => table)
        : resolveTables({ name: qualifier }, references, passage);
    for (const table of tables) written.add(table);
  }
  return distinct([...written].map(table => ({ table }))).map(table => ({
    verb: 'update',
    table,
    assignments: assignmentMap(assignments),
    where: undefined,
    condition: undefined,
    returning: undefined,
  }));
}

function distinct(
  references: readonly Pick<TableReference, 'table'>[],
): TableName[] {
  const byName = new Map(
    references.map(({ table }) => [
      JSON.stringify([table.schema, table.name]),
      table,
    ]),
  );
  return [...byName.values()];
}

/** Reads a DELETE from its verb on; `undefined` where it names no table. */
export function readDelete(cursor: WordCursor): TableWrite[] | undefined {
  const { passage } = cursor;
  const { dialect } = passage;
  cursor.take('DELETE');
  while (cursor.takeAny('LOW_PRIORITY', 'QUICK', 'IGNORE', 'HISTORY'));
  if (dialect === 'mysql') {
    const joined = readJoinedDelete(cursor);
    if (joined !== undefined) return joined;
  }
  if (!cursor.take('FROM')) return undefined;
  const target = takeTarget(cursor);
  if (target === undefined) return undefined;
  const write: DeleteWrite = {
    verb: 'delete',
    table: target.table,
    ...readTail(cursor, target),
  };
  return [write];
}

/** MySQL's `DELETE a, b FROM …` and `DELETE FROM a, b USING …`. */
function readJoinedDelete(cursor: WordCursor): TableWrite[] | undefined {
  const { passage } = cursor;
  const start = cursor.at;
  const listedFirst = !cursor.take('FROM');
  const listed = takeTableList(cursor);
  const joined =
    listed !== undefined &&
    (listedFirst ? cursor.take('FROM') : cursor.take('USING'));
  if (!joined) {
    cursor.at = start;
    return undefined;
  }
  const references = readTableReferences(passage, {
    from: cursor.at,
    to: cursor.find('WHERE', 'ORDER', 'LIMIT', 'RETURNING'),
  });
  const tables = listed.flatMap(named =>
    resolveTables(named, references, passage).map(table => ({ table })),
  );
  return distinct(tables).map(table => ({
    verb: 'delete',
    table,
    where: undefined,
    condition: undefined,
    returning: undefined,
  }));
}

/** `a, db.b.*, c` */
function takeTableList(cursor: WordCursor): TableName[] | undefined {
  const tables: TableName[] = [];
  do {
    const table = takeTableName(cursor);
    if (table === undefined) return undefined;
    tables.push(table);
    cursor.take('.', '*');
  } while (cursor.take(','));
  return tables;
}
