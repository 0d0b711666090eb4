import { type Findings } from './findings.js';
import { WordCursor, nameOf, splitByComma, takeTableName } from './passage.js';
import { readDefinition, readTruncate } from './read-definition.js';
import { type Dialect } from './statement.js';

type Reader = (cursor: WordCursor, findings: Findings) => void;

const changesNothing: Reader = () => {};

const changesSession: Reader = (_, findings) => {
  findings.locks = true;
};

const commits: Reader = (_, findings) => {
  findings.commitsImplicitly = true;
};

const cannotTell: Reader = (cursor, findings) => {
  findings.unsure(`${cursor.key()} can write anything`);
};

const DEFINITIONS: readonly (readonly [string, Reader])[] = [
  ['CREATE', readDefinition],
  ['ALTER', readDefinition],
  ['DROP', readDefinition],
];

const POSTGRES: ReadonlyMap<string, Reader> = new Map([
  ...DEFINITIONS,
  ['REFRESH', readDefinition],
  ['TRUNCATE', readTruncate],
  ['PREPARE', readPrepare],
  ...each(changesNothing, [
    'ANALYZE',
    'ANALYSE',
    'CHECKPOINT',
    'CLUSTER',
    'COMMENT',
    'GRANT',
    'NOTIFY',
    'REASSIGN',
    'REINDEX',
    'REVOKE',
    'SECURITY',
    'SHOW',
    'VACUUM',
  ]),
  ...each(changesSession, [
    'CLOSE',
    'DEALLOCATE',
    'DISCARD',
    'FETCH',
    'LISTEN',
    'LOCK',
    'MOVE',
    'RESET',
    'SET',
    'UNLISTEN',
  ]),
  ...each(cannotTell, ['CALL', 'DO', 'EXECUTE']),
]);

// https://dev.mysql.com/doc/refman/8.4/en/implicit-commit.html and MariaDB's list of the same.
const MYSQL: ReadonlyMap<string, Reader> = new Map([
  ...DEFINITIONS,
  ['RENAME', readDefinition],
  ['TRUNCATE', readTruncate],
  ['LOAD', readLoad],
  ['SET', readMysqlSet],
  ['LOCK', readMysqlLock],
  ['RESET', readMysqlReset],
  ['PREPARE', changesSession],
  ...each(changesNothing, ['CHECKSUM', 'HELP', 'SHOW']),
  // UNLOCK TABLES commits only what LOCK TABLES began, and that has committed what was open.
  ...each(changesSession, ['DEALLOCATE', 'HANDLER', 'UNLOCK', 'USE']),
  ...each(commits, [
    'ANALYZE',
    'CACHE',
    'CHANGE',
    'CHECK',
    'FLUSH',
    'GRANT',
    'OPTIMIZE',
    'REVOKE',
    'START',
    'STOP',
  ]),
  ...each(cannotTell, ['CALL', 'DO', 'EXECUTE']),
]);

const SQLITE: ReadonlyMap<string, Reader> = new Map([
  ...DEFINITIONS,
  ['PRAGMA', readPragma],
  ...each(changesNothing, ['ANALYZE', 'REINDEX', 'VACUUM']),
  ['DETACH', changesSession],
  ['ATTACH', cannotTell],
]);

const READERS: Readonly<Record<Dialect, ReadonlyMap<string, Reader>>> = {
  postgres: POSTGRES,
  mysql: MYSQL,
  sqlite: SQLITE,
};

function each(
  reader: Reader,
  verbs: readonly string[],
): (readonly [string, Reader])[] {
  return verbs.map(verb => [verb, reader]);
}

/** Reads a statement that is neither a query, nor a plain write, nor transaction control. */
export function readOtherStatement(
  cursor: WordCursor,
  findings: Findings,
): void {
  const verb = cursor.key();
  const read = READERS[cursor.passage.dialect].get(verb);
  if (read !== undefined) read(cursor, findings);
  else if (verb === '') findings.unsure('it begins with no keyword');
  else findings.unsure(`${verb} is not known`);
}

function readPrepare(cursor: WordCursor, findings: Findings): void {
  if (cursor.key(1) === 'TRANSACTION') {
    findings.unsure('PREPARE TRANSACTION leaves its writes to another session');
  } else findings.locks = true;
}

/** Reads `COPY t (a, b) FROM …` from the table's name on. */
export function readCopy(cursor: WordCursor, findings: Findings): void {
  const { passage } = cursor;
  cursor.take('BINARY');
  const table = takeTableName(cursor);
  const list = cursor.group();
  if (table === undefined || !cursor.is('FROM', 'TO')) {
    findings.unsure('COPY that is not understood');
    return;
  }
  if (cursor.is('TO')) return;
  const columns =
    list &&
    splitByComma(passage, list).map(
      ({ from }) => nameOf(passage.words[from], passage.dialect) ?? '',
    );
  findings.add([
    {
      verb: 'insert',
      table,
      columns,
      tuples: undefined,
      onConflict: 'fail',
      conflictColumns: undefined,
      conflictAssignments: new Map(),
      returning: undefined,
    },
  ]);
}

/** `LOAD DATA INFILE 'f' REPLACE INTO TABLE t`, `LOAD XML …`; `LOAD INDEX INTO CACHE …`. */
function readLoad(cursor: WordCursor, findings: Findings): void {
  if (cursor.key(1) === 'INDEX') {
    findings.commitsImplicitly = true;
    return;
  }
  const into = cursor.find('INTO');
  const ignores = cursor.find('IGNORE', 'LOCAL') < into;
  const replaces = cursor.find('REPLACE') < into;
  cursor.at = into;
  const table = cursor.take('INTO', 'TABLE')
    ? takeTableName(cursor)
    : undefined;
  if (table === undefined) {
    findings.unsure('LOAD that is not understood');
    return;
  }
  findings.add([
    {
      verb: 'insert',
      table,
      columns: undefined,
      tuples: undefined,
      onConflict: replaces ? 'replace' : ignores ? 'ignore' : 'fail',
      conflictColumns: undefined,
      conflictAssignments: new Map(),
      returning: undefined,
    },
  ]);
}

function readMysqlSet(cursor: WordCursor, findings: Findings): void {
  findings.locks = true;
  findings.commitsImplicitly = cursor.key(1) === 'PASSWORD';
  const { passage, rest } = cursor;
  for (const { kind, text } of passage.words.slice(rest.from, rest.to)) {
    if (kind === 'string' || kind === 'literal') continue;
    const name = text.toLowerCase();
    if (name.includes('autocommit') || name.includes('completion_type')) {
      findings.unsure('SET changes when a transaction begins or ends');
    }
  }
}

function readMysqlLock(cursor: WordCursor, findings: Findings): void {
  findings.locks = true;
  findings.commitsImplicitly = cursor.key(1).startsWith('TABLE');
}

function readMysqlReset(cursor: WordCursor, findings: Findings): void {
  findings.locks = true;
  findings.commitsImplicitly = cursor.key(1) !== 'PERSIST';
}

/** No pragma changes rows; asked without a value it only answers. */
function readPragma(cursor: WordCursor, findings: Findings): void {
  findings.locks =
    cursor.find('=') < cursor.end || cursor.find('(') < cursor.end;
}
