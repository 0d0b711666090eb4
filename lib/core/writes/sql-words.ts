import {
  blockCommentEnd,
  classOf,
  closingQuote,
  continuingQuote,
  DIGIT,
  foldName,
  isNameCode,
  LETTER,
  lineCommentEnd,
  numberAt,
  SPACE,
  symbolAt,
  unicodeName,
  unquoted,
} from './sql-lexemes.js';
import { READINGS, type Reading } from './sql-readings.js';
import { type Dialect } from './statement.js';

/**
 * - `bare`: a keyword or an unquoted name
 * - `quoted`: a quoted name
 * - `either`: `"…"` in MySQL, a string or (under ANSI_QUOTES) a name
 * - `literal`: a value that the text does not tell for certain: `X'ff'`, a string with a backslash
 * - `parameter`: a bound parameter
 * - `variable`: `@x` and `@@x` of MySQL
 */
export type WordKind =
  | 'bare'
  | 'quoted'
  | 'either'
  | 'string'
  | 'number'
  | 'literal'
  | 'parameter'
  | 'variable'
  | 'symbol';

/** One word of a SQL text; comments and white space are none. */
export interface Word {
  readonly kind: WordKind;
  /** What keywords and symbols are matched against: `SELECT`, `<=`; `''` for every other kind. */
  readonly key: string;
  /** The name as the dialect folds it, the string's value, the digits. */
  readonly text: string;
  /** Of a parameter: its position from 0, or its name with the sign before it; -1: not told. */
  readonly at: number | string;
  readonly start: number;
  readonly end: number;
}

export interface SqlWords {
  readonly words: readonly Word[];
  /** Why reading stopped before the end of the text. */
  readonly failure: string | undefined;
  /** Under another `Reading` some string may end elsewhere. */
  readonly ambiguous: boolean;
  /** There are comments that some servers execute: their contents may count or not. */
  readonly conditional: boolean;
}

const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const BEFORE_CONDITIONAL = /\/\*M?!(?:\d{5,6})?/y;

/**
 * Takes a text apart as the dialect's server does. Never throws: where the text cannot be read,
 * the words before that place come back with the reason.
 */
export function readWords(
  sql: string,
  dialect: Dialect,
  reading: Reading = READINGS[dialect][0],
): SqlWords {
  const scanner = new Scanner(sql, dialect, reading);
  scanner.run();
  return scanner;
}

class Scanner implements SqlWords {
  readonly words: Word[] = [];
  failure: string | undefined;
  ambiguous = false;
  conditional = false;
  private at = 0;
  private openConditionals = 0;
  private parameters = 0;
  private lastPlaceholder = 0;
  private placeholdersTold = true;
  private readonly names = new Set<string>();
  private readonly end: number;

  constructor(
    private readonly sql: string,
    private readonly dialect: Dialect,
    private readonly reading: Reading,
  ) {
    const nul = dialect === 'mysql' ? -1 : sql.indexOf('\0');
    // Both servers take the text as a C string: what follows is never seen.
    this.end = nul === -1 ? sql.length : nul;
  }

  run(): void {
    const { sql, end } = this;
    while (this.failure === undefined && this.at < end) {
      const code = sql.charCodeAt(this.at);
      const kind = classOf(code);
      if (kind === SPACE) this.at += 1;
      else if (kind === LETTER) this.letter(code);
      else if (kind === DIGIT) this.number();
      else this.sign(code);
    }
    if (this.failure !== undefined) return;
    if (end < sql.length) this.failure = 'the text contains NUL';
    else if (this.openConditionals > 0)
      this.failure = 'a comment is not closed';
  }

  private code(offset: number): number {
    const index = this.at + offset;
    return index < this.end ? this.sql.charCodeAt(index) : 0;
  }

  private push(
    kind: WordKind,
    key: string,
    text: string,
    end: number,
    at: number | string = -1,
  ): void {
    this.words.push({ kind, key, text, at, start: this.at, end });
    this.at = end;
  }

  private symbol(key: string): void {
    this.push('symbol', key, key, this.at + key.length);
  }

  private letter(code: number): void {
    const next = this.code(1);
    if (next === 39 && this.prefixedString(code)) return;
    if (
      next === 38 &&
      (code | 32) === 117 &&
      this.dialect === 'postgres' &&
      this.unicodeEscaped()
    ) {
      return;
    }
    this.bareWord();
  }

  private bareWord(): void {
    const { sql, end } = this;
    let stop = this.at;
    let isAscii = true;
    while (stop < end) {
      const code = sql.charCodeAt(stop);
      if (code > 127) isAscii = false;
      else if (!isNameCode(code)) break;
      stop += 1;
    }
    const text = sql.slice(this.at, stop);
    // `ſelect` is no keyword, though its upper case would be.
    const key = isAscii ? text.toUpperCase() : '';
    const name = this.dialect === 'postgres' ? foldName(text, isAscii) : text;
    if (key === 'UESCAPE' && this.words.at(-1)?.kind === 'quoted') {
      this.failure = 'a name has an escape character of its own';
    }
    this.push('bare', key, name, stop);
  }

