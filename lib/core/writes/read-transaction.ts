import { WordCursor, nameOf } from './passage.js';
import { type Dialect, type TransactionControl } from './statement.js';

const MODES = new Set([
  'ISOLATION',
  'LEVEL',
  'SERIALIZABLE',
  'REPEATABLE',
  'READ',
  'COMMITTED',
  'UNCOMMITTED',
  'ONLY',
  'WRITE',
  'NOT',
  'DEFERRABLE',
  'WITH',
  'CONSISTENT',
  'SNAPSHOT',
  ',',
]);

/**
 * Reads a statement that begins or ends a transaction or a savepoint. A string says why it cannot
 * be told what it does; `undefined`: it is another kind of statement.
 */
export function readTransactionControl(
  cursor: WordCursor,
): TransactionControl | string | undefined {
  const { dialect } = cursor.passage;
  const verb = cursor.key();
  switch (verb) {
    case 'BEGIN':
      cursor.at += 1;
      return readBegin(cursor);
    case 'START':
      if (dialect === 'sqlite' || cursor.key(1) !== 'TRANSACTION') {
        return undefined;
      }
      cursor.at += 2;
      return atEnd(skipModes(cursor), { kind: 'begin' });
    case 'COMMIT':
    case 'ROLLBACK':
      cursor.at += 1;
      return readEnd(cursor, verb === 'COMMIT' ? 'commit' : 'rollback');
    case 'END':
      if (dialect === 'mysql') return undefined;
      cursor.at += 1;
      return readEnd(cursor, 'commit');
    case 'ABORT':
      if (dialect !== 'postgres') return undefined;
      cursor.at += 1;
      return readEnd(cursor, 'rollback');
    case 'SAVEPOINT':
      cursor.at += 1;
      return readName(cursor, 'savepoint');
    case 'RELEASE':
      cursor.at += 1;
      cursor.take('SAVEPOINT');
      return readName(cursor, 'release');
    default:
      return undefined;
  }
}

const MALFORMED = 'transaction control that is not understood';

function atEnd(
  cursor: WordCursor,
  control: TransactionControl,
): TransactionControl | string {
  return cursor.done ? control : MALFORMED;
}

function skipModes(cursor: WordCursor): WordCursor {
  while (MODES.has(cursor.key())) cursor.at += 1;
  return cursor;
}

function readBegin(cursor: WordCursor): TransactionControl | string {
  const { dialect } = cursor.passage;
  if (dialect === 'sqlite') {
    cursor.takeAny('DEFERRED', 'IMMEDIATE', 'EXCLUSIVE', 'CONCURRENT');
    takeTransactionName(cursor);
  } else if (dialect === 'mysql') cursor.take('WORK');
  else {
    cursor.takeAny('WORK', 'TRANSACTION');
    skipModes(cursor);
  }
  return atEnd(cursor, { kind: 'begin' });
}

/** SQLite lets a transaction have a name, which means nothing. */
function takeTransactionName(cursor: WordCursor): void {
  if (!cursor.take('TRANSACTION') || cursor.is('TO')) return;
  if (nameOf(cursor.word, cursor.passage.dialect) !== undefined) cursor.at += 1;
}

function readEnd(
  cursor: WordCursor,
  kind: 'commit' | 'rollback',
): TransactionControl | string {
  if (cursor.is('PREPARED')) {
    return 'it ends a transaction that was prepared elsewhere';
  }
  const { dialect } = cursor.passage;
  if (dialect === 'sqlite') takeTransactionName(cursor);
  else cursor.takeAny('WORK', 'TRANSACTION');
  if (kind === 'rollback' && cursor.take('TO')) {
    cursor.take('SAVEPOINT');
    return readName(cursor, 'rollback-to');
  }
  let chain = false;
  if (cursor.take('AND')) {
    chain = !cursor.take('NO');
    if (!cursor.take('CHAIN')) return MALFORMED;
  }
  if (dialect === 'mysql') {
    cursor.take('NO');
    cursor.take('RELEASE');
  }
  return atEnd(cursor, { kind, chain });
}

function readName(
  cursor: WordCursor,
  kind: 'savepoint' | 'release' | 'rollback-to',
): TransactionControl | string {
  const { dialect } = cursor.passage;
  const name = nameOf(cursor.word, dialect);
  if (name === undefined) return MALFORMED;
  cursor.at += 1;
  return atEnd(cursor, { kind, name: foldSavepoint(name, dialect) });
}

/** MySQL and SQLite find a savepoint in any case, quoted or not. */
function foldSavepoint(name: string, dialect: Dialect): string {
  return dialect === 'postgres' ? name : name.toLowerCase();
}
