import { type Passage, type Range } from './passage.js';
import { type SqlWords, type Word } from './sql-words.js';
import { type Dialect } from './statement.js';

/** One statement of a text: its words without the semicolon. */
export interface StatementRange extends Range {
  /** Why its words cannot be trusted to be what they look like. */
  readonly flaw: string | undefined;
}

export interface SplitText {
  readonly passage: Passage;
  readonly statements: readonly StatementRange[];
}

/**
 * Splits a text at its semicolons, those in the body of a routine, a trigger or a rule left out,
 * and pairs the brackets within each statement.
 */
export function splitStatements(
  sql: string,
  dialect: Dialect,
  { words }: Pick<SqlWords, 'words'>,
): SplitText {
  const partners = new Int32Array(words.length).fill(-1);
  const statements: StatementRange[] = [];
  let from = 0;
  while (from < words.length) {
    const body = bodyOf(words, from, dialect);
    const to = endOf(words, from, body);
    if (to > from) {
      const balanced = pairBrackets(words, partners, { from, to });
      const closed = body === undefined || body === 'rule' || body.closed;
      statements.push({
        from,
        to,
        flaw: balanced
          ? closed
            ? undefined
            : 'the end of the body is not found'
          : 'brackets without a partner',
      });
    }
    from = to + 1;
  }
  return { passage: { sql, dialect, words, partners }, statements };
}

/** Whether each bracket of the range has a partner. */
function pairBrackets(
  words: readonly Word[],
  partners: Int32Array,
  { from, to }: Range,
): boolean {
  const open: number[] = [];
  let balanced = true;
  for (let index = from; index < to; index += 1) {
    const key = words[index]?.key;
    if (key === '(' || key === '[') open.push(index);
    else if (key === ')' || key === ']') {
      const partner = open.at(-1);
      if (
        partner === undefined ||
        (words[partner]?.key === '(') !== (key === ')')
      ) {
        balanced = false;
        continue;
      }
      open.pop();
      partners[partner] = index;
      partners[index] = partner;
    }
  }
  return balanced && open.length === 0;
}

/** What may hold semicolons: brackets in a rule, `BEGIN … END` up to the word `end`. */
type Body =
  'rule' | { readonly end: number; readonly closed: boolean } | undefined;

const ROUTINES = new Set([
  'TRIGGER',
  'PROCEDURE',
  'FUNCTION',
  'EVENT',
  'PACKAGE',
]);
const OTHER_OBJECTS = new Set([
  'TABLE',
  'VIEW',
  'INDEX',
  'DATABASE',
  'SCHEMA',
  'SEQUENCE',
  'USER',
  'ROLE',
  'AS',
]);

function bodyOf(words: readonly Word[], from: number, dialect: Dialect): Body {
  const verb = words[from]?.key;
  if (verb === 'BEGIN') {
    const compound =
      dialect === 'mysql' &&
      words[from + 1]?.key === 'NOT' &&
      words[from + 2]?.key === 'ATOMIC';
    return compound ? blockFrom(words, from) : undefined;
  }
  if (verb !== 'CREATE' && verb !== 'ALTER') return undefined;
  for (let index = from + 1; index < words.length; index += 1) {
    const key = words[index]?.key ?? '';
    if (key === ';' || OTHER_OBJECTS.has(key)) return undefined;
    if (key === 'RULE' && dialect === 'postgres') return 'rule';
    if (ROUTINES.has(key)) return routineBody(words, index, dialect);
  }
  return undefined;
}

function routineBody(
  words: readonly Word[],
  from: number,
  dialect: Dialect,
): Body {
  for (let index = from; index < words.length; index += 1) {
    const key = words[index]?.key;
    if (key === ';') return undefined;
    if (
      key === 'BEGIN' &&
      (dialect !== 'postgres' || words[index + 1]?.key === 'ATOMIC')
    ) {
      return blockFrom(words, index);
    }
  }
  return undefined;
}

const AFTER_END = new Set(['IF', 'LOOP', 'WHILE', 'REPEAT', 'CASE', 'FOR']);

/** Finds the END of a BEGIN; an END that closes a block follows a semicolon or its BEGIN. */
function blockFrom(words: readonly Word[], begin: number): Body {
  let open = 0;
  for (let index = begin; index < words.length; index += 1) {
    const key = words[index]?.key;
    if (key === 'BEGIN') open += 1;
    else if (key === 'END') {
      const before = words[index - 1]?.key ?? '';
      const closes =
        (before === ';' || before === 'BEGIN' || before === 'ATOMIC') &&
        !AFTER_END.has(words[index + 1]?.key ?? '');
      if (closes) open -= 1;
      if (open === 0) return { end: index, closed: true };
    }
  }
  return { end: words.length, closed: false };
}

function endOf(words: readonly Word[], from: number, body: Body): number {
  let open = 0;
  const first = body === undefined || body === 'rule' ? from : body.end;
  for (let index = first; index < words.length; index += 1) {
    const key = words[index]?.key;
    if (body === 'rule' && key === '(') open += 1;
    else if (body === 'rule' && key === ')') open -= 1;
    else if (key === ';' && open <= 0) return index;
  }
  return words.length;
}
