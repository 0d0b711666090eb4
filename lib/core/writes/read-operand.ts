import {
  type Passage,
  type Range,
  splitByComma,
  WordCursor,
} from './passage.js';
import { type Word } from './sql-words.js';
import { type Operand } from './statement.js';

const EXPRESSION: Operand = { kind: 'expression' };
const MAX_BRACKETS = 20;

/** Types that a value can be cast to and still be found by its text. */
const TEXTUAL_TYPES = new Set(['UUID', 'TEXT', 'VARCHAR', 'CHARACTER VARYING']);
const INTEGER_TYPES = new Set([
  'INT',
  'INTEGER',
  'INT2',
  'INT4',
  'INT8',
  'BIGINT',
  'SMALLINT',
]);
// Other character sets read the same bytes as other letters.
const UNICODE_INTRODUCERS = new Set(['_UTF8', '_UTF8MB3', '_UTF8MB4']);

/**
 * The value that a range of words is, and nothing but a value: whatever has more to it, be it a
 * sign, a collation or a second string, is an expression.
 */
export function readOperand(passage: Passage, range: Range): Operand {
  return operandIn(passage, range, MAX_BRACKETS);
}

const QUERY_VERBS = new Set(['SELECT', 'VALUES', 'TABLE', 'WITH']);

/** The values between the commas of a range; a query is one expression. */
export function readOperands(passage: Passage, range: Range): Operand[] {
  const { from, to } = range;
  if (to > from + 1 && QUERY_VERBS.has(passage.words[from]?.key ?? '')) {
    return [EXPRESSION];
  }
  return splitByComma(passage, range).map(part => readOperand(passage, part));
}

function operandIn(
  passage: Passage,
  { from, to }: Range,
  brackets: number,
): Operand {
  const { words, dialect, partners } = passage;
  const first = words[from];
  if (first === undefined || from >= to) return EXPRESSION;
  const count = to - from;
  if (count === 1) return operandOf(first, passage);
  const second = words[from + 1];
  if (count === 2 && second !== undefined) {
    if (first.key === '-' || first.key === '+') {
      return signed(first.key, second);
    }
    const introduced =
      dialect === 'mysql' &&
      second.kind === 'string' &&
      UNICODE_INTRODUCERS.has(first.key);
    return introduced ? operandOf(second, passage) : EXPRESSION;
  }
  if (first.key === '(' && partners[from] === to - 1 && brackets > 0) {
    const inner = { from: from + 1, to: to - 1 };
    return operandIn(passage, inner, brackets - 1);
  }
  return dialect === 'postgres' ? castIn(passage, { from, to }) : EXPRESSION;
}

function operandOf(
  { kind, key, text, at }: Word,
  { dialect }: Passage,
): Operand {
  if (kind === 'parameter') {
    return at === -1 ? EXPRESSION : { kind: 'parameter', at };
  }
  if (kind === 'string') return { kind: 'string', value: text };
  if (kind === 'number') return integer('', text);
  if (key === 'NULL') return { kind: 'null' };
  if (key === 'DEFAULT') return { kind: 'default' };
  // SQLite has TRUE only where no column has that name.
  if ((key === 'TRUE' || key === 'FALSE') && dialect !== 'sqlite') {
    return { kind: 'boolean', value: key === 'TRUE' };
  }
  return EXPRESSION;
}

function signed(sign: string, { kind, text }: Word): Operand {
  return kind === 'number' ? integer(sign, text) : EXPRESSION;
}

/** `1.0` and `1e0` equal 1 to the database, so that their digits name no row. */
function integer(sign: string, digits: string): Operand {
  if (!/^\d+$/.test(digits)) return EXPRESSION;
  const text = digits.replace(/^0+(?=\d)/, '');
  return {
    kind: 'number',
    text: sign === '-' && text !== '0' ? `-${text}` : text,
  };
}

/** `$1::uuid`, `CAST($1 AS int)`; more than one cast can change the text. */
function castIn(passage: Passage, range: Range): Operand {
  const { words } = passage;
  if (words[range.from]?.key === 'CAST') {
    const cursor = new WordCursor(passage, range);
    cursor.at += 1;
    const inner = cursor.group();
    if (inner === undefined || !cursor.done) return EXPRESSION;
    const content = new WordCursor(passage, inner);
    const as = content.find('AS');
    return cast(
      passage,
      { from: inner.from, to: as },
      { from: as + 1, to: inner.to },
    );
  }
  if (words[range.from + 1]?.key !== '::') return EXPRESSION;
  return cast(
    passage,
    { from: range.from, to: range.from + 1 },
    { from: range.from + 2, to: range.to },
  );
}

function cast(passage: Passage, value: Range, type: Range): Operand {
  const name = typeName(passage, type);
  if (name === undefined || value.to !== value.from + 1) return EXPRESSION;
  const operand = readOperand(passage, value);
  const { kind } = operand;
  if (kind === 'parameter' || kind === 'null') return operand;
  const keeps =
    kind === 'string' || (kind === 'number' && INTEGER_TYPES.has(name));
  return keeps ? operand : EXPRESSION;
}

/** Name of a type that keeps a value's text, without its `[]`. */
function typeName({ words }: Passage, { from, to }: Range): string | undefined {
  const name = words
    .slice(from, to)
    .map(word => (word.kind === 'bare' ? word.key : '?'))
    .join(' ');
  return TEXTUAL_TYPES.has(name) || INTEGER_TYPES.has(name) ? name : undefined;
}

/** The parameter that holds the list of `= ANY($1)`, `$1::uuid[]`. */
export function readListParameter(
  passage: Passage,
  { from, to }: Range,
): Operand | undefined {
  const { words } = passage;
  const word = words[from];
  if (word?.kind !== 'parameter') return undefined;
  if (to > from + 1) {
    const isArray =
      words[from + 1]?.key === '::' &&
      words[to - 2]?.key === '[' &&
      words[to - 1]?.key === ']' &&
      typeName(passage, { from: from + 2, to: to - 2 }) !== undefined;
    if (!isArray) return undefined;
  }
  return { kind: 'parameter', at: word.at, each: true };
}
