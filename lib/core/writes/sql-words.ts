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
  /** Of a parameter: its position from 0, or its name with the sign before it; else -1. */
  readonly at: number | string;
  readonly start: number;
  readonly end: number;
}

/** Settings of the server that change how a text is read, and that the text does not tell. */
export interface Reading {
  /** A backslash escapes in `'…'`. */
  readonly backslash: boolean;
  /** A backslash escapes in `"…"`. */
  readonly backslashInDouble: boolean;
  /** The contents of executable comments are read. */
  readonly conditional: boolean;
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

const PLAIN: Reading = {
  backslash: false,
  backslashInDouble: false,
  conditional: true,
};
const ESCAPED: Reading = {
  backslash: true,
  backslashInDouble: true,
  conditional: true,
};
const ANSI: Reading = { ...ESCAPED, backslashInDouble: false };

/**
 * How a server may read texts of the dialect, the usual way first: MySQL's ANSI_QUOTES and
 * NO_BACKSLASH_ESCAPES, PostgreSQL's standard_conforming_strings.
 */
export const READINGS: Readonly<
  Record<Dialect, readonly [Reading, ...Reading[]]>
> = {
  postgres: [PLAIN, ESCAPED],
  mysql: [ESCAPED, ANSI, PLAIN],
  sqlite: [PLAIN],
};

const SPACE = 1;
const LETTER = 2;
const DIGIT = 3;
const OPERATOR = 4;

const CLASS = new Uint8Array(128);
for (const space of '\t\n\v\f\r ') CLASS[space.charCodeAt(0)] = SPACE;
for (let code = 65; code <= 90; code += 1) {
  CLASS[code] = LETTER;
  CLASS[code + 32] = LETTER;
}
CLASS[95] = LETTER;
for (let code = 48; code <= 57; code += 1) CLASS[code] = DIGIT;
for (const sign of '+-*/<>=~!@#%^&|`?') CLASS[sign.charCodeAt(0)] = OPERATOR;

// Every server takes what is not ASCII for a letter.
const classOf = (code: number): number =>
  code < 128 ? (CLASS[code] ?? 0) : LETTER;

const isNameCode = (code: number): boolean => {
  const kind = classOf(code);
  return kind === LETTER || kind === DIGIT || code === 36;
};

const NUMBER =
  /0x[0-9a-f_]*|0[ob][0-9_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?\d[\d_]*)?/iy;
const MYSQL_NUMBER =
  /0x[0-9a-f]+|0b[01]+|(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?/iy;
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
// A string goes on after a line break; the pieces are one value.
const CONTINUED =
  /[ \t\f\v]*(?:--[^\n\r]*)?[\n\r](?:\s|--[^\n\r]*(?=[\n\r]))*'/y;
const POSTGRES_SPECIAL = /[~!@#%^&|`?]/;
const SYMBOLS = [
  '<=>',
  '->>',
  '<=',
  '>=',
  '<>',
  '!=',
  '==',
  '||',
  '&&',
  '<<',
  '>>',
  '->',
  ':=',
];
const BEFORE_CONDITIONAL = /\/\*M?!(?:\d{5,6})?/y;
const ASCII = /^[\w$]*$/;

function lowerAscii(text: string): string {
  return ASCII.test(text)
    ? text.toLowerCase()
    : text.replaceAll(/[A-Z]+/g, letters => letters.toLowerCase());
}

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
    let stop = this.at + 1;
    while (stop < end && isNameCode(sql.charCodeAt(stop))) stop += 1;
    const text = sql.slice(this.at, stop);
    const key = ASCII.test(text) ? text.toUpperCase() : '';
    const name = this.dialect === 'postgres' ? lowerAscii(text) : text;
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
    const close = this.closing(this.at + 2, '"', false);
    if (close === -1) {
      this.failure = 'a quoted name is not closed';
      return true;
    }
    const raw = this.sql.slice(this.at + 3, close).replaceAll('""', '"');
    const text = raw.replaceAll(
      /\\(?:(\\)|\+([0-9a-f]{6})|([0-9a-f]{4}))/gi,
      (_, backslash?: string, long?: string, short?: string) => {
        if (backslash !== undefined) return '\\';
        const point = Number.parseInt(long ?? short ?? '', 16);
        return point > 0x10ffff ? '\ufffd' : String.fromCodePoint(point);
      },
    );
    this.push('quoted', '', text, close + 1);
    return true;
  }

  /** Position of the quote that ends what begins at `open`, or -1. */
  private closing(open: number, quote: string, backslash: boolean): number {
    const { sql, end } = this;
    const quoteCode = quote.charCodeAt(0);
    let index = open + 1;
    while (index < end) {
      const code = sql.charCodeAt(index);
      if (code === quoteCode) {
        if (index + 1 >= end || sql.charCodeAt(index + 1) !== quoteCode) {
          return index;
        }
        index += 2;
      } else if (code === 92 && backslash) {
        if (sql.charCodeAt(index + 1) === quoteCode) this.ambiguous = true;
        index += 2;
      } else index += 1;
    }
    return -1;
  }

  /** A string whose quote is at `open`; `binary`: its value is not its text. */
  private string(open: number, backslash: boolean, binary: boolean): void {
    let close = this.closing(open, "'", backslash);
    let raw = '';
    let from = open;
    while (close !== -1) {
      raw += this.sql.slice(from + 1, close);
      if (this.dialect !== 'postgres') break;
      CONTINUED.lastIndex = close + 1;
      if (!CONTINUED.test(this.sql)) break;
      from = CONTINUED.lastIndex - 1;
      close = this.closing(from, "'", backslash);
    }
    if (close === -1) {
      this.failure = 'a string is not closed';
      return;
    }
    if (this.dialect === 'postgres' && !backslash && raw.includes('\\')) {
      this.ambiguous = true;
    }
    // What a backslash stands for depends on the server's settings.
    const told = !binary && (this.dialect === 'sqlite' || !raw.includes('\\'));
    this.push(
      told ? 'string' : 'literal',
      '',
      told ? raw.replaceAll("''", "'") : '',
      close + 1,
    );
  }

  private quotedName(
    quote: string,
    backslash: boolean,
    kind: WordKind = 'quoted',
  ): void {
    const close = this.closing(this.at, quote, backslash);
    if (close === -1) {
      this.failure = 'a quoted name is not closed';
      return;
    }
    const text = this.sql
      .slice(this.at + 1, close)
      .replaceAll(quote + quote, quote);
    this.push(kind, '', text, close + 1);
  }

  private number(): void {
    const { sql, at } = this;
    const form = this.dialect === 'mysql' ? MYSQL_NUMBER : NUMBER;
    form.lastIndex = at;
    const text = form.exec(sql)?.[0] ?? '';
    const stop = at + text.length;
    // MySQL's names may begin with digits: `1st`, `0xyz`.
    if (
      this.dialect === 'mysql' &&
      /^(?:\d+|0[xb].*)$/i.test(text) &&
      isNameCode(this.code(text.length))
    ) {
      this.bareWord();
      return;
    }
    this.push('number', '', text, stop);
  }

  private sign(code: number): void {
    const { dialect, sql } = this;
    const next = this.code(1);
    switch (code) {
      case 39: // '
        this.string(this.at, this.reading.backslash, false);
        return;
      case 34: // "
        if (dialect === 'mysql') {
          this.quotedName('"', this.reading.backslashInDouble, 'either');
        } else this.quotedName('"', false);
        return;
      case 96: // `
        if (dialect === 'postgres') break;
        this.quotedName('`', false);
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
    if (dialect === 'postgres') {
      if (classOf(code) === OPERATOR) this.postgresOperator();
      else
        this.symbol(sql.startsWith('::', this.at) ? '::' : sql.charAt(this.at));
      return;
    }
    this.symbol(
      SYMBOLS.find(symbol => sql.startsWith(symbol, this.at)) ??
        sql.charAt(this.at),
    );
  }

  private startsLineComment(): boolean {
    if (this.dialect !== 'mysql') return true;
    return this.code(2) <= 32 || this.code(2) === 127;
  }

  private lineComment(): void {
    const { sql, end } = this;
    let stop = this.at;
    while (stop < end) {
      const code = sql.charCodeAt(stop);
      if (code === 10 || (code === 13 && this.dialect === 'postgres')) break;
      stop += 1;
    }
    this.at = stop;
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
    const { sql, end } = this;
    let open = 1;
    let index = this.at + 2;
    while (open > 0) {
      const close = sql.indexOf('*/', index);
      if (close === -1 || close >= end) {
        // SQLite lets the end of the text close a comment, as `--` does.
        if (this.dialect === 'sqlite') this.at = end;
        else this.failure = 'a comment is not closed';
        return;
      }
      const inner = open < levels ? sql.indexOf('/*', index) : -1;
      if (inner !== -1 && inner < close) {
        open += 1;
        index = inner + 2;
      } else {
        open -= 1;
        index = close + 2;
      }
    }
    this.at = index;
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
    const { sql, at } = this;
    if (this.dialect === 'mysql') {
      const position = this.parameters;
      this.parameters += 1;
      // The driver writes a name in place of `??`.
      if (sql.startsWith('??', at)) this.symbol('??');
      else this.push('parameter', '', '', at + 1, position);
      return;
    }
    let stop = at + 1;
    while (classOf(this.code(stop - at)) === DIGIT) stop += 1;
    const position =
      stop > at + 1 ? Number(sql.slice(at + 1, stop)) - 1 : this.parameters;
    this.parameters = Math.max(this.parameters, position + 1);
    this.push('parameter', '', '', stop, position);
  }

  /** `:name`, `@name`, MySQL's `@x`, `@@x`, `:=`. */
  private named(code: number, next: number): boolean {
    if (this.dialect === 'postgres') return false;
    if (code === 58 || this.dialect === 'sqlite') return this.namedParameter();
    const { at } = this;
    let from = at + (next === 64 ? 2 : 1);
    const quote = this.sql.charAt(from);
    if (quote === '`' || quote === '"' || quote === "'") {
      const close = this.closing(
        from,
        quote,
        quote === '`' ? false : this.reading.backslash,
      );
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

  /** PostgreSQL §4.1.3: as long as possible, but without a comment or a trailing sign in it. */
  private postgresOperator(): void {
    const { sql, at, end } = this;
    let stop = at + 1;
    while (
      stop < end &&
      classOf(sql.charCodeAt(stop)) === OPERATOR &&
      !sql.startsWith('--', stop) &&
      !sql.startsWith('/*', stop)
    ) {
      stop += 1;
    }
    let text = sql.slice(at, stop);
    if (!POSTGRES_SPECIAL.test(text)) {
      while (text.length > 1 && (text.endsWith('+') || text.endsWith('-'))) {
        text = text.slice(0, -1);
      }
    }
    this.symbol(text);
  }
}
