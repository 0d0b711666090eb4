import { Findings } from './findings.js';
import { distinctTables, mentionedTables } from './mentioned-tables.js';
import { isPlainSelect } from './plain-select.js';
import { readStatement } from './read-statement.js';
import { reconcile } from './reconcile.js';
import { splitStatements } from './split-statements.js';
import { READINGS, type Reading } from './sql-readings.js';
import { readWords, type SqlWords } from './sql-words.js';
import {
  type Analysis,
  type Dialect,
  type Statement,
  type TableName,
} from './statement.js';

/**
 * Tells what the statements of a SQL text do. Never throws: what is not understood comes back as
 * `unknown`, together with the writes that can be seen in it.
 *
 * Not told, since the text does not: what functions, triggers, views, foreign keys and prepared
 * statements write, and to which schema `USE` or `search_path` leads a bare name.
 */
export function analyseSql(sql: string, dialect: Dialect): Analysis {
  if (isPlainSelect(sql, dialect)) {
    return {
      statements: [statementOf(new Findings(), sql, dialect)],
      harmless: true,
    };
  }
  const words = readWords(sql, dialect);
  const usual = readStatements(sql, dialect, words);
  const statements =
    words.ambiguous || words.conditional
      ? reconcile(
          usual,
          otherReadings(dialect, words).map(reading =>
            statementsThatRun(sql, dialect, readWords(sql, dialect, reading)),
          ),
          words.conditional,
        )
      : usual;
  return { statements, harmless: statements.every(isHarmless) };
}

function otherReadings(
  dialect: Dialect,
  { ambiguous, conditional }: SqlWords,
): Reading[] {
  const [usual, ...others] = READINGS[dialect];
  const readings = ambiguous ? [usual, ...others] : [usual];
  const skipping = conditional
    ? readings.map(reading => ({ ...reading, conditional: false }))
    : [];
  return [...readings.slice(1), ...skipping];
}

function readStatements(
  sql: string,
  dialect: Dialect,
  words: SqlWords,
): Statement[] {
  const { passage, statements } = splitStatements(sql, dialect, words);
  const read = statements.map(range => {
    const start = passage.words[range.from]?.start;
    const end = passage.words[range.to - 1]?.end;
    const text = sql.slice(start, end);
    return statementOf(readStatement(passage, range), text, dialect);
  });
  if (words.failure !== undefined) {
    const findings = new Findings();
    findings.unsure(words.failure);
    read.push(statementOf(findings, '', dialect));
  }
  return read;
}

/** What runs where the text is read so; a server that cannot read all of it may run the beginning. */
function statementsThatRun(
  sql: string,
  dialect: Dialect,
  words: SqlWords,
): Statement[] | undefined {
  const statements = readStatements(sql, dialect, words);
  if (words.failure === undefined) return statements;
  // PostgreSQL reads the whole text first.
  const isWhole = words.words.at(-1)?.key === ';';
  const complete = statements.slice(0, isWhole ? -1 : -2);
  return dialect === 'postgres' || complete.length === 0 ? undefined : complete;
}

function statementOf(
  {
    control,
    writes,
    answersForWrite,
    unknown,
    commitsImplicitly,
    locks,
  }: Findings,
  text: string,
  dialect: Dialect,
): Statement {
  let mentions: readonly TableName[] | undefined;
  return {
    control,
    writes,
    answersForWrite,
    unknown,
    commitsImplicitly,
    locks,
    // Asked of few statements: the many that only run past a capture do not pay for it.
    get mentions() {
      mentions ??= distinctTables([
        ...mentionedTables(text, dialect),
        ...writes.map(({ table }) => table),
      ]);
      return mentions;
    },
  };
}

function isHarmless(statement: Statement): boolean {
  return (
    statement.control === undefined &&
    statement.writes.length === 0 &&
    statement.unknown === undefined &&
    !statement.commitsImplicitly
  );
}
