import * as fc from 'fast-check';

/** A shop with references of each kind: to a key, to itself, to another unique column. */
export const SHOP_TABLES: readonly string[] = [
  `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, slug TEXT UNIQUE)`,
  `CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    after_id INTEGER REFERENCES orders (id) ON DELETE SET NULL ON UPDATE CASCADE,
    item TEXT
  )`,
  `CREATE TABLE notes (
    code TEXT COLLATE NOCASE PRIMARY KEY,
    user_slug TEXT REFERENCES users (slug) ON DELETE CASCADE ON UPDATE CASCADE
  )`,
];

export const SHOP_ROWS: readonly string[] = [
  `INSERT INTO users (id, name, slug) VALUES (1, 'a', 'a'), (2, 'b', 'b'), (3, 'c', NULL)`,
  `INSERT INTO orders (id, user_id, after_id, item) VALUES
    (1, 1, NULL, 'x'), (2, 1, 1, 'y'), (3, 2, 2, 'x'), (4, NULL, 4, NULL)`,
  `INSERT INTO notes (code, user_slug) VALUES ('A', 'a'), ('b', 'a'), ('c', 'b'), (NULL, NULL)`,
];

/** A statement that changes a row or several of the shop, or none. */
export interface RandomWrite {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

const COLUMNS = {
  users: ['id', 'name', 'slug'],
  orders: ['id', 'user_id', 'after_id', 'item'],
  notes: ['code', 'user_slug'],
} as const;
type TableName = keyof typeof COLUMNS;

const UNIQUE: Readonly<Record<TableName, readonly string[]>> = {
  users: ['id', 'slug'],
  orders: ['id'],
  notes: ['code'],
};

/** A piece of SQL, and the parameters that it binds, in order. */
interface Piece {
  readonly text: string;
  readonly bound: readonly unknown[];
}

function join(separator: string, pieces: readonly Piece[]): Piece {
  return {
    text: pieces.map(({ text }) => text).join(separator),
    bound: pieces.flatMap(({ bound }) => bound),
  };
}

const piece = (text: string): Piece => ({ text, bound: [] });

const NUMBERS = [
  ...[1, 1, 2, 2, 3, 4, 5, 6, 0, -1].map(String),
  "'1'",
  "'02'",
  "'3.0'",
  '1.0',
  '+2',
  '01',
];
const WORDS = ["'a'", "'A'", "'b'", "'c'", "'d'", "'a '", '1', "'é'"];
const EXPRESSIONS = [
  '1 + 1',
  "lower('A')",
  'abs(-3)',
  '(SELECT max(id) FROM users)',
];

/** A value for a column, or to compare it with: mostly of the kind that it holds. */
function valueFor(column: string): fc.Arbitrary<Piece> {
  const isNumber = column.endsWith('id');
  const literals = isNumber ? NUMBERS : WORDS;
  const parameters = isNumber
    ? [1, 2, 3, '1', '02', 5n, 7, 1.5, null]
    : ['a', 'A', 'b', 'c', 'e', 1, null, 'a\u{1f600}'];
  return fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...literals).map(piece) },
    {
      weight: 5,
      arbitrary: fc
        .constantFrom<unknown>(...parameters)
        .map(value => ({ text: '?', bound: [value] })),
    },
    { weight: 1, arbitrary: fc.constant(piece('NULL')) },
    { weight: 1, arbitrary: fc.constantFrom(...EXPRESSIONS).map(piece) },
  );
}

const tableName = fc.constantFrom<TableName>(
  'users',
  'orders',
  'orders',
  'notes',
);

/** A name in another case, quoted or with its table, as SQLite allows. */
function spelt(name: string): fc.Arbitrary<string> {
  return fc.constantFrom(name, name, name, name.toUpperCase(), `"${name}"`);
}

function term(table: TableName): fc.Arbitrary<Piece> {
  return fc.constantFrom(...COLUMNS[table]).chain(column => {
    const value = valueFor(column);
    const name = spelt(column);
    const equal = fc
      .tuple(name, fc.constantFrom('=', '=', '==', 'IS'), value)
      .map(([left, sign, right]) =>
        join(' ', [piece(left), piece(sign), right]),
      );
    const list = fc
      .tuple(name, fc.array(value, { maxLength: 3 }))
      .map(([left, listed]) =>
        join('', [piece(`${left} IN (`), join(', ', listed), piece(')')]),
      );
    const other = fc.constantFrom(
      `${column} IS NULL`,
      `${column} > 1`,
      `NOT ${column} = 2`,
      `${column} = ${column}`,
      `+${column} = 1`,
      `${column} = 1 COLLATE BINARY`,
      '1',
    );
    return fc.oneof(
      { weight: 6, arbitrary: equal },
      { weight: 2, arbitrary: list },
      { weight: 1, arbitrary: other.map(piece) },
    );
  });
}

