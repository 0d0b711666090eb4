import { type Dialect, type TableName } from './statement.js';
import { type Word } from './sql-words.js';

/** The words of a text, and which bracket closes which. */
export interface Passage {
  readonly sql: string;
  readonly dialect: Dialect;
  readonly words: readonly Word[];
  /** By the index of `(` or `[`: the index of its partner, -1: it has none. */
  readonly partners: Int32Array;
}

/** The words of a passage from `from` up to but without `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Reads a range of words from left to right. */
export class WordCursor {
  at: number;

  constructor(
    readonly passage: Passage,
    { from, to }: Range,
  ) {
    this.at = from;
    this.end = to;
  }

  readonly end: number;

  get word(): Word | undefined {
    return this.at < this.end ? this.passage.words[this.at] : undefined;
  }

  get rest(): Range {
    return { from: this.at, to: this.end };
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** The keyword or symbol `ahead` words from here; `''` for other words and beyond the end. */
  key(ahead = 0): string {
    const index = this.at + ahead;
    return index < this.end ? (this.passage.words[index]?.key ?? '') : '';
  }

  is(...keys: readonly string[]): boolean {
    const { key } = this.word ?? { key: '' };
    return key !== '' && keys.includes(key);
  }

  /** Goes on where the next words are exactly these; else stays. */
  take(...keys: readonly string[]): boolean {
    if (!keys.every((key, ahead) => this.key(ahead) === key)) return false;
    this.at += keys.length;
    return true;
  }

  /** Goes on where the next word is one of these. */
  takeAny(...keys: readonly string[]): boolean {
    if (!this.is(...keys)) return false;
    this.at += 1;
    return true;
  }

  /** The words within the bracket that opens here, which the cursor leaves behind. */
  group(): Range | undefined {
    if (!this.is('(', '[')) return undefined;
    const partner = this.passage.partners[this.at] ?? -1;
    if (partner === -1 || partner >= this.end) return undefined;
    const inner = { from: this.at + 1, to: partner };
    this.at = partner + 1;
    return inner;
  }

  /** Index of the next of these keywords outside brackets, or the end. */
  find(...keys: readonly string[]): number {
    for (
      let index = this.at;
      index < this.end;
      index = nextOutside(this.passage, index)
    ) {
      const key = this.passage.words[index]?.key ?? '';
      if (
        key !== '' &&
        keys.includes(key) &&
        !isDistinctFrom(this.passage, index)
      ) {
        return index;
      }
    }
    return this.end;
  }
}

/** The index after a word; where the word opens a bracket, after the whole bracket. */
export function nextOutside(passage: Passage, index: number): number {
  const partner = passage.partners[index] ?? -1;
  return partner > index ? partner + 1 : index + 1;
}

/** Whether the FROM at `index` belongs to `IS [NOT] DISTINCT FROM`. */
export function isDistinctFrom({ words }: Passage, index: number): boolean {
  return (
    words[index]?.key === 'FROM' &&
    words[index - 1]?.key === 'DISTINCT' &&
    ['IS', 'NOT'].includes(words[index - 2]?.key ?? '')
  );
}

/** The ranges between the commas of a range; a range without words has none. */
export function splitByComma(passage: Passage, { from, to }: Range): Range[] {
  if (from >= to) return [];
  const ranges: Range[] = [];
  let start = from;
  for (let index = from; index < to; index = nextOutside(passage, index)) {
    if (passage.words[index]?.key !== ',') continue;
    ranges.push({ from: start, to: index });
    start = index + 1;
  }
  ranges.push({ from: start, to });
  return ranges;
}

/** The name that a word can stand for in the place of a table, a column or an alias. */
export function nameOf(
  word: Word | undefined,
  dialect: Dialect,
): string | undefined {
  if (word === undefined) return undefined;
  const { kind } = word;
  if (kind === 'bare' || kind === 'quoted' || kind === 'either') {
    return word.text;
  }
  // SQLite takes a string for a name where only a name can stand.
  return kind === 'string' && dialect === 'sqlite' ? word.text : undefined;
}

/** Reads `a`, `a.b` or `a.b.c`: the last two parts count. */
export function takeTableName(cursor: WordCursor): TableName | undefined {
  const { dialect } = cursor.passage;
  let name = nameOf(cursor.word, dialect);
  if (name === undefined) return undefined;
  let schema: string | undefined;
  cursor.at += 1;
  while (cursor.is('.')) {
    const next = nameOf(cursor.passage.words[cursor.at + 1], dialect);
    if (next === undefined || cursor.at + 1 >= cursor.end) break;
    schema = name;
    name = next;
    cursor.at += 2;
  }
  return schema === undefined ? { name } : { schema, name };
}

/** Reads `AS alias` or a bare alias that is none of `stops`. */
export function takeAlias(
  cursor: WordCursor,
  stops: ReadonlySet<string>,
): string | undefined {
  const { dialect } = cursor.passage;
  const marked = cursor.take('AS');
  const { word } = cursor;
  if (!marked && (word?.kind === 'string' || stops.has(word?.key ?? ''))) {
    return undefined;
  }
  const alias = nameOf(word, dialect);
  if (alias !== undefined) cursor.at += 1;
  return alias;
}

/** Whether two names can mean the same table or column. */
export function sameName(
  one: string,
  other: string,
  dialect: Dialect,
): boolean {
  return (
    one === other ||
    (dialect !== 'postgres' && one.toLowerCase() === other.toLowerCase())
  );
}
