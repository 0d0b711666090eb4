import { describe, expect, it } from '@jest/globals';

import { tableId } from '../../../lib/core/identifiers/identifier.js';
import { type KeyKind } from '../../../lib/core/identifiers/key-value.js';
import { effectsOfSql, type Told } from '../../support/effects.js';
import {
  coreReference,
  coreSchema,
  coreTable,
  keyColumn,
} from '../../support/core-schema.js';

const TEXT: KeyKind = { kind: 'text', fold: 'none', trailingSpace: 'keep' };

const schema = coreSchema(
  [
    'users',
    'orders',
    'lines',
    'notes',
    'employees',
    'badges',
    'defaults',
    'journal',
    coreTable('countries', { key: [keyColumn('code', TEXT)] }),
    coreTable('seats', { key: [keyColumn('hall', TEXT), keyColumn('number')] }),
    'tickets',
    coreTable('measures', { key: [keyColumn('at', { kind: 'opaque' })] }),
    coreTable('totals', {
      key: [],
      reads: [tableId('orders'), tableId('audit_log')],
    }),
    coreTable('things', { schema: 'lab' }),
    coreTable('things', { schema: 'shop' }),
  ],
  [
    coreReference('orders', 'user_id', 'users', { onDelete: 'cascade' }),
    coreReference('lines', 'order_id', 'orders', { onDelete: 'cascade' }),
    coreReference('lines', 'country', 'countries', {
      parentColumns: ['code'],
      onUpdate: 'cascade',
    }),
    coreReference('notes', 'user_id', 'users', { onDelete: 'set-null' }),
    coreReference('employees', 'boss_id', 'employees', { onDelete: 'cascade' }),
    coreReference('badges', 'user_slug', 'users', {
      parentColumns: ['slug'],
      onUpdate: 'cascade',
    }),
    coreReference('defaults', 'country', 'countries', {
      parentColumns: ['code'],
      hasDefault: true,
      onDelete: 'set-default',
    }),
    // In the order of the parent's key, which is not that of the child's columns.
    coreReference('tickets', ['seat_hall', 'seat_number'], 'seats', {
      parentColumns: ['hall', 'number'],
    }),
  ],
  false,
);

function named(sql: string, told: Told = {}): readonly string[] {
  const effects = effectsOfSql(schema, sql, told);
  const unnamed = Object.entries(effects.unnamed).map(
    ([table, count]) => `${table}+${count}`,
  );
  return [...effects.named, ...unnamed];
}

