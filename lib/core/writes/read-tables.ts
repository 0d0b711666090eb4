import {
  type Passage,
  type Range,
  WordCursor,
  sameName,
  takeAlias,
  takeTableName,
} from './passage.js';
import { type TableName } from './statement.js';

/** A table in FROM or among the tables of a MySQL UPDATE. */
export interface TableReference {
  readonly table: TableName;
  readonly alias: string | undefined;
}

const BEFORE_A_TABLE = new Set(['JOIN', 'STRAIGHT_JOIN', ',']);
const NOT_AN_ALIAS = new Set([
  'AS',
  'CROSS',
  'FOR',
  'FORCE',
  'FULL',
  'IGNORE',
  'INNER',
  'JOIN',
  'LEFT',
  'LIMIT',
  'NATURAL',
  'ON',
  'ORDER',
  'OUTER',
  'PARTITION',
  'RETURNING',
  'RIGHT',
  'SET',
  'STRAIGHT_JOIN',
  'USE',
  'USING',
  'WHERE',
]);

/** The tables of a join, those in subqueries and join conditions left out. */
export function readTableReferences(
  passage: Passage,
  range: Range,
): TableReference[] {
  const references: TableReference[] = [];
  const cursor = new WordCursor(passage, range);
  let expected = true;
  while (!cursor.done) {
    const key = cursor.key();
    if (!expected) {
      if (cursor.group() !== undefined) continue;
      cursor.at += 1;
      expected = BEFORE_A_TABLE.has(key);
    } else if (key === '(') {
      expected = !isQuery(passage, cursor.at + 1);
      if (expected || cursor.group() === undefined) cursor.at += 1;
    } else if (key === 'ONLY' || key === 'LATERAL') cursor.at += 1;
    // ODBC: `{ OJ a LEFT OUTER JOIN b … }`.
    else if (key === '{') cursor.at += 2;
    else {
      expected = false;
      const table = takeTableName(cursor);
      if (table === undefined) continue;
      if (cursor.take('PARTITION')) cursor.group();
      references.push({ table, alias: takeAlias(cursor, NOT_AN_ALIAS) });
    }
  }
  return references;
}

function isQuery({ words }: Passage, at: number): boolean {
  return ['SELECT', 'WITH', 'VALUES', 'TABLE'].includes(words[at]?.key ?? '');
}

/** The tables that a name before a column, or in MySQL's list of tables to delete from, can mean. */
export function resolveTables(
  named: TableName,
  references: readonly TableReference[],
  passage: Passage,
): TableName[] {
  const { dialect } = passage;
  const found = references
    .filter(
      ({ table, alias }) =>
        sameName(named.name, alias ?? table.name, dialect) &&
        (named.schema === undefined ||
          table.schema === undefined ||
          sameName(named.schema, table.schema, dialect)),
    )
    .map(({ table }) => table);
  return found.length > 0 ? found : [named];
}
