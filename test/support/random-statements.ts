import * as fc from 'fast-check';

import {
  type Analysis,
  type Dialect,
  type Operand,
  type TableWrite,
} from '../../lib/core/writes/statement.js';

/** Rows of a table by their id; the values are the other columns, as one text. */
export type Content = ReadonlyMap<number, string>;

/** Tables that random statements are about; the last one's name holds a statement itself. */
export const TABLES = ['alpha', 'beta', "x;DELETE FROM beta--'"] as const;

export function quoteName(name: string, dialect: Dialect): string {
  return dialect === 'mysql' ? `\`${name}\`` : `"${name}"`;
}

export const createTable = (name: string, dialect: Dialect): string =>
  `CREATE ${dialect === 'sqlite' ? '' : 'TEMPORARY '}TABLE ${quoteName(name, dialect)} (id int PRIMARY KEY, a int DEFAULT 0, name varchar(200) DEFAULT 'd')`;

export const fillTable = (name: string, dialect: Dialect): string =>
  `INSERT INTO ${quoteName(name, dialect)} (id, a, name) VALUES (1, 1, 'x'), (2, 1, 'y'), (3, 2, 'x'), (4, 5, 'z')`;

const HARMFUL = [
  'DELETE FROM beta',
  '; DELETE FROM beta; ',
  "'; DELETE FROM alpha; --",
  '" ; UPDATE beta SET a = 9 ; "',
  '*/ DELETE FROM beta /*',
  'id = 1 OR 1 = 1',
  '`',
  '\\',
  '$$',
];

const filtered = (filter: string | undefined): string[] =>
  filter === undefined ? [] : ['WHERE', filter];