type Example = readonly [sql: string, told: Told, expected: readonly string[]];
describe('an INSERT', () => {
  it.each<Example>([
    // The key is in its text.
    [
      "INSERT INTO countries (code) VALUES ('de')",
      {},
      ['countries#*', 'countries#de'],
    ],
    [
      'INSERT INTO countries (code, name) VALUES ($1, $2), ($3, $4)',
      { parameters: ['de', 'x', 'fr', 'y'] },
      ['countries#*', 'countries#de', 'countries#fr'],
    ],
    // The database chooses it.
    [
      "INSERT INTO users (name) VALUES ('a'), ('b')",
      {},
      ['users#*', 'users+2'],
    ],
    [
      "INSERT INTO users (id, name) VALUES (DEFAULT, 'a')",
      {},
      ['users#*', 'users+1'],
    ],
    [
      "INSERT INTO users (id, name) VALUES (NULL, 'a')",
      {},
      ['users#*', 'users+1'],
    ],
    [
      'INSERT INTO users (id) VALUES ($1)',
      { parameters: [null] },
      ['users#*', 'users+1'],
    ],
    ['INSERT INTO users DEFAULT VALUES', {}, ['users#*', 'users+1']],
    // MySQL: zero asks for the next one.
    [
      'INSERT INTO users (id) VALUES (0)',
      { dialect: 'mysql' },
      ['users#*', 'users+1'],
    ],
    [
      "INSERT INTO users (id) VALUES ('00')",
      { dialect: 'mysql' },
      ['users#*', 'users+1'],
    ],
    [
      'INSERT INTO users (id) VALUES (?)',
      { dialect: 'mysql', parameters: [0] },
      ['users#*', 'users+1'],
    ],
    // The driver tells it.
    [
      "INSERT INTO users (name) VALUES ('a')",
      { affected: 1, generatedKeys: [7] },
      ['users#*', 'users#7'],
    ],
    [
      "INSERT INTO users (name) VALUES ('a'), ('b') RETURNING id",
      { affected: 2, returned: [{ id: 7 }, { id: 8 }] },
      ['users#*', 'users#7', 'users#8'],
    ],
    // It tells less than was written, or something else.
    [
      "INSERT INTO users (name) VALUES ('a'), ('b') RETURNING id",
      { affected: 2, returned: [{ id: 7 }] },
      ['users#*', 'users+2'],
    ],
    [
      "INSERT INTO users (name) VALUES ('a')",
      { affected: 1, returned: [{ id: 7 }] },
      ['users#*', 'users+1'],
    ],
    [
      "INSERT INTO users (name) VALUES ('a') RETURNING name AS id",
      { affected: 1, returned: [{ id: 7 }] },
      ['users#*', 'users+1'],
    ],
    [
      'INSERT INTO countries (code) VALUES (upper($1))',
      { parameters: ['de'] },
      ['countries#*', 'countries#**'],
    ],
    [
      "INSERT INTO countries VALUES ('de')",
      {},
      ['countries#*', 'countries#**'],
    ],
    ['INSERT INTO users SELECT * FROM others', {}, ['users#*', 'users#**']],
    [
      "INSERT INTO measures (at) VALUES ('now')",
      {},
      ['measures#*', 'measures#**'],
    ],
    // Nothing was written.
    [
      "INSERT INTO countries (code) VALUES ('de') ON CONFLICT DO NOTHING",
      { affected: 0 },
      [],
    ],
    ['INSERT INTO users SELECT * FROM others', { affected: 0 }, []],
  ])('%s, told %j, names %j', (sql, told, expected) => {
    expect(named(sql, told)).toEqual(expected.toSorted(byKind));
  });

  it.each<Example>([
    [
      'INSERT INTO orders (user_id) VALUES ($1)',
      { parameters: ['05'] },
      ['orders#*', 'users#5', 'orders+1'],
    ],
    [
      'INSERT INTO orders (user_id) VALUES (NULL)',
      {},
      ['orders#*', 'orders+1'],
    ],
    ['INSERT INTO orders (item) VALUES (1)', {}, ['orders#*', 'orders+1']],
    [
      'INSERT INTO orders (user_id) VALUES (1), (2)',
      {},
      ['orders#*', 'users#1', 'users#2', 'orders+2'],
    ],
    [
      'INSERT INTO orders (user_id) SELECT 1',
      {},
      ['orders#*', 'orders#**', 'users#**'],
    ],
    [
      'INSERT INTO orders (user_id) VALUES (1 + 1)',
      {},
      ['orders#*', 'users#**', 'orders+1'],
    ],
    // What came back is what is there.
    [
      'INSERT INTO orders (user_id) VALUES (1 + 1) RETURNING *',
      { affected: 1, returned: [{ id: 9, user_id: 2 }] },
      ['orders#*', 'orders#9', 'users#2'],
    ],
    // A default may be a parent.
    [
      'INSERT INTO defaults (id) VALUES (1)',
      {},
      ['countries#**', 'defaults#*', 'defaults#1'],
    ],
    // Two columns, in the order of the parent's key.
    [
      "INSERT INTO tickets (id, seat_number, seat_hall) VALUES (1, 7, 'A')",
      {},
      ['seats#A,7', 'tickets#*', 'tickets#1'],
    ],
    [
      "INSERT INTO tickets (id, seat_hall) VALUES (1, 'A')",
      {},
      ['tickets#*', 'tickets#1'],
    ],
    // Another unique column tells the row, but not its key.
    [
      "INSERT INTO badges (id, user_slug) VALUES (1, 'ada')",
      {},
      ['badges#*', 'badges#1', 'users#**'],
    ],
    [
      'INSERT INTO badges (id, user_slug) VALUES (1, NULL)',
      {},
      ['badges#*', 'badges#1'],
    ],
    // A reference to its own table.
    [
      'INSERT INTO employees (id, boss_id) VALUES (2, 1)',
      {},
      ['employees#*', 'employees#1', 'employees#2'],
    ],
  ])('touches its parents: %s, told %j, names %j', (sql, told, expected) => {
    expect(named(sql, told)).toEqual(expected.toSorted(byKind));
  });

  it.each<Example>([
    // Only the named row can have been there.
    [
      "INSERT INTO countries (code, name) VALUES ('de', 'x') ON CONFLICT (code) DO UPDATE SET name = 'x'",
      {},
      ['countries#*', 'countries#de'],
    ],
    // Any row may have had the slug.
    [
      "INSERT INTO users (id, slug) VALUES (1, 'a') ON CONFLICT (slug) DO UPDATE SET name = 'x'",
      {},
      ['users#*', 'users#**'],
    ],
    [
      "INSERT INTO users (id, slug) VALUES (1, 'a') ON CONFLICT (slug) DO UPDATE SET name = 'x' RETURNING id",
      { affected: 1, returned: [{ id: 7 }] },
      ['users#*', 'users#7'],
    ],
    [
      "INSERT INTO users (id, slug) VALUES (1, 'a') ON DUPLICATE KEY UPDATE name = 'x'",
      { dialect: 'mysql', affected: 2 },
      ['users#*', 'users#**'],
    ],
    // The row that was there gets another key: the one it had is told by nobody.
    [
      "INSERT INTO users (id, slug) VALUES (1, 'a') ON CONFLICT (slug) DO UPDATE SET id = excluded.id RETURNING id",
      { affected: 1, returned: [{ id: 1 }] },
      ['users#*', 'users#**'],
    ],
    // … and the rows that follow it get another reference.
    [
      "INSERT INTO users (id, slug) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET slug = 'b'",
      {},
      ['badges#*', 'badges#**', 'users#*', 'users#1'],
    ],
    // A row that was there keeps a parent that the statement does not name.
    [
      'INSERT INTO orders (id, user_id) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET item = 3',
      {},
      ['orders#*', 'orders#1', 'users#**'],
    ],
    // Skipped rows are not told.
    [
      "INSERT INTO countries (code) VALUES ('de') ON CONFLICT DO NOTHING",
      { affected: 1 },
      ['countries#*', 'countries#de'],
    ],
    [
      "INSERT IGNORE INTO users (name) VALUES ('a'), ('b')",
      { dialect: 'mysql', affected: 1 },
      ['users#*', 'users#**'],
    ],
    // Rows that are in the way go, with all that depends on them.
    [
      "REPLACE INTO users (id, name) VALUES (1, 'a')",
      { dialect: 'mysql', affected: 2 },
      [
        'lines#*',
        'lines#**',
        'notes#*',
        'notes#**',
        'orders#*',
        'orders#**',
        'users#*',
        'users#**',
        'countries#**',
      ],
    ],
  ])(
    'of a row that may be there: %s, told %j, names %j',
    (sql, told, expected) => {
      expect(named(sql, told)).toEqual(expected.toSorted(byKind));
    },
  );
});

