import { type Passage, type Range } from '../writes/passage.js';
import { type Word } from '../writes/sql-words.js';
import { type Dialect } from '../writes/statement.js';

/** Words that no function can be called by without quotes, and that a bracket may follow. */
const RESERVED = {
  postgres: wordSet(
    `ALL AND ANY ARRAY AS BETWEEN CASE COLLATE DISTINCT ELSE EXCEPT EXISTS FETCH FROM GROUP GROUPING HAVING IN INTERSECT
     INTERVAL LATERAL LIMIT NOT OFFSET ON ONLY OR ROW SELECT SOME TABLE THEN TO UNION USING VALUES WHEN WHERE WITH`,
  ),
  mysql: wordSet(
    `ALL AND ANY AS BETWEEN BY CASE COLLATE DISTINCT DIV ELSE EXCEPT EXISTS FROM GROUP HAVING IN INDEX INTERVAL
     JOIN KEY LIKE LIMIT MOD NOT ON OR PARTITION REGEXP RLIKE ROW SELECT SOME STRAIGHT_JOIN TABLE THEN UNION USING VALUES
     WHEN WHERE WITH XOR BINARY CHAR CHARACTER DEC DECIMAL DOUBLE FLOAT NUMERIC VARBINARY VARCHAR VARYING`,
  ),
  sqlite: wordSet(
    `ALL AND AS BETWEEN CASE COLLATE DISTINCT ELSE ESCAPE EXCEPT EXISTS FROM GROUP HAVING IN INTERSECT IS JOIN LIMIT NOT
     ON OR SELECT THEN UNION USING VALUES WHEN WHERE`,
  ),
} as const satisfies Record<Dialect, ReadonlySet<string>>;

/** Words that call no function only after others, or after an operand. */
const NOT_CALLED_AFTER: Readonly<Record<string, readonly string[]>> = {
  AGAINST: [')'],
  BY: ['GROUP', 'ORDER', 'PARTITION'],
  FILTER: [')'],
  JOIN: ['INNER', 'LEFT', 'RIGHT', 'FULL', 'OUTER', 'CROSS', 'NATURAL'],
  MATERIALIZED: ['AS'],
  OVER: [')'],
  SETS: ['GROUPING'],
  VARYING: ['BIT', 'CHAR', 'CHARACTER', 'NCHAR'],
};

/** The same between two operands. */
const INFIX: Readonly<Record<Dialect, readonly string[]>> = {
  postgres: ['ILIKE', 'JOIN'],
  mysql: [],
  sqlite: ['MATCH', 'REGEXP'],
};

/** Types that have a length: only a cast tells them from functions, and from aliases with names of columns. */
const TYPES = wordSet(
  `BINARY BIT CHAR CHARACTER DATETIME DEC DECIMAL FLOAT NCHAR NUMERIC NVARCHAR TIME TIMESTAMP TIMESTAMPTZ VARBINARY VARCHAR`,
);

/**
 * Functions that are built into every version of the server (PostgreSQL 12, MySQL 8 and MariaDB 10.6, SQLite
 * 3.40 as it is built by default), answer the same for the same arguments and read no table.
 */