/** Texts of one to three statements, whole or damaged, with much in them that is not to be read. */
export function randomText(dialect: Dialect): fc.Arbitrary<string> {
  const harmful = fc.constantFrom(...HARMFUL);
  const commented = harmful.map(text => text.replaceAll(/\*\/|\/\*/g, ''));
  const space = fc.oneof(
    { weight: 30, arbitrary: fc.constant(' ') },
    { weight: 2, arbitrary: fc.constantFrom('\n', '\t', '/**/') },
    {
      weight: 2,
      arbitrary: commented.map(text => ` /* ${text} */ `),
    },
    {
      weight: 2,
      arbitrary: harmful.map(text => ` -- ${text}\n`),
    },
    ...(dialect === 'mysql'
      ? [
          {
            weight: 1,
            arbitrary: harmful.map(text => `# ${text}\n`),
          },
          {
            weight: 1,
            arbitrary: fc.constantFrom(
              '/*! */',
              '/*!40000 AND id = 1 */',
              '/*!99999 , 1 */',
              '/*M! */',
            ),
          },
        ]
      : []),
    ...(dialect === 'postgres'
      ? [
          {
            weight: 1,
            arbitrary: commented.map(text => ` /* a /* b */ ${text} */ `),
          },
        ]
      : []),
  );
  const name = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('alpha', 'beta', 'ALPHA', 'Beta') },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom(...TABLES)
        .map(table => quoteName(table, dialect)),
    },
  );
  // Names of tables in MariaDB tell upper case from lower case on most machines.
  const table =
    dialect === 'mysql'
      ? name.map(text => (text.startsWith('`') ? text : text.toLowerCase()))
      : name;
  const literal = harmful.map(text => `'${text.replaceAll("'", "''")}'`);
  const string = fc.oneof(
    literal.map(text =>
      dialect === 'mysql' ? text.replaceAll('\\', '\\\\') : text,
    ),
    fc.constantFrom("'x'", "'y'", "''"),
    ...(dialect === 'postgres'
      ? [
          fc.constantFrom(
            "$$; DELETE FROM beta; '$$",
            '$a$ $$ DELETE FROM alpha $a$',
            "E'\\'; DELETE FROM beta; --'",
            "'a'\n'b; DELETE FROM beta'",
          ),
        ]
      : []),
    ...(dialect === 'mysql'
      ? [
          fc.constantFrom(
            "'\\'; DELETE FROM beta; -- '",
            '"; DELETE FROM beta; -- "',
            '"\\"; DELETE FROM beta; -- "',
            "N'x'",
          ),
        ]
      : []),
  );
  const value = fc.oneof(
    fc.constantFrom('1', '2', '7', 'a + 1', 'NULL', 'DEFAULT', '(SELECT 3)'),
    fc.integer({ min: 0, max: 9 }).map(String),
  );
  const term = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom('id = 1', 'id = 2', 'id IN (1, 3)'),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom('a = 1', '1 = 1', 'id > 2', 'NOT id = 1'),
    },
    { weight: 1, arbitrary: string.map(text => `name = ${text}`) },
    { weight: 1, arbitrary: string.map(text => `${text} <> ''`) },
  );
  const condition = fc
    .tuple(term, fc.constantFrom('', '', ' AND ', ' OR '), term)
    .map(([one, join, other]) => (join === '' ? one : one + join + other));
  const where = fc.option(condition, { nil: undefined });
  const id = fc.constantFrom('1', '2', '8', '9', "'11'", '1 + 20', '013');
  const set = fc
    .tuple(value, string)
    .chain(([a, text]) =>
      fc.constantFrom(
        `a = ${a}`,
        `a = ${a}, name = ${text}`,
        `id = id + 30`,
        `name = ${text}`,
      ),
    );
  const tuple = fc
    .tuple(
      id,
      value.filter(text => !text.startsWith('a')),
      string,
    )
    .map(([key, a, text]) => `(${key}, ${a}, ${text})`);
  const conflict = fc.constantFrom(
    '',
    ...(dialect === 'mysql'
      ? [
          'ON DUPLICATE KEY UPDATE a = 77',
          'ON DUPLICATE KEY UPDATE a = VALUES(a), name = "q"',
        ]
      : [
          'ON CONFLICT DO NOTHING',
          'ON CONFLICT (id) DO UPDATE SET a = 77',
          "ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name || 'q' WHERE true",
        ]),
  );
  const remove = fc
    .tuple(table, where)
    .map(([target, filter]) => ['DELETE FROM', target, ...filtered(filter)]);
  const change = fc
    .tuple(table, set, where)
    .map(([target, assigned, filter]) => [
      'UPDATE',
      target,
      'SET',
      assigned,
      ...filtered(filter),
    ]);
  const add = fc
    .tuple(table, fc.array(tuple, { minLength: 1, maxLength: 2 }), conflict)
    .map(([target, tuples, action]) => [
      'INSERT INTO',
      target,
      '(id, a, name) VALUES',
      tuples.join(', '),
      action,
    ]);
  const copy = fc
    .tuple(table, table)
    .map(([target, from]) => [
      'INSERT INTO',
      target,
      'SELECT id + 40, a, name FROM',
      from,
    ]);
  const read = fc
    .tuple(table, condition, string)
    .map(([from, filter, text]) => [
      'SELECT',
      text,
      'FROM',
      from,
      'WHERE',
      filter,
    ]);
  const special: fc.Arbitrary<string[]> = fc
    .tuple(table, table, set, condition, tuple)
    .chain(([one, two, assigned, filter, row]) =>
      fc.constantFrom(
        ...specialForms(dialect, { one, two, assigned, filter, row }),
      ),
    );
  const statement = fc
    .oneof(remove, change, add, copy, read, special)
    .chain(words =>
      fc
        .array(space, { minLength: words.length, maxLength: words.length })
        .map(spaces => words.map((word, at) => word + spaces[at]).join('')),
    );
  const text = fc
    .array(statement, { minLength: 1, maxLength: 3 })
    .map(statements => statements.join(';'));
  return fc.oneof(
    { weight: 3, arbitrary: text },
    { weight: 2, arbitrary: text.chain(damaged) },
  );
}

interface Parts {
  readonly one: string;
  readonly two: string;
  readonly assigned: string;
  readonly filter: string;
  readonly row: string;
}

