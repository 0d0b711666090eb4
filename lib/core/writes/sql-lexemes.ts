import { type Dialect } from './statement.js';

export const SPACE = 1;
export const LETTER = 2;
export const DIGIT = 3;
export const OPERATOR = 4;

const CLASS = new Uint8Array(128);
for (const space of '\t\n\v\f\r ') CLASS[space.charCodeAt(0)] = SPACE;
for (let code = 65; code <= 90; code += 1) {
  CLASS[code] = LETTER;
  CLASS[code + 32] = LETTER;
}
CLASS[95] = LETTER;
for (let code = 48; code <= 57; code += 1) CLASS[code] = DIGIT;
for (const sign of '+-*/<>=~!@#%^&|`?') CLASS[sign.charCodeAt(0)] = OPERATOR;

/** What a character begins; every server takes what is not ASCII for a letter. */
export function classOf(code: number): number {
  return code > 127 ? LETTER : (CLASS[code] ?? 0);
}

/** Whether a name may go on with this character: `$` is allowed after the first. */
export function isNameCode(code: number): boolean {
  const kind = classOf(code);
  return kind === LETTER || kind === DIGIT || code === 36;
}

/** PostgreSQL folds the letters of ASCII only. */
export function foldName(text: string, isAscii: boolean): string {
  return isAscii
    ? text.toLowerCase()
    : text.replaceAll(/[A-Z]+/g, letters => letters.toLowerCase());
}

/** Index after the comment that goes on to the end of the line. */
export function lineCommentEnd(
  sql: string,
  from: number,
  end: number,
  dialect: Dialect,
): number {
  let stop = from;
  while (stop < end) {
    const code = sql.charCodeAt(stop);
    if (code === 10 || (code === 13 && dialect === 'postgres')) break;
    stop += 1;
  }
  return stop;
}

/** Index after the comment that `from` begins, or -1; `levels`: how deep comments nest. */
export function blockCommentEnd(
  sql: string,
  from: number,
  end: number,
  levels: number,
): number {
  let open = 1;
  let index = from + 2;
  while (open > 0) {
    const close = sql.indexOf('*/', index);
    if (close === -1 || close >= end) return -1;
    const inner = open < levels ? sql.indexOf('/*', index) : -1;
    if (inner !== -1 && inner < close) {
      open += 1;
      index = inner + 2;
    } else {
      open -= 1;
      index = close + 2;
    }
  }
  return index;
}

/** Where a quoted text ends. */
export interface Closing {
  /** Index of the quote that ends it, or -1. */
  readonly close: number;
  /** A backslash kept a quote from ending it. */
  readonly escaped: boolean;
}

/** Finds the end of the text whose quote is at `open`; a doubled quote is part of it. */
export function closingQuote(
  sql: string,
  open: number,
  end: number,
  backslash: boolean,
): Closing {
  const quote = sql.charCodeAt(open);
  let escaped = false;
  let index = open + 1;
  while (index < end) {
    const code = sql.charCodeAt(index);
    if (code === quote) {
      if (index + 1 >= end || sql.charCodeAt(index + 1) !== quote) {
        return { close: index, escaped };
      }
      index += 2;
    } else if (code === 92 && backslash) {
      if (sql.charCodeAt(index + 1) === quote) escaped = true;
      index += 2;
    } else index += 1;
  }
  return { close: -1, escaped };
}

/** The text between two quotes, doubled quotes undone. */
export function unquoted(sql: string, open: number, close: number): string {
  const quote = sql.charAt(open);
  const raw = sql.slice(open + 1, close);
  return raw.includes(quote) ? raw.replaceAll(quote + quote, quote) : raw;
}

const CONTINUED =
  /[ \t\f\v]*(?:--[^\n\r]*)?[\n\r](?:\s|--[^\n\r]*(?=[\n\r]))*'/y;

/**
 * Index of the quote with which PostgreSQL's string goes on after `close`, or -1: two strings with
 * a line break between them are one.
 */
export function continuingQuote(sql: string, close: number): number {
  CONTINUED.lastIndex = close + 1;
  return CONTINUED.test(sql) ? CONTINUED.lastIndex - 1 : -1;
}

/** The name that `U&"d\\0061ta"` of PostgreSQL is. */
export function unicodeName(text: string): string {
  return text.replaceAll(
    /\\(?:(\\)|\+([0-9a-f]{6})|([0-9a-f]{4}))/gi,
    (_, backslash?: string, long?: string, short?: string) => {
      if (backslash !== undefined) return '\\';
      const point = Number.parseInt(long ?? short ?? '', 16);
      return point > 0x10ffff ? '\ufffd' : String.fromCodePoint(point);
    },
  );
}

const NUMBER =
  /0x[0-9a-f_]*|0[ob][0-9_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?\d[\d_]*)?/iy;
const MYSQL_NUMBER =
  /0x[0-9a-f]+|0b[01]+|(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?/iy;

/** The number at `at`; `undefined` where MySQL reads a name that begins with digits: `1st`. */
export function numberAt(
  sql: string,
  at: number,
  dialect: Dialect,
): string | undefined {
  const form = dialect === 'mysql' ? MYSQL_NUMBER : NUMBER;
  form.lastIndex = at;
  const text = form.exec(sql)?.[0] ?? '';
  const isName =
    dialect === 'mysql' &&
    /^(?:\d+|0[xb].*)$/i.test(text) &&
    isNameCode(sql.charCodeAt(at + text.length));
  return isName ? undefined : text;
}

const POSTGRES_SPECIAL = /[~!@#%^&|`?]/;
const SYMBOLS = '<=> ->> <= >= <> != == || && << >> -> :='.split(' ');
const LONG_STARTS = '<>=!|&-:';

/** The operator or sign at `at`. */
export function symbolAt(
  sql: string,
  at: number,
  end: number,
  dialect: Dialect,
): string {
  const first = sql.charAt(at);
  if (dialect !== 'postgres') {
    const long = LONG_STARTS.includes(first)
      ? SYMBOLS.find(symbol => sql.startsWith(symbol, at))
      : undefined;
    return long ?? first;
  }
  if (classOf(sql.charCodeAt(at)) === OPERATOR) {
    return postgresOperatorAt(sql, at, end);
  }
  return sql.startsWith('::', at) ? '::' : first;
}

/** PostgreSQL §4.1.3: as long as possible, but without a comment or a trailing sign in it. */
function postgresOperatorAt(sql: string, at: number, end: number): string {
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
  if (POSTGRES_SPECIAL.test(text)) return text;
  while (text.length > 1 && (text.endsWith('+') || text.endsWith('-'))) {
    text = text.slice(0, -1);
  }
  return text;
}