  /** `E'…'`, `N'…'`, `X'…'`, `B'…'`: false where the letter is no prefix of this dialect. */
  private prefixedString(code: number): boolean {
    const letter = String.fromCharCode(code | 32);
    const { dialect, reading } = this;
    if (letter === 'e' && dialect === 'postgres') {
      const before = this.ambiguous;
      this.string(this.at + 1, true, false);
      // `E` says how it is read, whatever the settings.
      this.ambiguous = before;
    } else if (letter === 'n' && dialect !== 'sqlite') {
      this.string(this.at + 1, reading.backslash, false);
    } else if (letter === 'x' || (letter === 'b' && dialect !== 'sqlite')) {
      this.string(this.at + 1, false, true);
    } else return false;
    return true;
  }

  private unicodeEscaped(): boolean {
    const quote = this.code(2);
    if (quote === 39) {
      this.string(this.at + 2, false, false);
      return true;
    }
    if (quote !== 34) return false;
    const open = this.at + 2;
    const { close } = closingQuote(this.sql, open, this.end, false);
    if (close === -1) this.failure = 'a quoted name is not closed';
    else {
      const name = unicodeName(unquoted(this.sql, open, close));
      this.push('quoted', '', name, close + 1);
    }
    return true;
  }

  /** Index of the quote that ends what begins at `open`, or -1. */
  private closing(open: number, backslash: boolean): number {
    const { close, escaped } = closingQuote(
      this.sql,
      open,
      this.end,
      backslash,
    );
    if (escaped) this.ambiguous = true;
    return close;
  }

  /** A string whose quote is at `open`; `binary`: its value is not its text. */
  private string(open: number, backslash: boolean, binary: boolean): void {
    const { sql, dialect } = this;
    let close = this.closing(open, backslash);
    let raw = '';
    let from = open;
    while (close !== -1) {
      raw += sql.slice(from + 1, close);
      from = dialect === 'postgres' ? continuingQuote(sql, close) : -1;
      if (from === -1) break;
      close = this.closing(from, backslash);
    }
    if (close === -1) {
      this.failure = 'a string is not closed';
      return;
    }
    const hasBackslash = raw.includes('\\');
    if (dialect === 'postgres' && !backslash && hasBackslash) {
      this.ambiguous = true;
    }
    // What a backslash stands for depends on the server's settings.
    const told = !binary && (dialect === 'sqlite' || !hasBackslash);
    this.push(
      told ? 'string' : 'literal',
      '',
      told ? raw.replaceAll("''", "'") : '',
      close + 1,
    );
  }

  private quotedName(backslash: boolean, kind: WordKind = 'quoted'): void {
    const { sql, at } = this;
    const close = this.closing(at, backslash);
    if (close === -1) this.failure = 'a quoted name is not closed';
    else this.push(kind, '', unquoted(sql, at, close), close + 1);
  }

  private number(): void {
    const text = numberAt(this.sql, this.at, this.dialect);
    if (text === undefined) this.bareWord();
    else this.push('number', '', text, this.at + text.length);
  }

  private sign(code: number): void {
    const { dialect } = this;
    const next = this.code(1);
    switch (code) {
      case 39: // '
        this.string(this.at, this.reading.backslash, false);
        return;
      case 34: // "
        if (dialect === 'mysql') {
          this.quotedName(this.reading.backslashInDouble, 'either');
        } else this.quotedName(false);
        return;
      case 96: // `
        if (dialect === 'postgres') break;
        this.quotedName(false);
        return;
      case 91: // [
        if (dialect !== 'sqlite') break;
        this.bracketed();
        return;
      case 45: // -
        if (next === 45 && this.startsLineComment()) {
          this.lineComment();
          return;
        }
        break;
      case 35: // #
        if (dialect !== 'mysql') break;
        this.lineComment();
        return;
      case 47: // /
        if (next !== 42) break;
        this.blockComment();
        return;
      case 42: // *
        if (next === 47 && this.openConditionals > 0) {
          this.openConditionals -= 1;
          this.at += 2;
          return;
        }
        break;
      case 46: // .
        this.dot(next);
        return;
      case 36: // $
        if (this.dollar(next)) return;
        break;
      case 63: // ?
        if (dialect === 'postgres') break;
        this.questionMark();
        return;
      case 58: // :
      case 64: // @
        if (this.named(code, next)) return;
        break;
      default:
    }
    this.symbol(symbolAt(this.sql, this.at, this.end, dialect));
  }

  private startsLineComment(): boolean {
    if (this.dialect !== 'mysql') return true;
    return this.code(2) <= 32 || this.code(2) === 127;
  }

  private lineComment(): void {
    this.at = lineCommentEnd(this.sql, this.at, this.end, this.dialect);
  }