function condition(table: TableName): fc.Arbitrary<Piece> {
  const terms = fc.tuple(
    term(table),
    fc.constantFrom(' AND ', ' OR '),
    term(table),
  );
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant(piece('')) },
    {
      weight: 5,
      arbitrary: term(table).map(only => join('', [piece(' WHERE '), only])),
    },
    {
      weight: 2,
      arbitrary: terms.map(([left, word, right]) =>
        join('', [piece(' WHERE '), left, piece(word), right]),
      ),
    },
  );
}

function assignments(table: TableName): fc.Arbitrary<Piece> {
  return fc
    .subarray([...COLUMNS[table]], { minLength: 1 })
    .chain(columns =>
      fc.tuple(
        ...columns.map(column =>
          fc
            .tuple(spelt(column), valueFor(column))
            .map(([name, value]) => join(' = ', [piece(name), value])),
        ),
      ),
    )
    .map(all => join(', ', all));
}

const returning = (table: TableName): fc.Arbitrary<Piece> =>
  fc
    .constantFrom(
      '',
      '',
      ' RETURNING *',
      ` RETURNING ${COLUMNS[table][0]}`,
      ` RETURNING ${COLUMNS[table][1]} AS ${COLUMNS[table][0]}`,
    )
    .map(piece);

function values(table: TableName): fc.Arbitrary<Piece> {
  return fc
    .shuffledSubarray([...COLUMNS[table]], { minLength: 1 })
    .chain(columns => {
      const tuple = fc
        .tuple(...columns.map(valueFor))
        .map(all => join('', [piece('('), join(', ', all), piece(')')]));
      const tuples = fc
        .array(tuple, { minLength: 1, maxLength: 3 })
        .map(all => join('', [piece(' VALUES '), join(', ', all)]));
      const query = fc
        .tuple(...columns.map(valueFor))
        .map(all =>
          join('', [piece(' SELECT '), join(', ', all), piece(' WHERE 1')]),
        );
      return fc
        .tuple(
          fc.oneof(
            { weight: 5, arbitrary: tuples },
            { weight: 1, arbitrary: query },
          ),
          fc.constantFrom(` (${columns.join(', ')})`),
        )
        .map(([rows, list]) => join('', [piece(list), rows]));
    });
}

function onConflict(table: TableName): fc.Arbitrary<Piece> {
  const target = fc.constantFrom(
    ...UNIQUE[table].map(name => ` (${name})`),
    '',
  );
  const excluded = fc
    .subarray([...COLUMNS[table]], { minLength: 1 })
    .map(columns =>
      piece(columns.map(name => `${name} = excluded.${name}`).join(', ')),
    );
  const changes = fc
    .tuple(target, fc.oneof(assignments(table), excluded))
    .map(([of, set]) =>
      join('', [piece(` ON CONFLICT${of} DO UPDATE SET `), set]),
    );
  const nothing = target.map(of => piece(` ON CONFLICT${of} DO NOTHING`));
  return fc.oneof(
    fc.constant(piece('')),
    fc.constant(piece('')),
    changes,
    nothing,
  );
}

function insert(table: TableName): fc.Arbitrary<Piece> {
  const verb = fc.constantFrom(
    'INSERT',
    'INSERT',
    'INSERT',
    'INSERT OR IGNORE',
    'INSERT OR REPLACE',
    'REPLACE',
  );
  const rows = fc.oneof(
    { weight: 9, arbitrary: fc.tuple(values(table), onConflict(table)) },
    {
      weight: 1,
      arbitrary: fc.constant([piece(' DEFAULT VALUES'), piece('')] as const),
    },
  );
  return fc
    .tuple(verb, spelt(table), rows, returning(table))
    .map(([how, into, [what, conflict], back]) =>
      join('', [piece(`${how} INTO ${into}`), what, conflict, back]),
    );
}

function update(table: TableName): fc.Arbitrary<Piece> {
  return fc
    .tuple(
      fc.constantFrom('UPDATE', 'UPDATE', 'UPDATE', 'UPDATE OR IGNORE'),
      spelt(table),
      assignments(table),
      condition(table),
      returning(table),
    )
    .map(([verb, name, set, where, back]) =>
      join('', [piece(`${verb} ${name} SET `), set, where, back]),
    );
}

function remove(table: TableName): fc.Arbitrary<Piece> {
  return fc
    .tuple(spelt(table), condition(table), returning(table))
    .map(([name, where, back]) =>
      join('', [piece(`DELETE FROM ${name}`), where, back]),
    );
}

/** One INSERT, UPDATE, DELETE, upsert or REPLACE on a table of the shop. */
export const randomWrite: fc.Arbitrary<RandomWrite> = tableName
  .chain(table => fc.oneof(insert(table), update(table), remove(table)))
  .map(({ text, bound }) => ({ sql: text, parameters: bound }));