describe('an UPDATE', () => {
  it.each<Example>([
    ["UPDATE users SET name = 'x' WHERE id = 1", {}, ['users#*', 'users#1']],
    [
      "UPDATE users SET name = 'x' WHERE id IN ($1, $2)",
      { parameters: ['1', 2] },
      ['users#*', 'users#1', 'users#2'],
    ],
    ["UPDATE users SET name = 'x' WHERE id = 1", { affected: 0 }, []],
    ["UPDATE users SET name = 'x'", { affected: 0 }, []],
    ["UPDATE users SET name = 'x'", {}, ['users#*', 'users#**']],
    [
      "UPDATE users SET name = 'x' WHERE age > 3",
      { affected: 3 },
      ['users#*', 'users#**'],
    ],
    [
      "UPDATE users SET name = 'x' WHERE age > 3 RETURNING id",
      { affected: 2, returned: [{ id: 1 }, { id: 2 }] },
      ['users#*', 'users#1', 'users#2'],
    ],
    [
      "UPDATE users SET name = 'x' WHERE age > 3",
      { affected: 1, before: [{ id: 4 }] },
      ['users#*', 'users#4'],
    ],
    [
      "UPDATE seats SET free = 1 WHERE number = 7 AND hall = 'A'",
      {},
      ['seats#*', 'seats#A,7'],
    ],
    ["UPDATE seats SET free = 1 WHERE hall = 'A'", {}, ['seats#*', 'seats#**']],
    [
      'UPDATE lab.things SET a = 1 WHERE id = 1',
      {},
      ['lab.things#*', 'lab.things#1'],
    ],
    // Which of them is meant is not told.
    [
      'UPDATE things SET a = 1 WHERE id = 1',
      {},
      ['lab.things#*', 'lab.things#1', 'shop.things#*', 'shop.things#1'],
    ],
    // A key that only the database can compare.
    [
      "UPDATE countries SET name = 'x' WHERE code = 1",
      { dialect: 'mysql' },
      ['countries#*', 'countries#**'],
    ],
    [
      "UPDATE measures SET v = 1 WHERE at = 'now'",
      {},
      ['measures#*', 'measures#**'],
    ],
  ])('%s, told %j, names %j', (sql, told, expected) => {
    expect(named(sql, told)).toEqual(expected.toSorted(byKind));
  });

  it.each<Example>([
    // The parent it had is not told, the one it gets is.
    [
      'UPDATE orders SET user_id = 2 WHERE id = 1',
      {},
      ['orders#*', 'orders#1', 'users#**'],
    ],
    [
      'UPDATE orders SET user_id = 2 WHERE id = 1',
      { affected: 1, before: [{ id: 1, user_id: 5 }] },
      ['orders#*', 'orders#1', 'users#2', 'users#5'],
    ],
    [
      'UPDATE orders SET user_id = NULL WHERE id = 1',
      { affected: 1, before: [{ id: 1, user_id: 5 }] },
      ['orders#*', 'orders#1', 'users#5'],
    ],
    [
      'UPDATE orders SET user_id = user_id + 1 WHERE id = 1',
      { affected: 1, before: [{ id: 1, user_id: 5 }] },
      ['orders#*', 'orders#1', 'users#**'],
    ],
    [
      'UPDATE orders SET user_id = 2 WHERE user_id = 1',
      {},
      ['orders#*', 'orders#**', 'users#1', 'users#2'],
    ],
    // Its parent's answers show the row, whatever changes in it.
    [
      'UPDATE orders SET item = 3 WHERE id = 1',
      { affected: 1, before: [{ id: 1, user_id: 5 }] },
      ['orders#*', 'orders#1', 'users#5'],
    ],
    [
      'UPDATE orders SET item = 3 WHERE id = 1',
      { affected: 1, before: [{ id: 1, user_id: null }] },
      ['orders#*', 'orders#1'],
    ],
    // One column of two: the other is not told.
    [
      'UPDATE tickets SET seat_number = 8 WHERE id = 1',
      { affected: 1, before: [{ id: 1, seat_hall: 'A', seat_number: 7 }] },
      ['seats#**', 'tickets#*', 'tickets#1'],
    ],
    [
      "UPDATE tickets SET seat_number = 8, seat_hall = 'B' WHERE id = 1",
      { affected: 1, before: [{ id: 1, seat_hall: 'A', seat_number: 7 }] },
      ['seats#A,7', 'seats#B,8', 'tickets#*', 'tickets#1'],
    ],
    [
      'UPDATE employees SET boss_id = 3 WHERE id = 2',
      { affected: 1, before: [{ id: 2, boss_id: 1 }] },
      ['employees#*', 'employees#1', 'employees#2', 'employees#3'],
    ],
  ])(
    'touches old and new parents: %s, told %j, names %j',
    (sql, told, expected) => {
      expect(named(sql, told)).toEqual(expected.toSorted(byKind));
    },
  );

  it.each<Example>([
    // The row is gone from one key and there under another.
    [
      "UPDATE countries SET code = 'x' WHERE code = 'y'",
      {},
      [
        'countries#*',
        'countries#x',
        'countries#y',
        'lines#*',
        'lines#**',
        'orders#**',
      ],
    ],
    // RETURNING tells the key it has now.
    [
      'UPDATE users SET id = 9 WHERE age = 3 RETURNING id',
      { affected: 1, returned: [{ id: 9 }] },
      ['users#*', 'users#**'],
    ],
    ['UPDATE users SET id = id + 1 WHERE id = 1', {}, ['users#*', 'users#**']],
    [
      "UPDATE seats SET number = 8 WHERE hall = 'A' AND number = 7",
      {},
      ['seats#*', 'seats#A,7', 'seats#A,8'],
    ],
    // Rows that refer to another unique column follow it.
    [
      "UPDATE users SET slug = 'x' WHERE id = 1",
      {},
      ['badges#*', 'badges#**', 'users#*', 'users#1'],
    ],
  ])(
    'of a key that others refer to: %s, told %j, names %j',
    (sql, told, expected) => {
      expect(named(sql, told)).toEqual(expected.toSorted(byKind));
    },
  );
});

