import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { DataSource, type QueryRunner } from 'typeorm';

import { canonicalKeyValue } from '../../../lib/core/identifiers/key-value.js';
import {
  type Schema,
  type Table,
} from '../../../lib/core/identifiers/schema.js';
import { rowIdentifier } from '../../../lib/core/identifiers/identifier.js';
import { analyseSql } from '../../../lib/core/writes/analyse-sql.js';
import { type Statement } from '../../../lib/core/writes/statement.js';
import {
  type Effects,
  type EffectOptions,
  effectsOf,
} from '../../../lib/core/writes/write-effects.js';
import { driverFacts } from '../../../lib/typeorm/driver-facts.js';
import {
  coreReference,
  coreSchema,
  coreTable,
  keyColumn,
} from '../../support/core-schema.js';
import {
  randomWrite,
  type RandomWrite,
  SHOP_ROWS,
  SHOP_TABLES,
} from '../../support/random-writes.js';

const schema = coreSchema(
  [
    'users',
    'orders',
    coreTable('notes', {
      key: [
        keyColumn('code', {
          kind: 'text',
          fold: 'ascii',
          trailingSpace: 'keep',
        }),
      ],
    }),
  ],
  [
    coreReference('orders', 'user_id', 'users', { onDelete: 'cascade' }),
    coreReference('orders', 'after_id', 'orders', {
      onDelete: 'set-null',
      onUpdate: 'cascade',
    }),
    coreReference('notes', 'user_slug', 'users', {
      parentColumns: ['slug'],
      onDelete: 'cascade',
      onUpdate: 'cascade',
    }),
  ],
);

type Cells = Readonly<Record<string, unknown>>;
/** The rows of each table by SQLite's own row number. */
type Content = ReadonlyMap<string, ReadonlyMap<number, Cells>>;

interface Change {
  readonly table: Table;
  readonly before: Cells | undefined;
  readonly after: Cells | undefined;
}

function changesBetween(before: Content, after: Content): readonly Change[] {
  return schema.tables.flatMap(table => {
    const [had, has] = [before, after].map(content => content.get(table.name)!);
    const ids = new Set([...had!.keys(), ...has!.keys()]);
    return [...ids].flatMap(id => {
      const change = { table, before: had!.get(id), after: has!.get(id) };
      const same =
        JSON.stringify(change.before) === JSON.stringify(change.after);
      return same ? [] : [change];
    });
  });
}

/** The rows that refer to a table's row: none where the reference is empty. */
function parentsOf(
  { table, before, after }: Change,
  contents: readonly Content[],
): readonly (readonly [Table, Cells])[] {
  return schema.parentsOf(table.id).flatMap(reference => {
    const parent = schema.table(reference.parent)!;
    const [column = '', wanted = ''] = [
      reference.columns[0],
      reference.parentColumns[0],
    ];
    return [before, after].flatMap(cells => {
      const value = cells?.[column];
      if (value === undefined || value === null) return [];
      return contents.flatMap(content =>
        [...content.get(parent.name)!.values()]
          .filter(row => row[wanted] === value)
          .map(row => [parent, row] as const),
      );
    });
  });
}

/** What effects leave out of what happened, in words. */
function overlooked(
  { writes, unnamed }: Effects,
  before: Content,
  after: Content,
): readonly string[] {
  const named = new Set<string>(writes.identifiers());
  const missed: string[] = [];
  const unnamedLeft = new Map(unnamed);
  const isNamed = (table: Table, row: Cells): boolean => {
    const [column] = table.key;
    const key = column && canonicalKeyValue(column.kind, row[column.name]);
    return (
      named.has(`alkey:${table.id}#**`) ||
      // SQLite lets a text key be NULL: there is no name for such a row.
      (column !== undefined && row[column.name] === null) ||
      (key !== undefined && named.has(rowIdentifier(table.id, [key])))
    );
  };
  for (const change of changesBetween(before, after)) {
    const { table } = change;
    if (!named.has(`alkey:${table.id}#*`)) missed.push(`table ${table.id}`);
    if (!named.has('alkey:*#*')) missed.push('any write');
    for (const row of [change.before, change.after]) {
      if (!row || isNamed(table, row)) continue;
      const left = unnamedLeft.get(table.id) ?? 0;
      if (!change.before && left > 0) unnamedLeft.set(table.id, left - 1);
      else missed.push(`row ${table.id} ${JSON.stringify(row)}`);
    }
    for (const [parent, row] of parentsOf(change, [before, after])) {
      if (isNamed(parent, row)) continue;
      missed.push(`parent ${parent.id} ${JSON.stringify(row)}`);
    }
  }
  return missed;
}

