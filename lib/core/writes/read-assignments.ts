import {
  type Passage,
  type Range,
  WordCursor,
  nameOf,
  splitByComma,
} from './passage.js';
import { readOperand, readOperands } from './read-operand.js';
import { type Operand } from './statement.js';

export interface Assignment {
  /** The table's name or alias before the column, in MySQL. */
  readonly qualifier: string | undefined;
  readonly column: string;
  readonly value: Operand;
}

const EXPRESSION: Operand = { kind: 'expression' };

/**
 * Reads `a = 1, (b, c) = (2, 3)`; `undefined` where some assignment is not understood, so that
 * columns may be set that are not known.
 */
export function readAssignments(
  passage: Passage,
  range: Range,
): Assignment[] | undefined {
  const assignments: Assignment[] = [];
  const parts = splitByComma(passage, range);
  for (const part of parts) {
    const cursor = new WordCursor(passage, part);
    const read = cursor.is('(') ? readRow(cursor) : readSingle(cursor);
    if (read === undefined) return undefined;
    for (const assignment of read) assignments.push(assignment);
  }
  return parts.length > 0 ? assignments : undefined;
}

/** Later assignments to the same column win. */
export function assignmentMap(
  assignments: readonly Assignment[],
): Map<string, Operand> {
  return new Map(assignments.map(({ column, value }) => [column, value]));
}

function readSingle(cursor: WordCursor): Assignment[] | undefined {
  const { passage } = cursor;
  const names: string[] = [];
  let whole = true;
  do {
    const name = nameOf(cursor.word, passage.dialect);
    if (name === undefined) return undefined;
    names.push(name);
    cursor.at += 1;
    // An element of an array.
    while (cursor.is('[') && cursor.group() !== undefined) whole = false;
  } while (cursor.take('.'));
  if (!cursor.takeAny('=', ':=')) return undefined;
  // PostgreSQL: the column comes first, the fields of its type follow.
  const isField = passage.dialect === 'postgres';
  const column = isField ? names[0] : names.at(-1);
  if (column === undefined || cursor.done) return undefined;
  const told = whole && !(isField && names.length > 1);
  return [
    {
      qualifier: isField ? undefined : names.at(-2),
      column,
      value: told ? readOperand(passage, cursor.rest) : EXPRESSION,
    },
  ];
}

function readRow(cursor: WordCursor): Assignment[] | undefined {
  const { passage } = cursor;
  const list = cursor.group();
  if (list === undefined || !cursor.take('=')) return undefined;
  const columns: string[] = [];
  for (const { from } of splitByComma(passage, list)) {
    const name = nameOf(passage.words[from], passage.dialect);
    if (name === undefined) return undefined;
    columns.push(name);
  }
  cursor.take('ROW');
  const inner = cursor.group();
  const values =
    inner !== undefined && cursor.done ? readOperands(passage, inner) : [];
  const told = values.length === columns.length;
  return columns.map((column, index) => ({
    qualifier: undefined,
    column,
    value: (told ? values[index] : undefined) ?? EXPRESSION,
  }));
}
