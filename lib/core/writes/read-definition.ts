import { type Findings } from './findings.js';
import {
  type Range,
  WordCursor,
  nameOf,
  nextOutside,
  takeTableName,
} from './passage.js';
import { type TableName } from './statement.js';

/** Objects whose rows come, go or change with them. */
const ROW_OBJECTS = new Set(['TABLE', 'TABLES', 'VIEW']);

/** Objects that hold no rows, and whose definition changes none. */
const ROWLESS_OBJECTS = new Set([
  'ACCESS',
  'AGGREGATE',
  'CAST',
  'COLLATION',
  'CONVERSION',
  'DEFAULT',
  'DOMAIN',
  'EVENT',
  'FUNCTION',
  'GROUP',
  'INDEX',
  'INSTANCE',
  'LANGUAGE',
  'LOGFILE',
  'OPERATOR',
  'PACKAGE',
  'PREPARE',
  'PROCEDURE',
  'PUBLICATION',
  'RESOURCE',
  'ROLE',
  'ROUTINE',
  'SEQUENCE',
  'SERVER',
  'SPATIAL',
  'STATISTICS',
  'SUBSCRIPTION',
  'TABLESPACE',
  'TEXT',
  'TRANSFORM',
  'TRIGGER',
  'TYPE',
  'UNDO',
  'USER',
]);

const MODIFIERS = new Set([
  'OR',
  'REPLACE',
  'GLOBAL',
  'LOCAL',
  'TEMP',
  'TEMPORARY',
  'UNLOGGED',
  'MATERIALIZED',
  'RECURSIVE',
  'FOREIGN',
  'VIRTUAL',
  'UNIQUE',
  'FULLTEXT',
  'VECTOR',
  'CONSTRAINT',
  'TRUSTED',
  'PROCEDURAL',
  'ALGORITHM',
  'DEFINER',
  'SQL',
  'SECURITY',
  'ONLINE',
  'OFFLINE',
  'IGNORE',
  'NOT',
  'IF',
  'EXISTS',
  'CONCURRENTLY',
]);

/** Reads CREATE, ALTER, DROP, RENAME and REFRESH from the verb on. */
export function readDefinition(cursor: WordCursor, findings: Findings): void {
  const { dialect } = cursor.passage;
  const verb = cursor.key();
  cursor.at += 1;
  const first = cursor.at;
  const object = takeObject(cursor);
  const temporary =
    ['TABLE', 'TABLES'].includes(object) && isTemporary(cursor, first);
  if (dialect === 'mysql' && !(temporary && verb !== 'ALTER')) {
    findings.commitsImplicitly = object !== 'PREPARE';
  }
  if (ROW_OBJECTS.has(object)) {
    readRowObject(cursor, verb, findings);
    return;
  }
  if (object === 'POLICY' || object === 'RULE') {
    // Which rows a query of the table sees, or what a write to it does, is another from now on.
    const before = object === 'RULE' && verb === 'CREATE' ? 'TO' : 'ON';
    cursor.at = cursor.find(before) + 1;
    const table = takeTableName(cursor);
    if (table !== undefined) findings.addOpaque(table);
    else findings.unsure(`${verb} ${object} of a table that is not named`);
    return;
  }
  if (object === 'DATABASE' || object === 'SCHEMA') {
    const nested = cursor.find('CREATE') < cursor.end;
    if (verb === 'DROP' || nested) {
      findings.unsure(`${verb} ${object} can change every table in it`);
    }
    return;
  }
  if (!ROWLESS_OBJECTS.has(object)) {
    findings.unsure(`${verb} of an object that is not known`);
    return;
  }
  const cascades = cursor.find('CASCADE') < cursor.end;
  if (verb === 'DROP' && cascades && object !== 'INDEX') {
    findings.unsure(`DROP ${object} CASCADE can change tables`);
  } else if (verb === 'ALTER' && (object === 'TYPE' || object === 'DOMAIN')) {
    findings.unsure(`ALTER ${object} can change what rows read`);
  }
}

/** Goes to the word that says what is defined, past `OR REPLACE`, `DEFINER = …` and the like. */
function takeObject(cursor: WordCursor): string {
  while (!cursor.done) {
    const key = cursor.key();
    if (key === 'DEFINER' || key === 'ALGORITHM') {
      skipSetting(cursor);
      continue;
    }
    if (key === 'SECURITY' || key === 'SQL') {
      cursor.at += key === 'SQL' ? 3 : 2;
      continue;
    }
    cursor.at += 1;
    if (!MODIFIERS.has(key)) return key;
  }
  return '';
}