/** What is named after a statement and was not announced before it. */
function unannounced(ahead: Effects, after: Effects): readonly string[] {
  const announced = new Set<string>(ahead.writes.identifiers());
  return after.writes.identifiers().filter(identifier => {
    const table = identifier.slice(0, identifier.indexOf('#'));
    const isRow = !identifier.endsWith('#*');
    const inserted = [...ahead.unnamed.keys()].some(
      id => `alkey:${id}` === table,
    );
    return !(
      announced.has(identifier) ||
      (isRow && (inserted || announced.has(`${table}#**`)))
    );
  });
}

describe('effects, compared with what SQLite changes', () => {
  let source: DataSource;
  let runner: QueryRunner;

  beforeAll(async () => {
    source = await new DataSource({ type: 'sqljs' }).initialize();
    runner = source.createQueryRunner();
    await runner.query('PRAGMA foreign_keys = ON');
    for (const sql of [...SHOP_TABLES, ...SHOP_ROWS]) await runner.query(sql);
  });
  afterAll(() => source.destroy());

  async function content(): Promise<Content> {
    const tables = new Map<string, Map<number, Cells>>();
    for (const { name } of schema.tables) {
      const rows: (Cells & { readonly at: number })[] = await runner.query(
        `SELECT rowid AS at, * FROM ${name}`,
      );
      tables.set(name, new Map(rows.map(({ at, ...cells }) => [at, cells])));
    }
    return tables;
  }

  async function check(
    { sql, parameters }: RandomWrite,
    options: EffectOptions,
  ): Promise<'refused' | 'nothing' | 'rows' | 'all'> {
    const [statement] = analyseSql(sql, 'sqlite').statements;
    const effects = (outcome?: ReturnType<typeof driverFacts>['outcome']) =>
      effectsOf(statement as Statement, parameters, outcome, schema, options);
    await runner.query('BEGIN');
    try {
      const before = await content();
      const raw: unknown = await runner.query(sql, [...parameters]);
      const { outcome } = driverFacts(
        runner,
        'sqlite',
        statement as Statement,
        raw,
        schema as Schema,
      );
      const after = await content();
      const ahead = effects();
      const done = effects(outcome);
      const found = {
        missedAhead: overlooked(ahead, before, after),
        missed: overlooked(done, before, after),
        unannounced: unannounced(ahead, done),
      };
      expect({ sql, parameters, ...found }).toEqual({
        sql,
        parameters,
        missedAhead: [],
        missed: [],
        unannounced: [],
      });
      const named = done.writes.identifiers();
      if (changesBetween(before, after).length === 0) return 'nothing';
      return named.some(identifier => identifier.endsWith('#**'))
        ? 'all'
        : 'rows';
    } catch (error) {
      if (error instanceof Error && 'driverError' in error) return 'refused';
      throw error;
    } finally {
      await runner.query('ROLLBACK');
    }
  }

  it.each([
    ['naming single rows', { maxRowsPerTable: 1000 }],
    ['naming few rows', { maxRowsPerTable: 1 }],
  ])('name every row, parent and table that changed, %s', async (_, limits) => {
    const outcomes = { refused: 0, nothing: 0, rows: 0, all: 0 };
    await fc.assert(
      fc.asyncProperty(randomWrite, async write => {
        const outcome = await check(write, {
          ...limits,
          parents: true,
          onUnknownWrite: 'all',
        });
        outcomes[outcome] += 1;
      }),
      { numRuns: 600 },
    );
    expect(outcomes.rows).toBeGreaterThan(8);
    expect(outcomes.all).toBeGreaterThan(80);
  });
});
