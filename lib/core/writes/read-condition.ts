import {
  type Passage,
  type Range,
  nameOf,
  nextOutside,
  sameName,
  splitByComma,
} from './passage.js';
import {
  readListParameter,
  readOperand,
  readOperands,
} from './read-operand.js';
import { type Operand, type RowFilter, type TableName } from './statement.js';

/** The one table that a condition is about. */
export interface Target {
  readonly table: TableName;
  readonly alias: string | undefined;
}

type Pins = Map<string, readonly Operand[]>;

// Beyond these a condition counts as not understood, so that no text is slow to read.
const MAX_BRACKETS = 50;
const MAX_PRODUCT = 100_000;

/** Words that look like a column and are none: `user = 'bob'` asks who is connected. */
const NOT_A_COLUMN = new Set([
  'NULL',
  'TRUE',
  'FALSE',
  'UNKNOWN',
  'DEFAULT',
  'NOT',
  'USER',
  'CURRENT_USER',
  'SESSION_USER',
  'SYSTEM_USER',
  'CURRENT_ROLE',
  'CURRENT_CATALOG',
  'CURRENT_SCHEMA',
  'CURRENT_DATE',
  'CURRENT_TIME',
  'CURRENT_TIMESTAMP',
  'LOCALTIME',
  'LOCALTIMESTAMP',
  'UTC_DATE',
  'UTC_TIME',
  'UTC_TIMESTAMP',
]);

/**
 * The rows that a condition can match at most, by a strict rule: each alternative of its ORs pins
 * what stands in it as `column = value` or `column IN (values)`; every other term only narrows.
 * An alternative that pins nothing makes the whole `undefined`, and so does what is not understood.
 */
export function readCondition(
  passage: Passage,
  range: Range,
  target: Target,
): RowFilter {
  return new ConditionReader(passage, target).read(range, MAX_BRACKETS);
}

class ConditionReader {
  constructor(
    private readonly passage: Passage,
    private readonly target: Target,
  ) {}

  read(range: Range, brackets: number): Pins[] | undefined {
    const levels = this.split(range);
    if (levels === undefined || brackets === 0) return undefined;
    const alternatives: Pins[] = [];
    for (const terms of levels) {
      const filter = this.all(terms, brackets);
      if (filter === undefined) return undefined;
      for (const alternative of filter) alternatives.push(alternative);
    }
    return joinByColumn(alternatives);
  }

  /** The terms of a level: ORs of ANDs; `undefined` where other operators decide. */
  private split({ from, to }: Range): Range[][] | undefined {
    const { words, dialect } = this.passage;
    const levels: Range[][] = [];
    let terms: Range[] = [];
    let start = from;
    let betweens = 0;
    const close = (end: number): boolean => {
      terms.push({ from: start, to: end });
      start = end + 1;
      betweens = 0;
      return end > (terms.at(-1)?.from ?? end);
    };
    for (
      let index = from;
      index < to;
      index = nextOutside(this.passage, index)
    ) {
      const key = words[index]?.key;
      if (key === 'OR') {
        if (!close(index)) return undefined;
        levels.push(terms);
        terms = [];
      } else if (key === 'AND' || (key === '&&' && dialect === 'mysql')) {
        // The AND of `BETWEEN x AND y` joins no terms.
        if (key === 'AND' && betweens > 0) betweens -= 1;
        else if (!close(index)) return undefined;
      } else if (key === 'BETWEEN') betweens += 1;
      else if (
        key === 'CASE' ||
        key === 'XOR' ||
        key === ':=' ||
        key === '??' ||
        (key === '||' && dialect === 'mysql')
      ) {
        return undefined;
      }
    }
    if (!close(to)) return undefined;
    levels.push(terms);
    return levels;
  }

  /** All of these terms hold. */
  private all(terms: readonly Range[], brackets: number): Pins[] | undefined {
    const single: Pins = new Map();
    let several: Pins[] | undefined;
    for (const term of terms) {
      const filter = this.term(term, brackets);
      const [only] = filter ?? [];
      if (filter === undefined || only === undefined) continue;
      if (filter.length === 1) mergeInto(single, only);
      else several = several === undefined ? filter : both(several, filter);
    }
    if (several === undefined) return single.size > 0 ? [single] : undefined;
    return single.size > 0 ? both(several, [single]) : several;
  }

  private term(range: Range, brackets: number): Pins[] | undefined {
    const { words, partners } = this.passage;
    const { from, to } = range;
    if (words[from]?.key === '(' && partners[from] === to - 1) {
      return this.read({ from: from + 1, to: to - 1 }, brackets - 1);
    }
    let index = from;
    while (index < to) {
      const key = words[index]?.key;
      if (key === '=' || (key === '==' && this.passage.dialect === 'sqlite')) {
        const left = { from, to: index };
        const right = { from: index + 1, to };
        return this.equal(left, right) ?? this.equal(right, left);
      }
      if (key === 'IN') {
        return this.among({ from, to: index }, { from: index + 1, to });
      }
      index = nextOutside(this.passage, index);
    }
    return undefined;
  }

  private equal(left: Range, right: Range): Pins[] | undefined {
    const column = this.column(left);
    if (column !== undefined) {
      const operand = this.anyOf(right) ?? readOperand(this.passage, right);
      return isPinning(operand) ? [new Map([[column, [operand]]])] : undefined;
    }
    const columns = this.columns(left);
    const values = columns && this.tuple(right);
    if (columns === undefined || values === undefined) return undefined;
    const pins = pinRow(columns, values);
    return pins && [pins];
  }

