import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';

import { analyseSql } from '../../../lib/core/writes/analyse-sql.js';
import { isPlainSelect } from '../../../lib/core/writes/plain-select.js';
import { type Dialect } from '../../../lib/core/writes/statement.js';

describe.each(['postgres', 'mysql', 'sqlite'] satisfies Dialect[])(
  'a plain SELECT of %s',
  dialect => {
    it.each([
      'SELECT 1',
      " select \"updatedAt\" from t where a = 'it''s; fine' and b in (1, 2)",
      'SELECT `a` FROM t',
    ])('is %s', sql => {
      expect(isPlainSelect(sql, dialect)).toBe(true);
    });

    it.each([
      'SELECTED',
      'SELECT$1',
      'SELECT 1;',
      'SELECT 1 /* x */',
      'SELECT 1 -- x',
      'SELECT (1',
      'SELECT 1)',
      'SELECT ( [ ) ]',
      "SELECT 'a",
      'SELECT "a',
      "SELECT 'a\\'",
      'SELECT a INTO b FROM c',
      'SELECT 1 FOR UPDATE',
      "SELECT nextval('a')",
      'SELECT "pg_advisory_lock"(1)',
      'SELECT 1\0',
      'WITH a AS (SELECT 1) SELECT 1',
      'DELETE FROM t',
      '',
    ])('is not %j', sql => {
      expect(isPlainSelect(sql, dialect)).toBe(false);
    });

    it('does what any reading of it finds: nothing', () => {
      const word = fc.constantFrom(
        ...'a b FROM t WHERE = ( ) [ ] , . 1 $1 $a$ ? ; @x # INTO FOR UPDATE LOCK'.split(
          ' ',
        ),
        "'x'",
        "'",
        '"y"',
        '"',
        '`',
        '--',
        '/*',
        '*/',
        '\\',
        'nextval(',
        '(DELETE FROM t)',
      );
      let plain = 0;
      fc.assert(
        fc.property(fc.array(word, { maxLength: 8 }), words => {
          const sql = `SELECT ${words.join(' ')}`;
          if (!isPlainSelect(sql, dialect)) return;
          plain += 1;
          // A comment before it leads past the quick look.
          const { statements } = analyseSql(`/**/${sql}`, dialect);
          const { mentions: _, ...slow } = statements[0] ?? {};
          const [quick] = analyseSql(sql, dialect).statements;
          expect({ count: statements.length, ...slow }).toEqual({
            ...quick,
            count: 1,
            mentions: undefined,
          });
        }),
        { numRuns: 3000 },
      );
      expect(plain).toBeGreaterThan(300);
    });
  },
);
