import { afterAll, beforeAll, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { DataSource, type QueryRunner } from 'typeorm';

import { analyseSql } from '../../lib/core/writes/analyse-sql.js';
import { type Dialect } from '../../lib/core/writes/statement.js';
import {
  allows,
  INSERT_PROBE_ROWS,
  PROBE_TABLE,
  type Piece,
  type ProbeRow,
  randomCondition,
  randomJumble,
  render,
} from '../support/random-conditions.js';
import {
  type Content,
  createTable,
  fillTable,
  overlooked,
  quoteName,
  randomText,
  TABLES,
} from '../support/random-statements.js';
import { describeWith } from '../support/suites.js';

interface Database {
  readonly variable: 'POSTGRES_URL' | 'MARIADB_URL';
  readonly type: 'postgres' | 'mariadb';
  readonly dialect: Dialect;
  /** Changes how the server reads texts, which no text tells. */
  readonly setting?: string;
}

const databases: readonly Database[] = [
  { variable: 'POSTGRES_URL', type: 'postgres', dialect: 'postgres' },
  {
    variable: 'POSTGRES_URL',
    type: 'postgres',
    dialect: 'postgres',
    setting: 'SET standard_conforming_strings = off',
  },
  { variable: 'MARIADB_URL', type: 'mariadb', dialect: 'mysql' },
  {
    variable: 'MARIADB_URL',
    type: 'mariadb',
    dialect: 'mysql',
    setting: "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
  },
  {
    variable: 'MARIADB_URL',
    type: 'mariadb',
    dialect: 'mysql',
    setting: "SET sql_mode = 'NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE'",
  },
];

for (const { variable, type, dialect, setting } of databases) {
  describeWith(variable, `SQL as ${type} reads it ${setting ?? ''}`, url => {
    let source: DataSource;
    let runner: QueryRunner;

    beforeAll(async () => {
      source = await new DataSource({
        type,
        url,
        extra: type === 'mariadb' ? { multipleStatements: true } : {},
      }).initialize();
      runner = source.createQueryRunner();
      // The tables are this session's own, so that no other run meets them.
      await runner.query(
        `CREATE TEMPORARY TABLE probe ${PROBE_TABLE[dialect]}`,
      );
      await runner.query(INSERT_PROBE_ROWS('probe'));
      for (const table of TABLES) {
        await runner.query(createTable(table, dialect));
      }
      if (setting !== undefined) await runner.query(setting);
    });
    afterAll(async () => {
      await runner.release();
      await source.destroy();
    });

    it('changes no row that a filter leaves out', async () => {
      const outcomes = { pinned: 0, all: 0, refused: 0 };
      await fc.assert(
        fc.asyncProperty(randomCondition(dialect), async condition => {
          outcomes[await check(runner, condition, dialect)] += 1;
        }),
        { numRuns: 120 },
      );
      expect(outcomes.pinned).toBeGreaterThan(10);
    }, 60_000);

    it('changes no row that a filter of a jumble of words leaves out', async () => {
      const outcomes = { pinned: 0, all: 0, refused: 0 };
      await fc.assert(
        fc.asyncProperty(randomJumble(dialect), async condition => {
          outcomes[await check(runner, condition, dialect)] += 1;
        }),
        { numRuns: 150 },
      );
      // Few of them mean anything to a database, and all that do are compared.
      expect(outcomes.pinned + outcomes.all + outcomes.refused).toBe(150);
    }, 60_000);

    it('changes no table or row that an analysis does not name', async () => {
      let told = 0;
      await fc.assert(
        fc.asyncProperty(randomText(dialect), async sql => {
          const { before, after } = await run(runner, sql, dialect);
          const analysis = analyseSql(sql, dialect);
          const missed = overlooked(analysis, before, after);
          expect({ sql, missed }).toEqual({ sql, missed: [] });
          const changed =
            JSON.stringify([...after].map(([, rows]) => [...rows])) !==
            JSON.stringify([...before].map(([, rows]) => [...rows]));
          const isTold = analysis.statements.every(
            ({ unknown }) => unknown === undefined,
          );
          if (changed && isTold) told += 1;
        }),
        { numRuns: 120 },
      );
      expect(told).toBeGreaterThan(10);
    }, 60_000);
  });
}

/** The contents of all tables before and after a text ran, which is rolled back. */
async function run(
  runner: QueryRunner,
  sql: string,
  dialect: Dialect,
): Promise<Record<'before' | 'after', ReadonlyMap<string, Content>>> {
  await runner.query(
    TABLES.map(
      table =>
        `DELETE FROM ${quoteName(table, dialect)}; ${fillTable(table, dialect)}`,
    ).join(';'),
  );
  const before = await contents(runner, dialect);
  await runner.query('START TRANSACTION');
  try {
    await runner.query(sql).catch(() => undefined);
    return { before, after: await contents(runner, dialect) };
  } catch {
    // PostgreSQL answers nothing more after an error, and undoes what was before it.
    return { before, after: before };
  } finally {
    await runner.query('ROLLBACK');
  }
}

async function contents(
  runner: QueryRunner,
  dialect: Dialect,
): Promise<Map<string, Content>> {
  const rows = (await runner.query(
    TABLES.map(
      (table, at) =>
        `SELECT ${at} AS source, id, a, name FROM ${quoteName(table, dialect)}`,
    ).join(' UNION ALL ') + ' ORDER BY source, id',
  )) as {
    readonly source: number;
    readonly id: number;
    readonly a: number | null;
    readonly name: string | null;
  }[];
  return new Map(
    TABLES.map((table, at) => [
      table,
      new Map(
        rows
          .filter(({ source }) => Number(source) === at)
          .map(({ id, a, name }) => [id, JSON.stringify([a, name])]),
      ),
    ]),
  );
}

async function check(
  runner: QueryRunner,
  condition: readonly Piece[],
  dialect: Dialect,
): Promise<'pinned' | 'all' | 'refused'> {
  const { text, parameters } = render(condition, dialect);
  const sql = `UPDATE probe SET touched = 1 WHERE ${text}`;
  const [write] = analyseSql(sql, dialect).statements[0]?.writes ?? [];
  if (write?.verb !== 'update') throw new Error(`no update: ${text}`);
  if (write.where === undefined) return 'all';
  const rows = await changedRows(runner, sql, parameters);
  const missed = rows?.filter(row => !allows(write.where, row, parameters));
  expect({ text, parameters, missed: missed ?? [] }).toEqual({
    text,
    parameters,
    missed: [],
  });
  return rows === undefined ? 'refused' : 'pinned';
}

/** `undefined` where the database refuses the statement. */
async function changedRows(
  runner: QueryRunner,
  sql: string,
  parameters: readonly unknown[],
): Promise<readonly ProbeRow[] | undefined> {
  await runner.query('START TRANSACTION');
  try {
    await runner.query(sql, [...parameters]);
    return (await runner.query(
      'SELECT * FROM probe WHERE touched = 1',
    )) as ProbeRow[];
  } catch {
    return undefined;
  } finally {
    await runner.query('ROLLBACK');
  }
}
