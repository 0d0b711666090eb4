import { types } from 'node:util';
import { isPlainJson } from '../responses/plain-json.js';
import { ValueEncoder } from '../responses/value-encoder.js';
import { type Classes, reviveValue } from '../responses/value-reviver.js';

/** A row as a driver answers it: values by column. */
export type Row = Record<string, unknown>;

/** A new letter for a new format: a text that begins with another one is malformed. */
const PLAIN_ROWS = 'r';
const MARKED_ROWS = 'd';

/** A column, and the rows in which its number stands for a Date. */
type Dates = readonly [string, readonly number[]];

/** A row, a column, and what `ValueEncoder` made of the value there. */
type Marked = readonly [number, string, unknown];

const NO_CLASSES: Classes = new Map();

/**
 * Turns rows into text from which equal ones can be made; `undefined` where a value among them has a
 * class of its driver, or cannot be carried for another reason. Never throws.
 *
 * The text is JSON, so that what JSON carries is read by the parser alone. Behind it stands by column
 * which numbers are Dates, which many rows have, and all else by row and column.
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
  const dates = new Map<string, number[]>();
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
      const ms = msOf(value);
      if (ms !== undefined) {
        const places = dates.get(name);
        if (places) places.push(index);
        else dates.set(name, [index]);
        copy[name] = ms;
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
  return dates.size === 0 && marked.length === 0
    ? PLAIN_ROWS + json
    : `${MARKED_ROWS}[${json},${JSON.stringify([...dates])},[${marked.join(',')}]]`;
}

/** The time of a valid Date that is nothing but one. */
function msOf(value: unknown): number | undefined {
  if (!types.isDate(value)) return undefined;
  const isPlain =
    Object.getPrototypeOf(value) === Date.prototype &&
    Reflect.ownKeys(value).length === 0;
  const ms = Date.prototype.getTime.call(value);
  return isPlain && !Number.isNaN(ms) ? ms : undefined;
}

/** Makes the rows anew that `encodeRows` was given; `undefined` for any other text. Never throws. */
export function decodeRows(text: string): Row[] | undefined {
  try {
    const json: unknown = JSON.parse(text.slice(1));
    if (!Array.isArray(json)) return undefined;
    if (text.startsWith(PLAIN_ROWS)) return json as Row[];
    if (!text.startsWith(MARKED_ROWS)) return undefined;
    const [rows, dates, marked] = json as unknown as [Row[], Dates[], Marked[]];
    for (const [name, places] of dates) {
      for (const index of places) {
        const row = rows[index]!;
        const ms = row[name];
        if (typeof ms !== 'number') return undefined;
        row[name] = new Date(ms);
      }
    }
    for (const [index, name, value] of marked) {
      rows[index]![name] = reviveValue(value, NO_CLASSES);
    }
    return rows;
  } catch {
    return undefined;
  }
}
