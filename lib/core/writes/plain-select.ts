import { type Dialect } from './statement.js';

const SELECT = /^\s*select(?![\w$\u0080-\uffff])/i;

/** Words with which a SELECT may write, lock or depend on the session. */
const DECISIVE_WORDS =
  /\b(?:into|for|lock|insert|update|delete|merge|nextval|setval|currval|lastval|set_config|pg_notify|last_insert_\w+|found_rows|row_count|changes)\b/i;

// One expression for all would take three times as long.
const DECISIVE_SIGNS = /lock\w*["`]?\s*\(|[\\@\0]|:=/i;

const BACKTICK = 96;
const CLOSE_BRACKET = 93;

/**
 * Whether a text is certainly one SELECT that does nothing but read. Asked first, since it costs a
 * fraction of taking the text apart; `false` says nothing.
 */
export function isPlainSelect(sql: string, dialect: Dialect): boolean {
  return (
    SELECT.test(sql) &&
    !DECISIVE_WORDS.test(sql) &&
    !DECISIVE_SIGNS.test(sql) &&
    isOneStatement(sql, dialect)
  );
}

/** Whether quotes and brackets are closed and neither a semicolon nor a comment is outside them. */
function isOneStatement(sql: string, dialect: Dialect): boolean {
  let round = 0;
  /** How many round brackets were open at each square one. */
  const squares: number[] = [];
  for (let index = 0; index < sql.length; index += 1) {
    const code = sql.charCodeAt(index);
    if (code >= 97 && code < 123) continue;
    switch (code) {
      case 34: // "
      case 39: // '
        index = closing(sql, sql.charAt(index), index);
        break;
      case BACKTICK:
        if (dialect !== 'postgres') index = closing(sql, '`', index);
        break;
      case 91: // [
        if (dialect === 'sqlite') index = closing(sql, ']', index);
        else squares.push(round);
        break;
      case CLOSE_BRACKET:
        if (squares.pop() !== round) return false;
        break;
      case 40: // (
        round += 1;
        break;
      case 41: // )
        round -= 1;
        if (round < (squares.at(-1) ?? 0)) return false;
        break;
      case 35: // #
        if (dialect === 'mysql') return false;
        break;
      case 36: // $
        if (dialect === 'postgres' && !isDigit(sql.charCodeAt(index + 1))) {
          return false;
        }
        break;
      case 45: // -
        if (sql.charCodeAt(index + 1) === 45) return false;
        break;
      case 47: // /
        if (sql.charCodeAt(index + 1) === 42) return false;
        break;
      case 59: // ;
        return false;
      default:
    }
    if (index === -1) return false;
  }
  return round === 0 && squares.length === 0;
}

/** A doubled quote counts as the end of one text and the beginning of the next. */
function closing(sql: string, quote: string, open: number): number {
  return sql.indexOf(quote, open + 1);
}

function isDigit(code: number): boolean {
  return code >= 48 && code < 58;
}