describe('a DELETE', () => {
  it.each<Example>([
    [
      'DELETE FROM lines WHERE id = 1',
      {},
      ['countries#**', 'lines#*', 'lines#1', 'orders#**'],
    ],
    [
      'DELETE FROM lines WHERE id = 1',
      { affected: 1, before: [{ id: 1, order_id: 2, country: 'de' }] },
      ['countries#de', 'lines#*', 'lines#1', 'orders#2'],
    ],
    [
      'DELETE FROM lines WHERE order_id = 3',
      {},
      ['countries#**', 'lines#*', 'lines#**', 'orders#3'],
    ],
    ['DELETE FROM lines WHERE id = 1', { affected: 0 }, []],
    [
      'DELETE FROM countries WHERE a = 1 RETURNING code',
      { affected: 2, returned: [{ code: 'de' }, { code: 'fr' }] },
      // Those that fall back to a default get another country.
      ['countries#**', 'countries#*', 'defaults#*', 'defaults#**'],
    ],
    // Through any depth, and the parents of what goes on the way.
    [
      'DELETE FROM users WHERE id = 1',
      {},
      [
        'countries#**',
        'lines#*',
        'lines#**',
        'notes#*',
        'notes#**',
        'orders#*',
        'orders#**',
        'users#*',
        'users#1',
      ],
    ],
    ['DELETE FROM employees WHERE id = 1', {}, ['employees#*', 'employees#**']],
  ])('%s, told %j, names %j', (sql, told, expected) => {
    expect(named(sql, told)).toEqual(expected.toSorted(byKind));
  });
});

