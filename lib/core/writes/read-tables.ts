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

const BEFORE_A_TABLE = new Set(['JOIN', 'STRAIGHT_JOIN', ',', '(', 'ONLY']);
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
    if (expected && cursor.is('(')) {
      const inner = cursor.group();
      if (inner === undefined) cursor.at += 1;
      else if (!isQuery(passage, inner)) {
        references.push(...readTableReferences(passage, inner));
      }
      expected = false;
      continue;
    }
    const key = cursor.key();
    if (expected && key !== 'ONLY' && key !== 'LATERAL') {
      expected = false;
      if (key === '{') {
        // ODBC: `{ OJ a LEFT OUTER JOIN b … }`.
        cursor.at += 2;
        expected = true;
        continue;
      }
      const table = takeTableName(cursor);
      if (table !== undefined) {
        if (cursor.take('PARTITION')) cursor.group();
        references.push({ table, alias: takeAlias(cursor, NOT_AN_ALIAS) });
        continue;
      }
    }
    if (cursor.group() !== undefined) continue;
    cursor.at += 1;
    expected = BEFORE_A_TABLE.has(key);
  }
  return references;
}

function isQuery({ words }: Passage, { from }: Range): boolean {
  return ['SELECT', 'WITH', 'VALUES', 'TABLE'].includes(words[from]?.key ?? '');
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
