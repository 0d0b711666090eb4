import { describe, expect, it } from '@jest/globals';
import { SqlReads } from '../../../lib/core/reads/sql-reads.js';
import { Schema } from '../../../lib/core/identifiers/schema.js';
import { tableId } from '../../../lib/core/identifiers/identifier.js';
import { type Parameters } from '../../../lib/core/writes/operand-value.js';
import { type Dialect } from '../../../lib/core/writes/statement.js';
import { coreTable, keyColumn } from '../../support/core-schema.js';

const schema = new Schema(
  'default',
  [
    coreTable('users'),
    coreTable('orders'),
    coreTable('members', { key: [keyColumn('a'), keyColumn('b')] }),
    coreTable('totals', { key: [], reads: [tableId('orders')] }),
    coreTable('recent', { key: [], reads: [tableId('orders')], impure: 'x' }),
  ],
  [],
  false,
);

function short(identifier: string): string {
  return identifier.slice('alkey:'.length);
}

/** `users#1 users#* | orders#*`: rows with the table that counts for a missing one, and other tables. */
function reads(
  sql: string,
  parameters: Parameters = [],
  dialect: Dialect = 'postgres',
): string {
  const read = new SqlReads(dialect, schema).of(sql, parameters);
  if (read.kind === 'unknown') return `unknown: ${read.reason}`;
  if (read.kind !== 'told') return read.kind;
  const rows = read.rows.flatMap(({ rows: found }) =>
    found.map(({ identifier }) => short(identifier)),
  );
  const tables = read.tables.map(({ identifier }) => short(identifier));
  return [...rows, '|', ...tables].join(' ');
}