const PURE = {
  // `pg_catalog` is searched first.
  postgres: wordSet(
    `ABS ACOS ARRAY_AGG ARRAY_LENGTH ARRAY_POSITION ARRAY_REMOVE ARRAY_TO_STRING ASCII ASIN ATAN ATAN2 AVG BIT_AND
     BIT_LENGTH BIT_OR BOOL_AND BOOL_OR BTRIM CARDINALITY CAST CEIL CEILING CHAR_LENGTH CHARACTER_LENGTH CHR COALESCE
     CONCAT CONCAT_WS CONVERT CORR COS COUNT CUME_DIST DATE DATE_PART DATE_TRUNC DECODE DENSE_RANK ENCODE EVERY EXP
     EXTRACT FIRST_VALUE FLOOR FORMAT GREATEST INITCAP JSON_AGG JSON_ARRAY_LENGTH JSON_BUILD_ARRAY JSON_BUILD_OBJECT
     JSON_EXTRACT_PATH JSON_EXTRACT_PATH_TEXT JSON_OBJECT JSON_OBJECT_AGG JSONB_AGG JSONB_ARRAY_LENGTH
     JSONB_BUILD_ARRAY JSONB_BUILD_OBJECT JSONB_EXTRACT_PATH JSONB_EXTRACT_PATH_TEXT JSONB_OBJECT_AGG LAG LAST_VALUE
     LEAD LEAST LEFT LENGTH LIKE LN LOG LOG10 LOWER LPAD LTRIM MAX MD5 MIN MOD NTH_VALUE NTILE NULLIF OCTET_LENGTH
     OVERLAPS OVERLAY PERCENT_RANK PERCENTILE_CONT PERCENTILE_DISC PI PLAINTO_TSQUERY POSITION POW POWER RADIANS RANK
     REGEXP_REPLACE REPEAT REPLACE REVERSE RIGHT ROUND ROW_NUMBER ROW_TO_JSON RPAD RTRIM SIGN SIN SPLIT_PART SQRT
     STARTS_WITH STDDEV STDDEV_POP STDDEV_SAMP STRING_AGG STRING_TO_ARRAY STRPOS SUBSTR SUBSTRING SUM TAN TO_CHAR
     TO_DATE TO_JSON TO_JSONB TO_NUMBER TO_TIMESTAMP TO_TSQUERY TO_TSVECTOR TRANSLATE TRIM TRUNC TS_HEADLINE TS_RANK
     TS_RANK_CD UPPER VAR_POP VAR_SAMP VARIANCE WEBSEARCH_TO_TSQUERY`,
    // Of PostGIS: TypeORM writes it for each column of such a type.
    'ST_ASGEOJSON',
  ),
  mysql: wordSet(
    `ABS ACOS ASCII ASIN ATAN ATAN2 AVG BIT_AND BIT_LENGTH BIT_OR CAST CEIL CEILING CHAR_LENGTH CHARACTER_LENGTH
     COALESCE CONCAT CONCAT_WS CONVERT COS COUNT CUME_DIST DATE DATE_FORMAT DATEDIFF DAY DAYOFMONTH DAYOFWEEK DAYOFYEAR
     DENSE_RANK EXP EXTRACT FIELD FIND_IN_SET FIRST_VALUE FLOOR FORMAT GREATEST GROUP_CONCAT HEX HOUR IF IFNULL INSTR
     JSON_ARRAY JSON_ARRAYAGG JSON_CONTAINS JSON_EXTRACT JSON_LENGTH JSON_OBJECT JSON_OBJECTAGG JSON_TYPE JSON_UNQUOTE
     JSON_VALID LAG LAST_VALUE LCASE LEAD LEAST LEFT LENGTH LN LOCATE LOG LOG10 LOG2 LOWER LPAD LTRIM MATCH MAX MD5 MID
     MIN MINUTE MOD MONTH NTH_VALUE NTILE NULLIF OCTET_LENGTH PERCENT_RANK PI POSITION POW POWER QUARTER RADIANS RANK
     REGEXP_REPLACE REPEAT REPLACE REVERSE RIGHT ROUND ROW_NUMBER RPAD RTRIM SECOND SIGN SIN SQRT ST_ASGEOJSON
     ST_ASTEXT ST_CONTAINS ST_DISTANCE ST_GEOMFROMGEOJSON ST_GEOMFROMTEXT ST_INTERSECTS ST_WITHIN STD STDDEV STDDEV_POP
     STDDEV_SAMP SUBSTR SUBSTRING SUM TAN TIME TIMESTAMP TRIM TRUNCATE UCASE UNHEX UPPER VAR_POP VAR_SAMP VARIANCE WEEK
     WEEKDAY YEAR`,
    // Gone from MySQL 8: TypeORM writes it for each column of such a type where it is not told otherwise.
    'ASTEXT',
  ),
  sqlite: wordSet(
    `ABS AVG CAST CHAR COALESCE COUNT CUME_DIST DENSE_RANK FIRST_VALUE FORMAT GLOB GROUP_CONCAT HEX IFNULL IIF INSTR
     JSON JSON_ARRAY JSON_ARRAY_LENGTH JSON_EXTRACT JSON_GROUP_ARRAY JSON_GROUP_OBJECT JSON_OBJECT JSON_QUOTE JSON_TYPE
     JSON_VALID LAG LAST_VALUE LEAD LENGTH LIKE LOWER LTRIM MAX MIN NTH_VALUE NTILE NULLIF PERCENT_RANK PRINTF QUOTE
     RANK REPLACE ROUND ROW_NUMBER RTRIM SIGN SUBSTR SUBSTRING SUM TOTAL TRIM TYPEOF UNICODE UPPER`,
  ),
} as const satisfies Record<Dialect, ReadonlySet<string>>;

/** Words that stand for the time, the session or chance, without a bracket. */
const OF_THE_MOMENT = new Set([
  'CURRENT_CATALOG',
  'CURRENT_DATE',
  'CURRENT_ROLE',
  'CURRENT_SCHEMA',
  'CURRENT_TIME',
  'CURRENT_TIMESTAMP',
  'CURRENT_USER',
  'LOCALTIME',
  'LOCALTIMESTAMP',
  'SESSION_USER',
  'SYSTEM_TIME',
  'SYSTEM_USER',
  'TABLESAMPLE',
  'UTC_DATE',
  'UTC_TIME',
  'UTC_TIMESTAMP',
]);

/** Words by which PostgreSQL means the time where a date is expected, wherever they stand in a text. */
const TIME_WORDS = wordSet('NOW TODAY TOMORROW YESTERDAY');

/** What else may stand in a date. */
const DATE_WORDS = wordSet(
  `AD ALLBALLS AM AT BC EPOCH GMT INFINITY ON PM T UTC Z ZULU JANUARY FEBRUARY MARCH APRIL MAY JUNE JULY AUGUST SEPTEMBER
   OCTOBER NOVEMBER DECEMBER JAN FEB MAR APR JUN JUL AUG SEP SEPT OCT NOV DEC MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY
   SATURDAY SUNDAY MON TUE TUES WED WEDS THU THUR THURS FRI SAT SUN`,
);

