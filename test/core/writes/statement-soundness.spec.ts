import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { DataSource } from 'typeorm';

import { analyseSql } from '../../../lib/core/writes/analyse-sql.js';
import { type Dialect } from '../../../lib/core/writes/statement.js';
import {
  type Content,
  createTable,
  fillTable,
  overlooked,
  quoteName,
  randomText,
  TABLES,
} from '../../support/random-statements.js';

/** What is used of sql.js: TypeORM runs no more than the first statement of a text. */
interface SqlJsDatabase {
  exec(sql: string): { readonly values: readonly (readonly unknown[])[] }[];
}

describe('writes, compared with what SQLite changes', () => {
  let source: DataSource;
  let database: SqlJsDatabase;

  beforeAll(async () => {
    source = await new DataSource({ type: 'sqljs' }).initialize();
    database = (
      source.driver as unknown as { readonly databaseConnection: SqlJsDatabase }
    ).databaseConnection;
    for (const table of TABLES) database.exec(createTable(table, 'sqlite'));
  });
  afterAll(() => source.destroy());

  const refill = [
    'DROP TRIGGER IF EXISTS tr',
    ...TABLES.flatMap(table => [
      `DELETE FROM ${quoteName(table, 'sqlite')}`,
      fillTable(table, 'sqlite'),
    ]),
  ].join(';');

  function contents(): Map<string, Content> {
    const results = database.exec(
      TABLES.map(
        (table, at) =>
          // A row of its own for each table, so that an empty one has a result, too.
          `SELECT ${at}, 'first' UNION ALL SELECT id, quote(a) || quote(name) FROM ${quoteName(table, 'sqlite')}`,
      ).join(';'),
    );
    return new Map(
      TABLES.map((table, at) => {
        const [, ...rows] = results[at]?.values ?? [];
        return [
          table,
          new Map(rows.map(([id, rest]) => [Number(id), String(rest)])),
        ];
      }),
    );
  }

  it('name every table and row that a text changes', () => {
    let changed = 0;
    fc.assert(
      fc.property(randomText('sqlite'), sql => {
        database.exec(refill);
        const before = contents();
        try {
          database.exec(sql);
        } catch {
          // What ran before the error counts.
        }
        const after = contents();
        const missed = overlooked(analyseSql(sql, 'sqlite'), before, after);
        expect({ sql, missed }).toEqual({ sql, missed: [] });
        if (
          TABLES.some(table => textOf(before, table) !== textOf(after, table))
        ) {
          changed += 1;
        }
      }),
      { numRuns: 300 },
    );
    expect(changed).toBeGreaterThan(80);
  }, 60_000);
});

function textOf(all: ReadonlyMap<string, Content>, table: string): string {
  return JSON.stringify([...(all.get(table) ?? [])]);
}

describe.each(['postgres', 'mysql', 'sqlite'] satisfies Dialect[])(
  'analyseSql in %s',
  dialect => {
    it('never throws, whatever the text', () => {
      fc.assert(
        fc.property(
          fc.oneof(
            fc.string({ maxLength: 60 }),
            fc.string({ unit: 'binary', maxLength: 30 }),
            randomText(dialect),
          ),
          sql => {
            const { statements } = analyseSql(sql, dialect);
            for (const { mentions } of statements)
              expect(mentions).toBeDefined();
          },
        ),
        { numRuns: 300 },
      );
    }, 60_000);

    it.each([
      '(',
      '[',
      '((',
      'EXPLAIN ANALYZE ',
      'COPY (',
      'SET STATEMENT a = 1 FOR ',
      'WITH a AS (',
      'UPDATE (',
      'UPDATE a JOIN (',
      'SELECT (',
      'DELETE FROM t WHERE (',
      'DELETE FROM t WHERE NOT (',
      'DELETE FROM t WHERE id = (',
      'INSERT INTO t VALUES ((',
      'UPDATE t SET a = (',
      'CREATE TRIGGER a BEGIN ',
      '/*! ',
      '/* ',
      'a.',
      'a,',
      'x = 1 AND ',
      ';',
    ])('reads %j repeated thousands of times', part => {
      const deep = part.repeat(3000);
      for (const sql of [deep, `${deep} 1 ${')'.repeat(3000)}`]) {
        const { statements } = analyseSql(sql, dialect);
        for (const { mentions } of statements.slice(0, 3)) {
          expect(mentions).toBeDefined();
        }
        expect(statements).toBeDefined();
      }
    });
  },
);
