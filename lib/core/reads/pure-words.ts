import { type Passage, type Range } from '../writes/passage.js';
import { type Word } from '../writes/sql-words.js';
import { type Dialect } from '../writes/statement.js';

/** Words before a bracket that call no function. */
const NOT_CALLED = new Set(
  (
    'ALL AND ANY ARRAY AS ASC BETWEEN BY CASE CROSS CUBE DESC DISTINCT DIV ELSE END ESCAPE EXCEPT EXISTS FETCH FILTER ' +
    'FROM FULL GROUP GROUPING HAVING ILIKE IN INDEX INNER INTERSECT INTERVAL IS JOIN KEY LATERAL LEFT LIKE LIMIT MATERIALIZED ' +
    'NATURAL NOT NULL OFFSET ON ONLY OR ORDER OUTER OVER PARTITION RECURSIVE REGEXP RIGHT RLIKE ROLLUP ROW SELECT SETS SIMILAR ' +
    'SOME STRAIGHT_JOIN TABLE THEN TO UNION USING VALUES WHEN WHERE WINDOW WITH WITHIN XOR AGAINST RETURNING COLLATE ' +
    // Types that have a length.
    'BINARY BIT CHAR CHARACTER DATETIME DEC DECIMAL DOUBLE FLOAT NCHAR NUMERIC NVARCHAR VARBINARY VARCHAR VARYING'
  ).split(' '),
);

/** Functions of the servers that answer the same for the same arguments and read no table. */
const PURE = new Set(
  (
    'ABS ACOS ARRAY_AGG ARRAY_LENGTH ARRAY_POSITION ARRAY_REMOVE ARRAY_TO_STRING ASCII ASIN ASTEXT ATAN ATAN2 AVG BIT_AND BIT_LENGTH ' +
    'BIT_OR BOOL_AND BOOL_OR BTRIM CARDINALITY CAST CEIL CEILING CHAR_LENGTH CHARACTER_LENGTH CHR COALESCE CONCAT CONCAT_WS CONVERT CORR COS COUNT ' +
    'CUME_DIST DATE_FORMAT DATE_PART DATE_TRUNC DATEDIFF DAY DAYOFMONTH DAYOFWEEK DAYOFYEAR DECODE DENSE_RANK ENCODE EVERY EXP EXTRACT FIELD ' +
    'FIND_IN_SET FIRST_VALUE FLOOR FORMAT GEOMFROMTEXT GREATEST GROUP_CONCAT GROUPING HEX HOUR IF IFNULL IIF INITCAP INSTR JSON_AGG JSON_ARRAY ' +
    'JSON_ARRAY_LENGTH JSON_ARRAYAGG JSON_BUILD_ARRAY JSON_BUILD_OBJECT JSON_CONTAINS JSON_EXTRACT JSON_EXTRACT_PATH JSON_EXTRACT_PATH_TEXT ' +
    'JSON_GROUP_ARRAY JSON_GROUP_OBJECT JSON_LENGTH JSON_OBJECT JSON_OBJECT_AGG JSON_OBJECTAGG JSON_TYPE JSON_UNQUOTE JSON_VALID JSON_VALUE ' +
    'JSONB_AGG JSONB_ARRAY_LENGTH JSONB_BUILD_ARRAY JSONB_BUILD_OBJECT JSONB_EXTRACT_PATH JSONB_EXTRACT_PATH_TEXT JSONB_OBJECT_AGG ' +
    'LAG LAST_VALUE LCASE LEAD LEAST LEFT LENGTH LN LOCATE LOG LOG10 LOG2 LOWER LPAD LTRIM MATCH MAX MD5 MID MIN MINUTE MOD MONTH NTH_VALUE NTILE ' +
    'NULLIF NVL OCTET_LENGTH OVERLAY PERCENT_RANK PERCENTILE_CONT PERCENTILE_DISC PI PLAINTO_TSQUERY POSITION POW POWER QUARTER RADIANS RANK ' +
    'REGEXP_REPLACE REPEAT REPLACE REVERSE RIGHT ROUND ROW_NUMBER ROW_TO_JSON RPAD RTRIM SECOND SIGN SIMILARITY SIN SPLIT_PART SQRT ' +
    'ST_ASGEOJSON ST_ASTEXT ST_CONTAINS ST_DISTANCE ST_DWITHIN ST_GEOMFROMGEOJSON ST_GEOMFROMTEXT ST_INTERSECTS ST_SETSRID ST_WITHIN STARTS_WITH ' +
    'STD STDDEV STDDEV_POP STDDEV_SAMP STRING_AGG STRING_TO_ARRAY STRPOS SUBSTR SUBSTRING SUM TAN TO_CHAR TO_DATE TO_JSON TO_JSONB TO_NUMBER ' +
    'TO_TIMESTAMP TO_TSQUERY TO_TSVECTOR TOTAL TRANSLATE TRIM TRUNC TRUNCATE TS_HEADLINE TS_RANK TS_RANK_CD TYPEOF UCASE UNACCENT UNHEX UNICODE ' +
    'UPPER VAR_POP VAR_SAMP VARIANCE WEBSEARCH_TO_TSQUERY WEEK WEEKDAY YEAR'
  ).split(' '),
);