/** The longest abbreviation of a time zone: any other word makes a text no date, unless it is a name of one. */
const LONGEST_ZONE = 5;

/**
 * Why what a statement answers may depend on more than tables and parameters: on the time, the session,
 * chance, or on what a function reads. `undefined`: it does not.
 */
export function impurity(
  passage: Passage,
  { from, to }: Range,
): string | undefined {
  const { words } = passage;
  for (let index = from; index < to; index += 1) {
    const isCalled = index + 1 < to && words[index + 1]?.key === '(';
    const reason = isCalled
      ? impureCall(passage, index)
      : impureWord(passage, index);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/**
 * Whether a parameter, or a text in a list or a range, may stand for the time, as PostgreSQL reads it
 * where a date is expected.
 */
export function isTimeText(value: unknown, dialect: Dialect): boolean {
  if (dialect !== 'postgres') return false;
  if (typeof value === 'string') return mayBeTime(value);
  return (
    Array.isArray(value) && value.some(member => isTimeText(member, dialect))
  );
}

function mayBeTime(text: string): boolean {
  const words = new Set(text.toUpperCase().match(/[A-Z]+/g));
  if (![...words].some(word => TIME_WORDS.has(word))) return false;
  // `now Europe/Berlin`
  if (text.includes('/')) return true;
  const others = [...words].filter(
    word => !TIME_WORDS.has(word) && !DATE_WORDS.has(word),
  );
  const [zone = '', ...more] = others;
  return more.length === 0 && zone.length <= LONGEST_ZONE;
}

function impureCall(passage: Passage, index: number): string | undefined {
  const { words } = passage;
  const word = words[index];
  if (word === undefined || !isName(word)) return undefined;
  const named = word.kind === 'bare' && words[index - 1]?.key !== '.';
  if (named && (isKeyword(passage, index) || isPure(passage, index))) {
    return undefined;
  }
  return `what ${word.text}() answers is not known`;
}

function isName({ kind }: Word): boolean {
  return kind === 'bare' || kind === 'quoted' || kind === 'either';
}

/** Whether the word before a bracket calls nothing. */
function isKeyword({ dialect, words }: Passage, index: number): boolean {
  const key = words[index]?.key ?? '';
  const before = words[index - 1]?.key ?? '';
  return (
    RESERVED[dialect].has(key) ||
    (TYPES.has(key) &&
      (before === 'AS' || before === '::') &&
      words[index + 2]?.kind === 'number') ||
    NOT_CALLED_AFTER[key]?.includes(before) === true ||
    (INFIX[dialect].includes(key) && endsOperand(words, index - 1)) ||
    // The arguments of a call are no query, without brackets of its own.
    (key === 'JOIN' && words[index + 2]?.key === 'SELECT') ||
    (key === 'MATERIALIZED' &&
      before === 'NOT' &&
      words[index - 2]?.key === 'AS')
  );
}

/** Whether what ends here is certainly no keyword, so that an operator or a keyword follows. */
function endsOperand(words: readonly Word[], index: number): boolean {
  const word = words[index];
  if (word === undefined) return false;
  if (word.kind === 'bare') return words[index - 1]?.key === '.';
  return word.kind !== 'symbol' || word.key === ')' || word.key === ']';
}

function isPure({ dialect, words }: Passage, index: number): boolean {
  const word = words[index];
  if (word === undefined || !PURE[dialect].has(word.key)) return false;
  // An alias with names of columns.
  if (words[index - 1]?.key === 'AS') return false;
  // With a gap before the bracket MySQL takes some of them for functions of the database.
  return dialect !== 'mysql' || word.end === words[index + 1]?.start;
}

function impureWord(
  { dialect, sql, words }: Passage,
  index: number,
): string | undefined {
  const word = words[index];
  if (word === undefined) return undefined;
  const { kind, key, text, start, end } = word;
  if (kind === 'string' && isTimeText(text, dialect)) {
    return `'${text}' may stand for the time`;
  }
  // `E'\\156ow'`
  if (
    kind === 'literal' &&
    dialect === 'postgres' &&
    sql.slice(start, end).includes('\\')
  ) {
    return 'a text with a backslash may stand for the time';
  }
  if (dialect === 'postgres' && key === '.') {
    const before = words[index - 1]?.key;
    if (before === ')' || before === ']') {
      return 'a function may be written as a part of a value';
    }
  }
  // A column, where it is qualified, or an alias.
  const isPart = words[index - 1]?.key === '.' || words[index + 1]?.key === '.';
  if (kind !== 'bare' || isPart) return undefined;
  const ofTheMoment =
    OF_THE_MOMENT.has(key) || (key === 'USER' && dialect === 'postgres');
  return ofTheMoment ? `${key} is another one each time` : undefined;
}

function wordSet(...texts: readonly string[]): ReadonlySet<string> {
  return new Set(texts.flatMap(text => text.split(/\s+/)));
}