describe('other statements', () => {
  it.each<Example>([
    [
      'TRUNCATE lines',
      {},
      ['countries#**', 'lines#*', 'lines#**', 'orders#**'],
    ],
    // MySQL counts no rows that it truncates.
    [
      'TRUNCATE lines',
      { dialect: 'mysql', affected: 0 },
      ['countries#**', 'lines#*', 'lines#**', 'orders#**'],
    ],
    [
      'TRUNCATE seats CASCADE',
      {},
      ['seats#*', 'seats#**', 'tickets#*', 'tickets#**'],
    ],
    [
      'DROP TABLE seats',
      { dialect: 'mysql', affected: 0 },
      ['seats#*', 'seats#**'],
    ],
    // Rows behind a view, whatever it is said to have written: it may be a trigger that writes.
    [
      'UPDATE totals SET a = 1 WHERE id = 1',
      { affected: 0 },
      [
        'audit_log#*',
        'audit_log#**',
        'lines#*',
        'lines#**',
        'orders#*',
        'orders#**',
        'countries#**',
        'totals#*',
        'totals#**',
        'users#**',
      ],
    ],
    // A table without an entity, wherever it is: a view may read it.
    [
      'INSERT INTO audit_log (a) VALUES (1)',
      {},
      ['audit_log#*', 'audit_log#**'],
    ],
    [
      'INSERT INTO app.audit_log (a) VALUES (1)',
      {},
      ['audit_log#*', 'audit_log#**'],
    ],
    ['SELECT 1', {}, []],
    // What the driver tells is about the SELECT.
    [
      "WITH a AS (INSERT INTO countries (code) VALUES ('de') RETURNING code) SELECT code FROM a WHERE false",
      { affected: 0 },
      ['countries#*', 'countries#de'],
    ],
    [
      'WITH a AS (DELETE FROM journal WHERE a = 1 RETURNING id) SELECT id FROM users',
      { affected: 1, returned: [{ id: 5 }] },
      ['journal#*', 'journal#**'],
    ],
    // Several writes: the driver counts one of them.
    [
      'WITH a AS (DELETE FROM journal WHERE id = 1) DELETE FROM seats WHERE number = 1',
      { affected: 0 },
      ['journal#*', 'journal#1', 'seats#*', 'seats#**'],
    ],
  ])('%s, told %j, names %j', (sql, told, expected) => {
    expect(named(sql, told)).toEqual(expected.toSorted(byKind));
  });

  it('that may write anything name every table there is', () => {
    const all = named('CALL tidy_up()');
    for (const { id } of schema.tables) {
      expect(all).toEqual(expect.arrayContaining([`${id}#*`, `${id}#**`]));
    }
  });

  it('that may write anything name what can be seen of them alone, if so wished', () => {
    const options = { onUnknownWrite: 'warn' } as const;
    expect(named('CALL tidy_up()', { options })).toEqual([]);
  });
});