/** The same but in SQLite, where they take `'now'`, or nothing, for the time. */
const PURE_WITH_ARGUMENT = new Set(['DATE', 'TIME', 'TIMESTAMP']);

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

/** Texts that PostgreSQL takes for the time where a date is expected. */
const TIME_TEXTS = new Set(['now', 'today', 'tomorrow', 'yesterday']);

/**
 * Why what a statement answers may depend on more than tables and parameters: on the time, the session,
 * chance, or on what a function reads. `undefined`: it does not.
 */
export function impurity(
  { words, dialect }: Passage,
  { from, to }: Range,
): string | undefined {
  for (let index = from; index < to; index += 1) {
    const word = words[index];
    if (word === undefined) continue;
    const isCalled = index + 1 < to && words[index + 1]?.key === '(';
    const reason = isCalled
      ? impureCall(word, words[index - 1], dialect)
      : impureWord(word, words[index - 1], words[index + 1], dialect);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Whether a parameter stands for the time, as PostgreSQL reads it where a date is expected. */
export function isTimeText(value: unknown, dialect: Dialect): boolean {
  return (
    dialect === 'postgres' &&
    typeof value === 'string' &&
    value.length < 40 &&
    TIME_TEXTS.has(value.trim().toLowerCase().split(' ', 1)[0] ?? '')
  );
}

function impureCall(
  { kind, key, text }: Word,
  before: Word | undefined,
  dialect: Dialect,
): string | undefined {
  if (kind !== 'bare' && kind !== 'quoted' && kind !== 'either') {
    return undefined;
  }
  const named = kind === 'bare' && before?.key !== '.';
  if (named && NOT_CALLED.has(key)) return undefined;
  if (named && PURE.has(key)) return undefined;
  if (named && dialect !== 'sqlite' && PURE_WITH_ARGUMENT.has(key)) {
    return undefined;
  }
  return `what ${text}() answers is not known`;
}

function impureWord(
  { kind, key, text }: Word,
  before: Word | undefined,
  after: Word | undefined,
  dialect: Dialect,
): string | undefined {
  if (kind === 'string' && isTimeText(text, dialect)) {
    return `'${text}' may stand for the time`;
  }
  // A column, where it is qualified, or an alias.
  if (kind !== 'bare' || before?.key === '.' || after?.key === '.') {
    return undefined;
  }
  const ofTheMoment =
    OF_THE_MOMENT.has(key) || (key === 'USER' && dialect === 'postgres');
  return ofTheMoment ? `${key} is another one each time` : undefined;
}