function specialForms(
  dialect: Dialect,
  { one, two, assigned, filter, row }: Parts,
): string[][] {
  if (dialect === 'postgres') {
    return [
      [
        'WITH d AS (DELETE FROM',
        one,
        'WHERE',
        filter,
        'RETURNING *) SELECT * FROM d',
      ],
      [
        'WITH d AS (DELETE FROM',
        one,
        'RETURNING *) UPDATE',
        two,
        'SET',
        assigned,
      ],
      ['WITH alpha AS (SELECT 1 AS id) DELETE FROM', one, 'WHERE', filter],
      [
        'WITH RECURSIVE a AS MATERIALIZED (WITH b AS (SELECT 1) UPDATE',
        one,
        'SET',
        assigned,
        'RETURNING *) TABLE a',
      ],
      ['TRUNCATE', one, ',', two],
      ['TRUNCATE TABLE ONLY', one, 'RESTART IDENTITY'],
      [
        'MERGE INTO',
        one,
        'x USING',
        two,
        'y ON x.id = y.id WHEN MATCHED THEN DELETE',
      ],
      [
        'UPDATE ONLY',
        one,
        'AS t SET',
        assigned,
        'FROM',
        two,
        'u WHERE t.id = u.id',
      ],
      ['DELETE FROM', one, 't USING', two, 'u WHERE t.id = u.id AND u.id = 1'],
      ['EXPLAIN ANALYZE DELETE FROM', one, 'WHERE', filter],
      ['EXPLAIN (ANALYZE off) DELETE FROM', one],
      ['EXPLAIN (VERBOSE, ANALYZE) UPDATE', one, 'SET', assigned],
      ['UPDATE', one, 't SET', assigned, 'WHERE t.id = ANY(ARRAY[1, 2])'],
      [
        'INSERT INTO',
        one,
        'AS t VALUES',
        row,
        'ON CONFLICT (id) DO UPDATE SET a = t.a + 1 RETURNING *',
      ],
      [
        'INSERT INTO',
        one,
        'WITH d AS (DELETE FROM',
        two,
        'RETURNING *) SELECT id + 50, a, name FROM d',
      ],
      ['DO $$ BEGIN DELETE FROM', one, '; END $$'],
      ['COPY (DELETE FROM', one, 'RETURNING *) TO STDOUT'],
    ];
  }
  if (dialect === 'mysql') {
    return [
      [
        'UPDATE',
        one,
        'x JOIN',
        two,
        'y ON x.id = y.id SET x.a = 9 WHERE y.id = 1',
      ],
      [
        'UPDATE',
        one,
        'x ,',
        two,
        'y SET y.a = 8, x.a = 7 WHERE x.id = y.id AND x.id = 1',
      ],
      [
        'DELETE x FROM',
        one,
        'x JOIN',
        two,
        'y ON x.id = y.id WHERE',
        'y.id = 2',
      ],
      ['DELETE FROM x USING', one, 'AS x ,', two, 'AS y WHERE x.id = y.id + 1'],
      ['DELETE', one, 'FROM', one, 'WHERE', filter],
      ['REPLACE INTO', one, 'VALUES', row],
      ['REPLACE', one, 'SET id = 2, a = 4'],
      ['INSERT IGNORE', one, 'SET id = 9, a = 4 ON DUPLICATE KEY UPDATE a = 3'],
      ['INSERT INTO', one, 'VALUES', row, ',', row],
      [
        'UPDATE LOW_PRIORITY IGNORE',
        one,
        'SET',
        assigned,
        'WHERE',
        filter,
        'ORDER BY id DESC LIMIT 1',
      ],
      ['DELETE QUICK FROM', one, 'WHERE', filter, 'ORDER BY a LIMIT 2'],
      ['DELETE FROM', one, 'WHERE', filter, 'RETURNING id'],
      ['TRUNCATE', one],
      ['ANALYZE UPDATE', one, 'SET', assigned],
      ['EXPLAIN DELETE FROM', one],
      ['/*!40000 DELETE FROM', one, '*/'],
      ['DELETE FROM', one, 'WHERE id = 1 /*!99999 AND 0 */'],
      ['SET STATEMENT max_statement_time = 9 FOR DELETE FROM', one],
      ['BEGIN NOT ATOMIC DELETE FROM', one, '; END'],
      ["EXECUTE IMMEDIATE 'DELETE FROM alpha'"],
    ];
  }
  return [
    ['WITH alpha AS (SELECT 1 AS id) DELETE FROM', one, 'WHERE', filter],
    [
      'WITH x AS (SELECT 1) INSERT INTO',
      one,
      'SELECT id + 60, a, name FROM',
      two,
    ],
    ['REPLACE INTO', one, 'VALUES', row],
    ['INSERT OR REPLACE INTO main.', one, 'VALUES', row, ',', row],
    ['INSERT OR IGNORE INTO', one, 'AS t VALUES', row],
    ['INSERT INTO', one, 'DEFAULT VALUES'],
    ['UPDATE OR IGNORE', one, 'AS t SET', assigned, 'WHERE', filter],
    ['UPDATE', one, 'SET', assigned, 'FROM', two, 'AS u WHERE u.id = 1'],
    ['UPDATE', one, 'SET (a, name) = (5, 6) WHERE', filter, 'RETURNING *'],
    ['DELETE FROM', one, 'NOT INDEXED WHERE', filter],
    ["DELETE FROM 'alpha' WHERE", filter],
    ['UPDATE [alpha] SET [a] = 3 WHERE [id] = 1'],
    ['EXPLAIN DELETE FROM', one],
    ['EXPLAIN QUERY PLAN DELETE FROM', one],
    [
      'CREATE TRIGGER IF NOT EXISTS tr AFTER INSERT ON',
      one,
      'WHEN 0 BEGIN UPDATE',
      two,
      'SET a = CASE WHEN 1 THEN 2 END; DELETE FROM beta; END',
    ],
  ];
}

