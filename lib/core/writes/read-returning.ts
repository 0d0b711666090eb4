import {
  nameOf,
  type Range,
  sameName,
  splitByComma,
  WordCursor,
} from './passage.js';
import { type Returned, type TableName } from './statement.js';

/**
 * Reads `RETURNING …` from its keyword on: which columns of the written table come back under their
 * own names. What an alias, a function, PostgreSQL's `OLD` or a joined table gives tells no column,
 * and neither does a name that comes back twice.
 */
export function readReturning(
  cursor: WordCursor,
  table: TableName,
  alias?: string,
): Returned | undefined {
  const at = cursor.find('RETURNING');
  if (at === cursor.end) return undefined;
  const { passage } = cursor;
  const items = splitByComma(passage, { from: at + 1, to: cursor.end });
  if (items.length === 1 && items[0] && isEverything(passage, items[0])) {
    return 'all';
  }
  const columns = new Map<string, boolean>();
  for (const item of items) {
    const name = outputName(new WordCursor(passage, item));
    // An item whose name cannot be told may come back under any.
    if (name === undefined) return [];
    const own = isOwnColumn(new WordCursor(passage, item), table, alias);
    columns.set(name, own && !columns.has(name));
  }
  return [...columns].flatMap(([name, own]) => (own ? [name] : []));
}

function isEverything({ words }: WordCursor['passage'], item: Range): boolean {
  return item.to === item.from + 1 && words[item.from]?.key === '*';
}

/** The name an item comes back under: its alias, else its last name. */
function outputName(cursor: WordCursor): string | undefined {
  const { passage, end } = cursor;
  const last = passage.words[end - 1];
  return nameOf(last, passage.dialect);
}

/** `id`, or `users.id` where `users` is what the statement writes. */
function isOwnColumn(
  cursor: WordCursor,
  table: TableName,
  alias: string | undefined,
): boolean {
  const { dialect, words } = cursor.passage;
  const { at, end } = cursor;
  if (nameOf(words[at], dialect) === undefined) return false;
  if (end === at + 1) return true;
  const qualifier = nameOf(words[at], dialect) ?? '';
  return (
    end === at + 3 &&
    words[at + 1]?.key === '.' &&
    sameName(qualifier, alias ?? table.name, dialect)
  );
}