describe('options', () => {
  it('leave parents out', () => {
    const options = { parents: false };
    expect(named('DELETE FROM users WHERE id = 1', { options })).toEqual([
      'lines#*',
      'lines#**',
      'notes#*',
      'notes#**',
      'orders#*',
      'orders#**',
      'users#*',
      'users#1',
    ]);
    const sql = 'INSERT INTO orders (id, user_id) VALUES (1, 2)';
    expect(named(sql, { options })).toEqual(['orders#*', 'orders#1']);
  });

  it.each([
    [0, ['seats#*', 'seats#**']],
    [1, ['seats#*', 'seats#**']],
    [2, ['seats#*', 'seats#A,1', 'seats#A,2']],
  ])('name at most %i rows of a table', (maxRowsPerTable, expected) => {
    const options = { maxRowsPerTable };
    for (const sql of [
      "UPDATE seats SET free = 1 WHERE hall = 'A' AND number IN (1, 2)",
      "INSERT INTO seats (hall, number) VALUES ('A', 1), ('A', 2)",
    ]) {
      expect(named(sql, { options })).toEqual(expected);
    }
  });

  it('count one row alone as all rows where none may be named', () => {
    const options = { maxRowsPerTable: 0 };
    const sql = 'INSERT INTO orders (id, user_id) VALUES (1, 2)';
    expect(named(sql, { options })).toEqual([
      'orders#*',
      'orders#**',
      'users#**',
    ]);
  });

  it('name tables that triggers write, and what those write in their turn', () => {
    const derived = new Map([
      [tableId('journal'), [tableId('orders')]],
      [tableId('lines'), [tableId('seats')]],
    ]);
    const options = { derived, parents: false };
    expect(named('DELETE FROM journal WHERE id = 1', { options })).toEqual([
      'journal#*',
      'journal#1',
      // What goes with the rows of a derived table may have triggers, too.
      'lines#*',
      'lines#**',
      'orders#*',
      'orders#**',
      'seats#*',
      'seats#**',
    ]);
  });
});

/** Rows and tables first, as identifiers sort; then what has no name. */
function byKind(left: string, right: string): number {
  const order = Number(/\+\d+$/.test(left)) - Number(/\+\d+$/.test(right));
  if (order !== 0) return order;
  return left < right ? -1 : 1;
}