function damaged(text: string): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.nat(text.length),
      fc.nat(6),
      fc.constantFrom(
        '',
        ...'\'"`;()-/*#$\\[],.=?:@ \n',
        '--',
        '/*',
        '*/',
        '/*!',
        "''",
        '$$',
        'OR',
        '1',
      ),
    )
    .map(
      ([at, length, inserted]) =>
        text.slice(0, at) + inserted + text.slice(at + length),
    );
}

/**
 * What an analysis overlooks of the changes from `before` to `after`: a table that it does not name,
 * a row that it says is not touched. Empty where nothing is overlooked.
 */
export function overlooked(
  { statements, harmless }: Analysis,
  before: ReadonlyMap<string, Content>,
  after: ReadonlyMap<string, Content>,
): string[] {
  if (statements.some(({ unknown }) => unknown !== undefined)) return [];
  const writes = statements.flatMap(statement => statement.writes);
  const missed: string[] = [];
  for (const [table, rows] of before) {
    const later = after.get(table) ?? new Map<number, string>();
    const changed = [...new Set([...rows.keys(), ...later.keys()])].filter(
      id => rows.get(id) !== later.get(id),
    );
    if (changed.length > 0 && harmless) missed.push(`${table}: harmless`);
    const named = writes.filter(
      write => write.table.name.toLowerCase() === table.toLowerCase(),
    );
    for (const id of changed) {
      if (!named.some(write => mayTouch(write, id))) {
        missed.push(`${table}#${id}`);
      }
    }
  }
  return missed;
}

function mayTouch(write: TableWrite, id: number): boolean {
  const mayBe = (operand: Operand | undefined): boolean => {
    switch (operand?.kind) {
      case 'number':
        return Number(operand.text) === id;
      case 'string':
        // SQLite keeps a text that is no number in a column of integers: NaN here and there.
        return Object.is(Number(operand.value), id);
      case 'null':
        return false;
      default:
        return true;
    }
  };
  if (write.verb === 'insert') {
    const { columns, tuples } = write;
    const at = columns?.findIndex(column => column.toLowerCase() === 'id') ?? 0;
    return tuples === undefined || tuples.some(tuple => mayBe(tuple[at]));
  }
  if (write.verb !== 'update' && write.verb !== 'delete') return true;
  // A new key may be anything.
  if (write.verb === 'update' && write.assignments.has('id')) return true;
  return (
    write.where === undefined ||
    write.where.some(alternative => {
      const operands = alternative.get('id');
      return operands === undefined || operands.some(mayBe);
    })
  );
}
