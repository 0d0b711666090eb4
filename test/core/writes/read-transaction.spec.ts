import { describe, expect, it } from '@jest/globals';

import { type Dialect } from '../../../lib/core/writes/statement.js';
import { analysisText } from '../../support/analysis-text.js';

/** By dialect: what `analysisText` says; `mysql` commits what is open before it begins anew. */
const SPELLINGS: readonly (readonly [sql: string, Dialect[], text: string])[] =
  [
    ['BEGIN', ['postgres', 'sqlite'], 'begin'],
    ['BEGIN WORK', ['postgres'], 'begin'],
    ['begin transaction', ['postgres', 'sqlite'], 'begin'],
    [
      'BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, NOT DEFERRABLE',
      ['postgres'],
      'begin',
    ],
    ['BEGIN DEFERRED', ['sqlite'], 'begin'],
    ['BEGIN IMMEDIATE TRANSACTION', ['sqlite'], 'begin'],
    ['BEGIN EXCLUSIVE TRANSACTION x', ['sqlite'], 'begin'],
    ['BEGIN', ['mysql'], 'commits begin'],
    ['BEGIN WORK', ['mysql'], 'commits begin'],
    ['START TRANSACTION', ['postgres'], 'begin'],
    ['START TRANSACTION ISOLATION LEVEL READ COMMITTED', ['postgres'], 'begin'],
    ['START TRANSACTION', ['mysql'], 'commits begin'],
    [
      'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY',
      ['mysql'],
      'commits begin',
    ],
    ['COMMIT', ['postgres', 'mysql', 'sqlite'], 'commit'],
    ['/* x */ COMMIT -- y', ['postgres', 'mysql', 'sqlite'], 'commit'],
    ['COMMIT;', ['postgres', 'mysql', 'sqlite'], 'commit'],
    ['COMMIT WORK', ['postgres', 'mysql'], 'commit'],
    ['COMMIT TRANSACTION', ['postgres', 'sqlite'], 'commit'],
    ['COMMIT AND CHAIN', ['postgres', 'mysql'], 'commit chain'],
    ['COMMIT WORK AND NO CHAIN', ['postgres', 'mysql'], 'commit'],
    ['COMMIT AND CHAIN NO RELEASE', ['mysql'], 'commit chain'],
    ['COMMIT RELEASE', ['mysql'], 'commit'],
    ['END', ['postgres', 'sqlite'], 'commit'],
    ['END TRANSACTION', ['postgres', 'sqlite'], 'commit'],
    ['ROLLBACK', ['postgres', 'mysql', 'sqlite'], 'rollback'],
    ['ROLLBACK WORK', ['postgres', 'mysql'], 'rollback'],
    ['ROLLBACK TRANSACTION', ['postgres', 'sqlite'], 'rollback'],
    ['ROLLBACK AND CHAIN', ['postgres', 'mysql'], 'rollback chain'],
    ['ABORT', ['postgres'], 'rollback'],
    ['ABORT AND CHAIN', ['postgres'], 'rollback chain'],
    ['SAVEPOINT a', ['postgres', 'mysql', 'sqlite'], 'savepoint a'],
    ['SAVEPOINT Ab', ['postgres', 'mysql', 'sqlite'], 'savepoint ab'],
    ['SAVEPOINT "Ab"', ['postgres'], 'savepoint Ab'],
    ['SAVEPOINT "Ab"', ['sqlite'], 'savepoint ab'],
    ['SAVEPOINT `Ab`', ['mysql', 'sqlite'], 'savepoint ab'],
    ["SAVEPOINT 'Ab'", ['sqlite'], 'savepoint ab'],
    [
      'SAVEPOINT typeorm_1',
      ['postgres', 'mysql', 'sqlite'],
      'savepoint typeorm_1',
    ],
    ['RELEASE SAVEPOINT a', ['postgres', 'mysql', 'sqlite'], 'release a'],
    ['RELEASE a', ['postgres', 'sqlite'], 'release a'],
    [
      'ROLLBACK TO SAVEPOINT a',
      ['postgres', 'mysql', 'sqlite'],
      'rollback-to a',
    ],
    ['ROLLBACK TO a', ['postgres', 'mysql', 'sqlite'], 'rollback-to a'],
    ['ROLLBACK WORK TO a', ['postgres', 'mysql'], 'rollback-to a'],
    [
      'ROLLBACK TRANSACTION TO SAVEPOINT a',
      ['postgres', 'sqlite'],
      'rollback-to a',
    ],
    [
      'BEGIN; UPDATE t SET a = 1; COMMIT',
      ['postgres', 'sqlite'],
      'begin / update t[*] set a=1 / commit',
    ],
    // Not to be taken for what they resemble.
    ['SAVEPOINT typeorm_-1', ['postgres', 'mysql', 'sqlite'], '!'],
    ['SAVEPOINT', ['postgres', 'mysql', 'sqlite'], '!'],
    ['COMMIT a b', ['postgres', 'mysql', 'sqlite'], '!'],
    ['COMMIT AND', ['postgres', 'mysql', 'sqlite'], '!'],
    ['ROLLBACK TO', ['postgres', 'mysql', 'sqlite'], '!'],
    ['BEGIN x', ['postgres', 'mysql', 'sqlite'], '!'],
    ['END', ['mysql'], '!'],
    ['ABORT', ['mysql', 'sqlite'], '!'],
    ['START TRANSACTION', ['sqlite'], '!'],
    ["PREPARE TRANSACTION 'x'", ['postgres'], '!'],
    ["COMMIT PREPARED 'x'", ['postgres'], '!'],
    ["ROLLBACK PREPARED 'x'", ['postgres'], '!'],
    ["XA COMMIT 'x'", ['mysql'], '!'],
  ];

describe('transaction control', () => {
  it.each(
    SPELLINGS.flatMap(([sql, dialects, text]) =>
      dialects.map(dialect => [dialect, sql, text] as const),
    ),
  )('in %s, %s: %s', (dialect, sql, text) => {
    expect(analysisText(sql, dialect)).toBe(text);
  });
});