  /** `ANY($1)` of PostgreSQL, where the parameter holds a list. */
  private anyOf({ from, to }: Range): Operand | undefined {
    const { words, partners, dialect } = this.passage;
    const called = words[from]?.key;
    if (dialect !== 'postgres' || (called !== 'ANY' && called !== 'SOME')) {
      return undefined;
    }
    if (words[from + 1]?.key !== '(' || partners[from + 1] !== to - 1) {
      return undefined;
    }
    return readListParameter(this.passage, { from: from + 2, to: to - 1 });
  }

  private among(left: Range, right: Range): Pins[] | undefined {
    const { words, partners } = this.passage;
    const { from, to } = right;
    if (words[from]?.key !== '(' || partners[from] !== to - 1) return undefined;
    const inner = { from: from + 1, to: to - 1 };
    const column = this.column(left);
    if (column !== undefined) {
      const operands = readOperands(this.passage, inner);
      const told = operands.length > 0 && operands.every(isPinning);
      return told ? [new Map([[column, operands]])] : undefined;
    }
    const columns = this.columns(left);
    if (columns === undefined) return undefined;
    const alternatives: Pins[] = [];
    for (const part of splitByComma(this.passage, inner)) {
      const values = this.tuple(part);
      const pins = values && pinRow(columns, values);
      if (pins === undefined) return undefined;
      alternatives.push(pins);
    }
    return alternatives.length > 0 ? alternatives : undefined;
  }

  /** The target's column that a range of words names, and nothing else. */
  private column({ from, to }: Range): string | undefined {
    const { words, dialect } = this.passage;
    const count = to - from;
    if (count !== 1 && count !== 3 && count !== 5) return undefined;
    const last = words[to - 1];
    // A string in the place of a column is a string, even for SQLite; and so may `"…"` be.
    if (last?.kind !== 'bare' && last?.kind !== 'quoted') return undefined;
    if (count === 1) {
      return NOT_A_COLUMN.has(last.key) ? undefined : last.text;
    }
    for (let index = from + 1; index < to; index += 2) {
      if (words[index]?.key !== '.') return undefined;
    }
    const { table, alias } = this.target;
    const qualifier = nameOf(words[to - 3], dialect);
    const called = count === 3 ? (alias ?? table.name) : table.name;
    if (qualifier === undefined || !sameName(qualifier, called, dialect)) {
      return undefined;
    }
    if (count === 5) {
      const schema = nameOf(words[from], dialect);
      const known = table.schema ?? schema;
      if (
        alias !== undefined ||
        schema === undefined ||
        known === undefined ||
        !sameName(schema, known, dialect)
      ) {
        return undefined;
      }
    }
    return last.text;
  }

  /** The columns of a row value: `(a, b)`. */
  private columns(range: Range): string[] | undefined {
    const inner = this.row(range);
    if (inner === undefined) return undefined;
    const columns: string[] = [];
    for (const part of splitByComma(this.passage, inner)) {
      const column = this.column(part);
      if (column === undefined) return undefined;
      columns.push(column);
    }
    return columns;
  }

  private tuple(range: Range): Operand[] | undefined {
    const inner = this.row(range);
    return inner && readOperands(this.passage, inner);
  }

  private row({ from, to }: Range): Range | undefined {
    const { words, partners } = this.passage;
    const open = words[from]?.key === 'ROW' ? from + 1 : from;
    return words[open]?.key === '(' && partners[open] === to - 1
      ? { from: open + 1, to: to - 1 }
      : undefined;
  }
}

function isPinning({ kind }: Operand): boolean {
  return kind !== 'expression' && kind !== 'default';
}

function pinRow(
  columns: readonly string[],
  values: readonly Operand[],
): Pins | undefined {
  if (columns.length !== values.length) return undefined;
  const pins: Pins = new Map();
  for (const [index, column] of columns.entries()) {
    const value = values[index];
    // The other columns of the row still hold.
    if (value !== undefined && isPinning(value) && !pins.has(column)) {
      pins.set(column, [value]);
    }
  }
  return pins.size > 0 ? pins : undefined;
}

/** Rows that satisfy one alternative of each list; a list too many is left out, it only narrows. */
function both(one: Pins[], other: Pins[]): Pins[] {
  const columns = (one[0]?.size ?? 0) + (other[0]?.size ?? 0);
  if (one.length * other.length * columns > MAX_PRODUCT) {
    return (one[0]?.size ?? 0) >= (other[0]?.size ?? 0) ? one : other;
  }
  return one.flatMap(left =>
    other.map(right => mergeInto(new Map(left), right)),
  );
}

/** Of a column that both pin, either list holds: the shorter one stays. */
function mergeInto(pins: Pins, more: Pins): Pins {
  for (const [column, operands] of more) {
    const known = pins.get(column);
    if (known === undefined || operands.length < known.length) {
      pins.set(column, operands);
    }
  }
  return pins;
}

/** `a = 1 OR a = 2` is `a IN (1, 2)`. */
function joinByColumn(alternatives: Pins[]): Pins[] {
  const column = alternatives[0]?.keys().next().value;
  if (alternatives.length < 2 || column === undefined) return alternatives;
  const operands: Operand[] = [];
  for (const alternative of alternatives) {
    const listed = alternative.size === 1 ? alternative.get(column) : undefined;
    if (listed === undefined) return alternatives;
    for (const operand of listed) operands.push(operand);
  }
  return [new Map([[column, operands]])];
}