/** `DEFINER = 'root'@'localhost'`, `DEFINER = CURRENT_USER()`, `ALGORITHM = MERGE`. */
function skipSetting(cursor: WordCursor): void {
  cursor.at += 1;
  cursor.take('=');
  cursor.at += 1;
  cursor.group();
  if (cursor.word?.kind === 'variable') cursor.at += 1;
}

function isTemporary({ passage, at }: WordCursor, first: number): boolean {
  for (let index = first; index < at; index += 1) {
    const key = passage.words[index]?.key;
    if (key === 'TEMPORARY' || key === 'TEMP') return true;
  }
  return false;
}

function readRowObject(
  cursor: WordCursor,
  verb: string,
  findings: Findings,
): void {
  if (verb === 'RENAME') {
    readRenames(cursor, findings);
    return;
  }
  cursor.takeAny('CONCURRENTLY');
  if (cursor.take('IF')) {
    cursor.take('NOT');
    cursor.take('EXISTS');
  }
  if (cursor.is('ONLY') && cursor.key(1) !== '.') cursor.at += 1;
  const table = takeTableName(cursor);
  if (table === undefined) {
    findings.unsure(`${verb} of a table that is not named`);
    return;
  }
  findings.addOpaque(table);
  if (verb === 'DROP') {
    while (cursor.take(',')) {
      const next = takeTableName(cursor);
      if (next !== undefined) findings.addOpaque(next);
    }
  } else if (verb === 'ALTER') readAlterations(cursor, table, findings);
}

/** `a TO b, c TO d` */
function readRenames(cursor: WordCursor, findings: Findings): void {
  while (!cursor.done) {
    const table = takeTableName(cursor);
    if (table !== undefined) findings.addOpaque(table);
    // A lock to wait for: `WAIT 5`, `NOWAIT`.
    cursor.at = cursor.find('TO', ',') + 1;
  }
}

/** Tables besides the altered one: its new name or schema, and those that rows move to or from. */
function readAlterations(
  cursor: WordCursor,
  table: TableName,
  findings: Findings,
): void {
  const { passage } = cursor;
  const { dialect } = passage;
  const add = (name: TableName | undefined): void => {
    if (name === undefined) return;
    findings.addOpaque(name);
    if (name.schema === undefined && table.schema !== undefined) {
      findings.addOpaque({ schema: table.schema, name: name.name });
    }
  };
  while (!cursor.done) {
    const key = cursor.key();
    const next = cursor.at;
    cursor.at += 1;
    if (key === 'RENAME') {
      if (cursor.takeAny('TO', 'AS', '=')) add(takeTableName(cursor));
      else if (
        dialect === 'mysql' &&
        !cursor.is('COLUMN', 'INDEX', 'KEY', 'CONSTRAINT')
      ) {
        add(takeTableName(cursor));
      }
    } else if (key === 'SET' && cursor.take('SCHEMA')) {
      const schema = nameOf(cursor.word, dialect);
      if (schema !== undefined) {
        findings.addOpaque({ schema, name: table.name });
      }
    } else if (key === 'PARTITION' || key === 'INHERIT') {
      add(takeTableName(cursor));
    } else if (key === 'TABLE') add(takeTableName(cursor));
    else cursor.at = nextOutside(passage, next);
  }
}

/** Reads `TRUNCATE [TABLE] a, b CASCADE`. */
export function readTruncate(cursor: WordCursor, findings: Findings): void {
  const { dialect } = cursor.passage;
  findings.commitsImplicitly = dialect === 'mysql';
  cursor.take('TRUNCATE');
  cursor.take('TABLE');
  const cascade = cursor.find('CASCADE') < cursor.end;
  do {
    if (dialect === 'postgres' && cursor.key(1) !== '.') cursor.take('ONLY');
    const inner: Range | undefined = cursor.group();
    const table = takeTableName(
      inner === undefined ? cursor : new WordCursor(cursor.passage, inner),
    );
    if (table === undefined) {
      findings.unsure('TRUNCATE of a table that is not named');
      return;
    }
    findings.add([{ verb: 'truncate', table, cascade }]);
    cursor.take('*');
  } while (cursor.take(','));
}