  private blockComment(): void {
    if (this.dialect === 'mysql') {
      BEFORE_CONDITIONAL.lastIndex = this.at;
      if (BEFORE_CONDITIONAL.test(this.sql)) {
        this.conditional = true;
        if (this.reading.conditional) {
          this.openConditionals += 1;
          this.at = BEFORE_CONDITIONAL.lastIndex;
          return;
        }
        this.skipComment(2);
        return;
      }
    }
    this.skipComment(this.dialect === 'postgres' ? Infinity : 1);
  }

  /** Skips a block comment that counts up to `levels` comments within each other. */
  private skipComment(levels: number): void {
    const after = blockCommentEnd(this.sql, this.at, this.end, levels);
    if (after !== -1) this.at = after;
    // SQLite lets the end of the text close a comment, as `--` does.
    else if (this.dialect === 'sqlite') this.at = this.end;
    else this.failure = 'a comment is not closed';
  }

  private bracketed(): void {
    const close = this.sql.indexOf(']', this.at);
    if (close === -1 || close >= this.end) {
      this.failure = 'a quoted name is not closed';
      return;
    }
    this.push('quoted', '', this.sql.slice(this.at + 1, close), close + 1);
  }

  private dot(next: number): void {
    const before = this.words.at(-1);
    const afterName =
      before?.end === this.at &&
      (before.kind === 'bare' || before.kind === 'quoted');
    if (!afterName && classOf(next) === DIGIT) {
      this.number();
      return;
    }
    this.symbol('.');
    // After a dot MySQL reads a name, whatever it begins with.
    if (afterName && this.dialect === 'mysql' && isNameCode(next)) {
      this.bareWord();
    }
  }

  private dollar(next: number): boolean {
    const { dialect, sql, at } = this;
    if (dialect === 'mysql') {
      this.bareWord();
      return true;
    }
    if (dialect === 'sqlite') return this.namedParameter();
    if (classOf(next) === DIGIT) {
      let stop = at + 1;
      while (classOf(this.code(stop - at)) === DIGIT) stop += 1;
      const position = Number(sql.slice(at + 1, stop)) - 1;
      this.push('parameter', '', '', stop, position);
      return true;
    }
    DOLLAR_TAG.lastIndex = at;
    const tag = DOLLAR_TAG.exec(sql)?.[0];
    if (tag === undefined) return false;
    const close = sql.indexOf(tag, at + tag.length);
    if (close === -1 || close >= this.end) {
      this.failure = 'a string is not closed';
      return true;
    }
    this.push(
      'string',
      '',
      sql.slice(at + tag.length, close),
      close + tag.length,
    );
    return true;
  }

  private questionMark(): void {
    if (this.dialect === 'mysql') this.mysqlPlaceholder();
    else {
      let stop = this.at + 1;
      while (classOf(this.code(stop - this.at)) === DIGIT) stop += 1;
      const number = this.sql.slice(this.at + 1, stop);
      const position = number === '' ? this.parameters : Number(number) - 1;
      this.parameters = Math.max(this.parameters, position + 1);
      this.push('parameter', '', '', stop, position);
    }
  }

  /** The driver writes values in place of `?` and names in place of `??`. */
  private mysqlPlaceholder(): void {
    const { sql, at } = this;
    const isName = sql.startsWith('??', at);
    // Drivers differ in whether they count those in strings and comments.
    this.placeholdersTold &&=
      sql.indexOf('?', this.lastPlaceholder) === at &&
      !sql.startsWith('???', at);
    const position = this.placeholdersTold ? this.parameters : -1;
    this.parameters += 1;
    this.lastPlaceholder = at + (isName ? 2 : 1);
    if (isName) this.symbol('??');
    else this.push('parameter', '', '', at + 1, position);
  }

  /** `:name`, `@name`, MySQL's `@x`, `@@x`, `:=`. */
  private named(code: number, next: number): boolean {
    if (this.dialect === 'postgres') return false;
    if (code === 58 || this.dialect === 'sqlite') return this.namedParameter();
    const { at } = this;
    let from = at + (next === 64 ? 2 : 1);
    const quote = this.sql.charAt(from);
    if (quote === '`' || quote === '"' || quote === "'") {
      const close = this.closing(from, quote !== '`' && this.reading.backslash);
      if (close === -1) this.failure = 'a variable is not closed';
      else {
        this.push('variable', '', this.sql.slice(from + 1, close), close + 1);
      }
      return true;
    }
    while (from < this.end) {
      const letter = this.sql.charCodeAt(from);
      if (!isNameCode(letter) && letter !== 46) break;
      from += 1;
    }
    this.push('variable', '', this.sql.slice(at, from), from);
    return true;
  }

  private namedParameter(): boolean {
    const { at } = this;
    let stop = at + 1;
    while (isNameCode(this.code(stop - at))) stop += 1;
    if (stop === at + 1) return false;
    const name = this.sql.slice(at, stop);
    if (this.dialect === 'sqlite' && !this.names.has(name)) {
      // A name takes a number of its own, so that a later `?` counts on from it.
      this.names.add(name);
      this.parameters += 1;
    }
    this.push('parameter', '', '', stop, name);
    return true;
  }
}
