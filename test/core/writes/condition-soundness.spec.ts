import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { DataSource } from 'typeorm';

import { analyseSql } from '../../../lib/core/writes/analyse-sql.js';
import {
  allows,
  INSERT_PROBE_ROWS,
  type Piece,
  PROBE_TABLE,
  type ProbeRow,
  randomCondition,
  randomJumble,
  render,
} from '../../support/random-conditions.js';

describe('row filters, compared with what SQLite changes', () => {
  let source: DataSource;

  beforeAll(async () => {
    source = await new DataSource({ type: 'sqljs' }).initialize();
    await source.query(`CREATE TABLE probe ${PROBE_TABLE.sqlite}`);
    await source.query(INSERT_PROBE_ROWS('probe'));
  });
  afterAll(() => source.destroy());

  async function changedRows(
    condition: string,
    parameters: readonly unknown[],
  ): Promise<readonly ProbeRow[] | undefined> {
    await source.query('BEGIN');
    try {
      await source.query(`UPDATE probe SET touched = 1 WHERE ${condition}`, [
        ...parameters,
      ]);
      return await source.query('SELECT * FROM probe WHERE touched = 1');
    } catch {
      return undefined;
    } finally {
      await source.query('ROLLBACK');
    }
  }

  async function check(
    condition: readonly Piece[],
  ): Promise<'pinned' | 'all' | 'refused'> {
    const { text, parameters } = render(condition, 'sqlite');
    const [statement] = analyseSql(
      `UPDATE probe SET touched = 1 WHERE ${text}`,
      'sqlite',
    ).statements;
    const [write] = statement?.writes ?? [];
    if (write?.verb !== 'update') throw new Error(`no update: ${text}`);
    if (write.where === undefined) return 'all';
    const rows = await changedRows(text, parameters);
    const missed = rows?.filter(row => !allows(write.where, row, parameters));
    expect({ text, parameters, missed: missed ?? [] }).toEqual({
      text,
      parameters,
      missed: [],
    });
    return rows === undefined ? 'refused' : 'pinned';
  }

  it('hold every row that a condition matches', async () => {
    const outcomes = { pinned: 0, all: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(randomCondition('sqlite'), async condition => {
        outcomes[await check(condition)] += 1;
      }),
      { numRuns: 1000 },
    );
    expect(outcomes.pinned).toBeGreaterThan(200);
  }, 60_000);

  it('hold every row that a jumble of words matches', async () => {
    const outcomes = { pinned: 0, all: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(randomJumble('sqlite'), async condition => {
        outcomes[await check(condition)] += 1;
      }),
      { numRuns: 1000 },
    );
    expect(outcomes.pinned).toBeGreaterThan(0);
  }, 60_000);
});