describe('SqlReads', () => {
  it.each([
    ['SELECT * FROM users WHERE id = $1', [1], 'users#1 |'],
    [
      'SELECT u.id FROM "users" "u" WHERE "u"."id" IN ($1, $2)',
      [1, 2],
      'users#1 users#2 |',
    ],
    ['SELECT * FROM users u WHERE (u.id = $1) LIMIT 1', ['01'], 'users#1 |'],
    [
      'SELECT * FROM users u WHERE u.id = $1 AND u.name = $2',
      [3, 'x'],
      'users#3 |',
    ],
    ['SELECT * FROM members m WHERE m.a = 1 AND m.b = 2', [], 'members#1,2 |'],
    ['SELECT * FROM members m WHERE m.a = 1', [], '| members#*'],
    [
      'SELECT * FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE u.id = $1',
      [1],
      'users#1 | orders#*',
    ],
    [
      'SELECT * FROM orders o INNER JOIN users u ON o.user_id = u.id WHERE u.id = $1',
      [1],
      'users#1 | orders#*',
    ],
    [
      'SELECT *, (SELECT COUNT(*) FROM orders o WHERE o.user_id = u.id) FROM users u WHERE u.id = $1',
      [1],
      'users#1 | orders#*',
    ],
    [
      'SELECT DISTINCT "d"."u_id" AS "ids" FROM (SELECT "u"."id" AS "u_id" FROM "users" "u" LEFT JOIN "orders" "o" ON "o"."user_id" = "u"."id" WHERE "u"."id" = $1) "d" ORDER BY "ids" ASC LIMIT 1',
      [1],
      'users#1 | orders#*',
    ],
  ] as const)(
    'names rows that are looked up by key: %s',
    (sql, parameters, told) => {
      expect(reads(sql, parameters)).toBe(told);
    },
  );

  it.each([
    ['SELECT * FROM users', '| users#*'],
    ['SELECT * FROM users WHERE name = $1', '| users#*'],
    ['SELECT * FROM users WHERE id > 1', '| users#*'],
    ['SELECT * FROM users WHERE id = 1 OR name = $1', '| users#*'],
    [
      'SELECT * FROM users u JOIN users m ON m.id = u.manager_id WHERE u.id = 1',
      '| users#*',
    ],
    [
      'SELECT * FROM users u WHERE u.id = 1 AND EXISTS (SELECT 1 FROM users v WHERE v.id <> u.id)',
      '| users#*',
    ],
    ['SELECT COUNT(*) FROM users WHERE id = 1', '| users#*'],
    ['SELECT name, MAX(id) FROM users WHERE id = 1 GROUP BY name', '| users#*'],
    [
      'SELECT id FROM users WHERE id = 1 UNION SELECT id FROM orders',
      '| users#* orders#*',
    ],
    [
      'WITH found AS (SELECT * FROM users WHERE id = 1) SELECT * FROM found',
      '| users#*',
    ],
    [
      'SELECT 1 AS row_exists FROM (SELECT 1 AS d) t WHERE EXISTS (SELECT 1 FROM users WHERE id = 1)',
      '| users#*',
    ],
    [
      'SELECT * FROM (SELECT * FROM users WHERE id = 1) d JOIN users u ON u.id = 2',
      '| users#*',
    ],
    ['SELECT COUNT(*) FROM (SELECT id FROM users WHERE id = 1) d', '| users#*'],
    ['SELECT * FROM users WHERE id = NULL', '| users#*'],
    [
      'SELECT * FROM users u LEFT JOIN orders o ON o.where = o.x AND u.id = 1',
      '| users#* orders#*',
    ],
    ['SELECT * FROM totals', '| totals#*'],
    ['SELECT 1', '|'],
  ])('names tables for everything else: %s', (sql, told) => {
    expect(reads(sql, [1])).toBe(told);
  });

  it('depends on what a view reads', () => {
    const read = new SqlReads('postgres', schema).of('TABLE totals', []);
    expect(read).toMatchObject({
      kind: 'told',
      tables: [{ reads: ['alkey:totals#*', 'alkey:orders#*'] }],
    });
  });

  it.each([
    ['postgres', 'SELECT * FROM users WHERE at > now()'],
    ['postgres', 'SELECT * FROM users WHERE at > CURRENT_TIMESTAMP'],
    ['postgres', "SELECT * FROM users WHERE at > 'today'"],
    ['postgres', 'SELECT * FROM users ORDER BY random()'],
    ['postgres', 'SELECT * FROM users WHERE name = user'],
    ['postgres', 'SELECT balance_of(id) FROM users'],
    ['postgres', 'SELECT shop.lower(name) FROM users'],
    ['postgres', 'SELECT "lower"(name) FROM users'],
    ['postgres', 'SELECT * FROM users TABLESAMPLE SYSTEM (10)'],
    ['postgres', 'SELECT * FROM users FOR UPDATE'],
    ['postgres', "SELECT nextval('s')"],
    ['postgres', 'SELECT * FROM customers'],
    ['postgres', 'SELECT * FROM recent'],
    ['postgres', 'SHOW server_version'],
    ['postgres', 'SELECT 1; SELECT 2'],
    ['mysql', 'SELECT * FROM users WHERE at > UTC_DATE'],
    ['mysql', 'SELECT * FROM users ORDER BY RAND()'],
    ['mysql', 'SELECT @a FROM users'],
    ['mysql', "SELECT * FROM users WHERE name = 'a\\'b'"],
    ['mysql', 'SELECT * FROM users LOCK IN SHARE MODE'],
    ['sqlite', "SELECT date('now') FROM users"],
    ['sqlite', 'SELECT date(at) FROM users'],
    ['sqlite', "SELECT datetime('now') FROM users"],
    ['sqlite', 'SELECT datetime(at, 1) FROM users'],
    ['sqlite', 'SELECT left(name) FROM users'],
    ['sqlite', 'SELECT md5(name) FROM users'],
    ['sqlite', 'SELECT regexp(name) FROM users'],
    ['sqlite', 'SELECT * FROM users WHERE id IN generate_series(1, 3)'],
    ['sqlite', 'SELECT * FROM users WHERE id IN ?'],
    ['mysql', 'SELECT * FROM users, ?? WHERE id = 1'],
    ['mysql', 'SELECT datetime(3) FROM users'],
    ['mysql', 'SELECT total(u.id) FROM users u'],
    ['mysql', 'SELECT string_agg(u.id) FROM users u'],
    ['mysql', 'SELECT MAX (u.id) FROM users u'],
    ['mysql', 'SELECT filter(u.id) FROM users u'],
    ['postgres', 'SELECT total(u.id) FROM users u'],
    ['postgres', 'SELECT year(u.at), hex(u.id) FROM users u'],
    ['postgres', 'SELECT key(u.id) FROM users u'],
    ['postgres', 'SELECT over(u.id) FROM users u'],
    ['postgres', 'SELECT by(u.id) FROM users u'],
    ['postgres', 'SELECT join(u.id) FROM users u'],
    ['postgres', 'SELECT NOT ilike(u.id) FROM users u'],
    ['postgres', 'SELECT * FROM users AS numeric(name, id) WHERE id = 1'],
    ['postgres', 'SELECT * FROM users AS lower(name, id) WHERE id = 1'],
    ['postgres', "SELECT * FROM users WHERE at > '12:00 today'"],
    ['postgres', "SELECT * FROM users WHERE at > 'today,12:00'"],
    ['postgres', "SELECT * FROM users WHERE at > 'now()'"],
    ['postgres', "SELECT * FROM users WHERE at > E'today\\t12:00'"],
    ['postgres', "SELECT * FROM users WHERE at > E'no\\167'"],
    ['postgres', "SELECT * FROM users WHERE at = ANY('{now}'::date[])"],
    [
      'postgres',
      "SELECT * FROM users WHERE at <@ '[today,tomorrow)'::daterange",
    ],
  ] as const)('does not know what %s answers to: %s', (dialect, sql) => {
    expect(reads(sql, [], dialect)).toMatch(/^unknown: ./);
  });

  it('finds tables where few look for them', () => {
    expect(reads('SELECT * FROM users WHERE id IN orders', [], 'sqlite')).toBe(
      '| users#* orders#*',
    );
    expect(
      reads(
        'SELECT o.x FROM users u USE INDEX FOR ORDER BY (PRIMARY), orders o ORDER BY u.id',
        [],
        'mysql',
      ),
    ).toBe('| users#* orders#*');
    expect(reads('SELECT x FROM .orders', [], 'mysql')).toBe('| orders#*');
  });

  it('takes columns and tables of such names for what they are', () => {
    expect(reads('SELECT u.current_date, u."user" FROM users u')).toBe(
      '| users#*',
    );
    expect(reads('SELECT date(at) FROM users', [], 'mysql')).toBe('| users#*');
    expect(reads('SELECT lower(name) FROM users')).toBe('| users#*');
  });

  it.each([
    [
      'postgres',
      'SELECT name::varchar(20), CAST(at AS timestamp(3)) FROM users',
    ],
    ['postgres', 'SELECT CAST(name AS character varying(20)) FROM users'],
    ['postgres', 'SELECT count(*) FILTER (WHERE true) OVER () FROM users'],
    ['postgres', 'SELECT * FROM "users" "u" WHERE "u"."name" ILIKE ($1)'],
    ['postgres', 'SELECT max(x) FROM users GROUP BY (a) ORDER BY (a)'],
    ['postgres', 'WITH x AS NOT MATERIALIZED (SELECT 1) SELECT * FROM users'],
    ['postgres', 'SELECT * FROM users INNER JOIN (SELECT 1) x ON (true)'],
    ['postgres', 'SELECT * FROM users u JOIN (SELECT 1) x ON (true)'],
    ['mysql', 'SELECT CAST(at AS DATETIME(3)), LEFT(name, 1) FROM users'],
    ['mysql', 'SELECT CONVERT(x, CHAR(5)), IFNULL(x, 1) FROM users'],
    ['mysql', "SELECT * FROM users WHERE MATCH(name) AGAINST('x')"],
    ['mysql', 'SELECT * FROM users u JOIN (SELECT 1) x ON (1) ORDER BY (a)'],
    ['sqlite', 'SELECT CAST(name AS VARCHAR(20)), total(id) FROM users'],
    ['sqlite', 'SELECT group_concat(x) FROM users JOIN (SELECT 1) WHERE (1)'],
  ] as const)('knows what is built into %s: %s', (dialect, sql) => {
    expect(reads(sql, ['x'], dialect)).toBe('| users#*');
  });

  it('takes a parameter that may stand for the time for one', () => {
    const sql = 'SELECT * FROM users WHERE at > $1';
    expect(reads(sql, [' Today '])).toMatch(/^unknown/);
    expect(reads(sql, ['12:00 today'])).toMatch(/^unknown/);
    expect(reads(sql, ['[now CET, tomorrow CET)'])).toMatch(/^unknown/);
    expect(reads(sql, ['today Europe/Berlin'])).toMatch(/^unknown/);
    expect(reads(sql, ['how-to-do-it-now'])).toBe('| users#*');
    expect(reads(sql, ['Yesterday, all my troubles'])).toBe('| users#*');
    expect(reads(sql, [['Monday', 'tomorrow']])).toMatch(/^unknown/);
    expect(reads(sql, ['Monday'])).toBe('| users#*');
    expect(reads(sql, [['Monday', 'Snowdon']])).toBe('| users#*');
    expect(reads(sql, ['today'], 'mysql')).toBe('| users#*');
  });

  it('takes what is no column of its table for a function in postgres', () => {
    const known = new Schema(
      'default',
      [
        coreTable('users', { columns: new Set(['id', 'name']) }),
        coreTable('orders', { columns: new Set(['id', 'user_id', 'count']) }),
      ],
      [],
      false,
    );
    const kindOf = (sql: string, dialect: Dialect = 'postgres'): string =>
      new SqlReads(dialect, known).of(sql, []).kind;
    const strange = [
      'SELECT u.count FROM users u',
      'SELECT "u"."count" FROM "users" AS "u" JOIN orders o ON true',
      'SELECT users.count FROM users WHERE true',
      'SELECT public.users.count FROM public.users',
      'SELECT (u).count FROM users u',
      'SELECT 1 FROM orders o WHERE EXISTS (SELECT u.count FROM users u)',
    ];
    for (const sql of strange)
      expect([sql, kindOf(sql)]).toEqual([sql, 'unknown']);
    const ordinary = [
      'SELECT u.id AS u_id, "u"."name" AS "count", u.*, u.xmin FROM users u WHERE u.id = 1',
      'SELECT d.count, o.count FROM (SELECT COUNT(*) AS count FROM users) d, orders o',
      'WITH u AS (SELECT COUNT(*) AS count FROM users) SELECT u.count FROM u',
      'SELECT public.users.id FROM public.users WHERE true',
    ];
    for (const sql of ordinary)
      expect([sql, kindOf(sql)]).toEqual([sql, 'told']);
    expect(kindOf('SELECT u.count FROM users u', 'mysql')).toBe('told');
    expect(reads('SELECT u.count FROM users u')).toBe('| users#*');
  });

  it.each([
    ['INSERT INTO users VALUES (1)', 'write'],
    [
      'WITH gone AS (DELETE FROM users RETURNING *) SELECT * FROM gone',
      'write',
    ],
    ['CALL something()', 'write'],
    ['SELECT 1; DELETE FROM users', 'write'],
    ['START TRANSACTION', 'control'],
    ['COMMIT', 'control'],
  ])('tells what does not only read: %s', (sql, kind) => {
    expect(reads(sql)).toBe(kind);
  });

  it.each(['postgres', 'mysql'] as const)(
    'takes what TypeORM sends for isolation on %s for control',
    dialect => {
      const set = 'SET TRANSACTION ISOLATION LEVEL';
      for (const level of [
        'READ COMMITTED',
        'REPEATABLE READ',
        'SERIALIZABLE',
      ]) {
        const read = new SqlReads(dialect, schema).of(`${set} ${level}`, []);
        expect(read).toEqual({ kind: 'control', begins: false });
      }
      for (const level of ['READ UNCOMMITTED', 'SERIALIZABLE, READ ONLY']) {
        expect(reads(`${set} ${level}`, [], dialect)).toMatch(/^unknown/);
      }
    },
  );

  it('takes what TypeORM sends for isolation on sqlite for control', () => {
    const pragma = 'PRAGMA read_uncommitted =';
    expect(reads(`${pragma} false`, [], 'sqlite')).toBe('control');
    expect(reads(`${pragma} true`, [], 'sqlite')).toMatch(/^unknown/);
  });

  it('counts the table where more rows are named than are worth it', () => {
    const ids = Array.from({ length: 101 }, (_, at) => at).join(', ');
    expect(reads(`SELECT * FROM users WHERE id IN (${ids})`)).toBe('| users#*');
  });
});
