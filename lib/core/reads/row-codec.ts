import { isPlainJson } from '../responses/plain-json.js';
import { ValueEncoder } from '../responses/value-encoder.js';
import { type Classes, reviveValue } from '../responses/value-reviver.js';

/** A row as a driver answers it: values by column. */
export type Row = Record<string, unknown>;

/** A new letter for a new format: a text that begins with another one is malformed. */
const PLAIN_ROWS = 'r';
const MARKED_ROWS = 'm';

const NO_CLASSES: Classes = new Map();

/**
 * Turns rows into text from which equal ones can be made; `undefined` where a value among them has a
 * class of its driver, or cannot be carried for another reason. Never throws.
 *
 * The text is JSON, so that what JSON carries is read by the parser alone. All else stands behind it,
 * by row and column.
 */
export function encodeRows(rows: readonly unknown[]): string | undefined {
  try {
    return textOf(rows);
  } catch {
    // A value contains itself, or has a getter that fails.
    return undefined;
  }
}

function textOf(rows: readonly unknown[]): string | undefined {
  const plain: Row[] = [];
  const marked: string[] = [];
  for (const [index, row] of rows.entries()) {
    if (typeof row !== 'object' || row === null) return undefined;
    const copy: Row = {};
    for (const [name, value] of Object.entries(row)) {
      // Assigning it would change the row's prototype.
      if (name === '__proto__') return undefined;
      if (isPlainJson(value)) {
        copy[name] = value;
        continue;
      }
      const encoder = new ValueEncoder();
      marked.push(
        `[${index},${JSON.stringify(name)},${encoder.encode(value)}]`,
      );
      if (encoder.classes.size > 0) return undefined;
      // Its place among the columns.
      copy[name] = null;
    }
    plain.push(copy);
  }
  const json = JSON.stringify(plain);
  return marked.length === 0
    ? PLAIN_ROWS + json
    : `${MARKED_ROWS}[${json},[${marked.join(',')}]]`;
}

/** Makes the rows anew that `encodeRows` was given; `undefined` for any other text. Never throws. */
export function decodeRows(text: string): Row[] | undefined {
  try {
    const json: unknown = JSON.parse(text.slice(1));
    if (text.startsWith(PLAIN_ROWS)) return json as Row[];
    if (!text.startsWith(MARKED_ROWS)) return undefined;
    const [rows, marked] = json as [Row[], [number, string, unknown][]];
    for (const [index, name, value] of marked) {
      rows[index]![name] = reviveValue(value, NO_CLASSES);
    }
    return rows;
  } catch {
    return undefined;
  }
}
