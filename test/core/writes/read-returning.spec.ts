import { describe, expect, it } from '@jest/globals';
import { analyseSql } from '../../../lib/core/writes/analyse-sql.js';
import { type Dialect } from '../../../lib/core/writes/statement.js';

function returned(sql: string, dialect: Dialect = 'postgres'): unknown {
  const [write] = analyseSql(sql, dialect).statements[0]?.writes ?? [];
  return write && 'returning' in write ? write.returning : 'no write';
}

describe('RETURNING', () => {
  it.each([
    ['nothing', 'UPDATE t SET a = 1', undefined],
    ['every column', 'UPDATE t SET a = 1 RETURNING *', 'all'],
    ['plain columns', 'DELETE FROM t RETURNING "id", "a"', ['id', 'a']],
    ['columns of the table itself', 'DELETE FROM t RETURNING t.id', ['id']],
    ['columns of its alias', 'DELETE FROM t AS x RETURNING x.id', ['id']],
    [
      'columns of an INSERT',
      'INSERT INTO t (a) VALUES (1) RETURNING "id"',
      ['id'],
    ],
    ['no column under an alias', 'DELETE FROM t RETURNING a AS id', []],
    ['no column under a bare alias', 'DELETE FROM t RETURNING a id', []],
    ['no column of the row before', 'UPDATE t SET id = 2 RETURNING old.id', []],
    [
      'no column of a joined table',
      'UPDATE t SET a = 1 FROM o RETURNING o.id',
      [],
    ],
    [
      'no column that comes back twice',
      'DELETE FROM t RETURNING id, a AS id',
      [],
    ],
    [
      'no column beside a nameless value',
      'DELETE FROM t RETURNING id, a + 1',
      [],
    ],
    ['no column beside everything', 'DELETE FROM t RETURNING *, a AS id', []],
  ])('tells %s', (_, sql, expected) => {
    expect(returned(sql)).toEqual(expected);
  });
});

describe('a statement whose rows its text does not tell', () => {
  it('is an UPDATE OR REPLACE of SQLite, which deletes rows in the way', () => {
    const sql = "UPDATE OR REPLACE t SET a = 'x' WHERE id = 2";
    const [write] = analyseSql(sql, 'sqlite').statements[0]?.writes ?? [];
    expect(write).toEqual({ verb: 'opaque', table: { name: 't' } });
  });

  it('is an INSERT that overrides the key it lists', () => {
    const sql = 'INSERT INTO t (id) OVERRIDING USER VALUE VALUES (7)';
    const [write] = analyseSql(sql, 'postgres').statements[0]?.writes ?? [];
    expect(write).toMatchObject({ verb: 'insert', tuples: undefined });
  });
});
