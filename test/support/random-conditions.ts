import * as fc from 'fast-check';

import {
  type Dialect,
  type Operand,
  type RowFilter,
} from '../../lib/core/writes/statement.js';

/** A word of SQL text, or a value that is bound as a parameter. */
export type Piece = string | { readonly bound: number | string };

/** A row of the table that random conditions are about. */
export interface ProbeRow {
  readonly id: number;
  readonly a: number | null;
  readonly b: number | null;
  readonly name: string | null;
}

/** Columns of the table `probe`; texts compare letter by letter. */
export const PROBE_TABLE: Readonly<Record<Dialect, string>> = {
  postgres:
    '(id int PRIMARY KEY, a int, b int, name text, touched int DEFAULT 0)',
  mysql:
    '(id int PRIMARY KEY, a int, b int, name varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, touched int DEFAULT 0) ENGINE=InnoDB',
  sqlite:
    '(id integer PRIMARY KEY, a int, b int, name text, touched int DEFAULT 0)',
};

export const PROBE_ROWS: readonly ProbeRow[] = [
  { id: 1, a: 1, b: 1, name: 'x' },
  { id: 2, a: 1, b: 2, name: 'y' },
  { id: 3, a: 2, b: 1, name: 'X' },
  { id: 4, a: 2, b: 2, name: '1' },
  { id: 5, a: 0, b: null, name: '' },
  { id: 6, a: null, b: 0, name: null },
  { id: 7, a: 5, b: 7, name: "it's" },
  { id: 12, a: 12, b: -1, name: '12' },
];

export const INSERT_PROBE_ROWS = (table: string): string =>
  `INSERT INTO ${table} (id, a, b, name) VALUES ${PROBE_ROWS.map(
    ({ id, a, b, name }) =>
      `(${id}, ${a}, ${b}, ${name === null ? 'NULL' : `'${name.replaceAll("'", "''")}'`})`,
  ).join(', ')}`;

/** The text of pieces, with the dialect's placeholders, and the values that it needs. */
export function render(
  pieces: readonly Piece[],
  dialect: Dialect,
): { readonly text: string; readonly parameters: readonly unknown[] } {
  const parameters: unknown[] = [];
  const text = pieces
    .map(piece => {
      if (typeof piece === 'string') return piece;
      parameters.push(piece.bound);
      return dialect === 'postgres' ? `$${parameters.length}` : '?';
    })
    .join(' ');
  return { text, parameters };
}

const pieces = (...parts: readonly (Piece | readonly Piece[])[]): Piece[] =>
  parts.flat();

const join = (
  parts: readonly (readonly Piece[])[],
  separator: string,
): Piece[] =>
  parts.flatMap((part, index) => (index === 0 ? part : [separator, ...part]));

/** Conditions as people and TypeORM write them, and as nobody should. */
export function randomCondition(dialect: Dialect): fc.Arbitrary<Piece[]> {
  const number = fc.constantFrom('1', '2', '5', '12', '-1', '+ 1', '01', '0');
  const oddNumber = fc.constantFrom(
    '1.0',
    '1e0',
    "'1'",
    "'01'",
    '1 + 1',
    '2 - 1',
  );
  const column = fc.constantFrom('id', 'a', 'b');
  const written = column.chain(name =>
    fc.constantFrom(
      name,
      name.toUpperCase(),
      `probe.${name}`,
      `probe . ${name}`,
      dialect === 'mysql' ? `\`${name}\`` : `"${name}"`,
      `(${name})`,
    ),
  );
  const value: fc.Arbitrary<Piece[]> = fc.oneof(
    { weight: 5, arbitrary: number.map(text => pieces(text)) },
    {
      weight: 3,
      arbitrary: fc.integer({ min: 0, max: 5 }).map(bound => [{ bound }]),
    },
    {
      weight: 2,
      arbitrary: fc
        .oneof(
          oddNumber,
          column,
          fc.constantFrom(
            'NULL',
            '(SELECT 1)',
            'abs(1)',
            '((2))',
            'CAST(1 AS DECIMAL)',
            'CASE WHEN a = 1 OR b = 1 THEN 1 ELSE 2 END',
            ...(dialect === 'postgres'
              ? ["'1'::int", '1::int', '1.5::int']
              : []),
            ...(dialect === 'mysql'
              ? ['TRUE', '"1"', '0x31', '~ 1', '@x']
              : []),
          ),
        )
        .map(text => pieces(text)),
    },
  );
  const text = fc.oneof(
    fc.constantFrom("'x'", "'y'", "'it''s'", "''", "N'x'", "'1'", 'NULL'),
    fc.constantFrom('x', 'y').map(bound => ({ bound })),
    fc.constantFrom(
      ...(dialect === 'postgres'
        ? ["E'x'", '$$x$$', "'x'::text", "E'it\\'s'", "U&'\\0078'"]
        : dialect === 'mysql'
          ? ["_utf8mb4'x'", "'it\\'s'", '"x"', "'x' 'y'", '1', '0']
          : ['"x"', "x'78'", '1', "'x' COLLATE NOCASE"]),
    ),
  );
  const list = (
    item: fc.Arbitrary<Piece[]>,
    maxLength: number,
  ): fc.Arbitrary<Piece[]> =>
    fc.array(item, { minLength: 1, maxLength }).map(items => join(items, ','));
  const comparison = fc.constantFrom('<>', '<', '>=', 'IS NOT', '!=');
  const { condition } = fc.letrec<{ condition: Piece[]; term: Piece[] }>(
    tie => ({
      term: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        {
          weight: 8,
          arbitrary: fc
            .tuple(written, value)
            .map(([left, right]) => pieces(left, '=', right)),
        },
        {
          weight: 2,
          arbitrary: fc
            .tuple(value, written)
            .map(([left, right]) => pieces(left, '=', right)),
        },
        {
          weight: 3,
          arbitrary: fc
            .tuple(written, list(value, 4))
            .map(([left, right]) => pieces(left, 'IN', '(', right, ')')),
        },
        {
          weight: 2,
          arbitrary: fc
            .tuple(fc.constantFrom('name', 'probe.name', 'NAME'), text)
            .map(([left, right]) => pieces(left, '=', right)),
        },
        {
          weight: 2,
          arbitrary: fc
            .tuple(value, value)
            .map(([x, y]) => pieces('(a, b) = (', x, ',', y, ')')),
        },
        {
          weight: 2,
          arbitrary: list(
            fc.tuple(value, value).map(([x, y]) => pieces('(', x, ',', y, ')')),
            3,
          ).map(rows =>
            dialect === 'sqlite'
              ? pieces('(a, b) IN (VALUES', rows, ')')
              : pieces('(a, b) IN (', rows, ')'),
          ),
        },
        {
          weight: 2,
          arbitrary: fc
            .tuple(written, value, value)
            .map(([left, x, y]) => pieces(left, 'BETWEEN', x, 'AND', y)),
        },
        {
          weight: 2,
          arbitrary: fc
            .tuple(written, comparison, value)
            .map(([left, sign, right]) => pieces(left, sign, right)),
        },
        {
          weight: 2,
          arbitrary: fc
            .tuple(
              written,
              value,
              fc.constantFrom(
                'IS TRUE',
                'IS NOT TRUE',
                '= 0',
                '+ 1',
                'IS NULL',
                '= (1 = 1)',
                '* 2',
              ),
            )
            .map(([left, right, more]) => pieces(left, '=', right, more)),
        },
        {
          weight: 1,
          arbitrary: fc
            .tuple(written, list(value, 3))
            .map(([left, right]) => pieces(left, 'NOT IN', '(', right, ')')),
        },
        {
          weight: 2,
          arbitrary: fc
            .constantFrom<Piece>(
              '1 = 1',
              '1 = 0',
              'name IS NULL',
              "name LIKE '%'",
              'EXISTS (SELECT 1)',
              "name = 'x' OR 1 = 1",
              'id IN (SELECT a FROM probe)',
              'id = id',
              'id /* = 5 */ = /* OR 1=1 */ 1',
              'id = 1 -- AND id = 2\n',
              'CASE WHEN id = 1 AND id = 2 AND id = 5 THEN 1 = 0 ELSE 1 = 1 END',
              ...(dialect === 'postgres'
                ? [
                    'id = ANY(ARRAY[1, 2])',
                    "id = ANY('{1,2}')",
                    'id = ANY(ARRAY[a])',
                    'user = user',
                    'a IS DISTINCT FROM 1',
                  ]
                : ['id == 1', 'id IS 1', 'NOT id', '- id = - 1']),
            )
            .map(piece => [piece]),
        },
        {
          weight: 2,
          arbitrary: tie('condition').map(inner => pieces('NOT (', inner, ')')),
        },
        {
          weight: 1,
          arbitrary: tie('term').map(inner => pieces('NOT', inner)),
        },
        {
          weight: 4,
          arbitrary: tie('condition').map(inner => pieces('(', inner, ')')),
        },
        {
          weight: 1,
          arbitrary: fc
            .tuple(
              tie('condition'),
              fc.constantFrom('= TRUE', '= FALSE', 'IS FALSE', '= 0'),
            )
            .map(([inner, more]) => pieces('(', inner, ')', more)),
        },
      ),
      condition: fc
        .tuple(
          tie('term'),
          fc.array(
            fc.tuple(
              fc.constantFrom(
                'AND',
                'AND',
                'and',
                'OR',
                'Or',
                ...(dialect === 'mysql' ? ['XOR', '||', '&&'] : []),
              ),
              tie('term'),
            ),
            { maxLength: 3 },
          ),
        )
        .map(([first, more]) => pieces(first, ...more.flat())),
    }),
  );
  return condition;
}

/** Words in no order, around something that would pin a row if it stood alone. */
export function randomJumble(dialect: Dialect): fc.Arbitrary<Piece[]> {
  const word = fc.constantFrom(
    ...'id a b name probe . = = <> ( ) , IN AND AND OR NOT BETWEEN IS NULL CASE WHEN THEN ELSE END LIKE ESCAPE COLLATE + - * || 1 2 5 12 TRUE FALSE EXISTS'.split(
      ' ',
    ),
    "'x'",
    '"id"',
    '/* OR */',
    '(SELECT 1)',
    ...{
      postgres: ['::int', 'IS DISTINCT FROM', 'AT TIME ZONE', 'ANY', '^'],
      mysql: ['XOR', '&&', '`id`', '!', 'DIV', 'RLIKE', 'BINARY', '<=>', ':='],
      sqlite: ['==', 'GLOB', 'NOTNULL', 'RETURNING', 'LIMIT', '[id]'],
    }[dialect],
  );
  const pin = fc.constantFrom(
    'id = 1',
    'id = 2',
    'a = 1',
    '(a, b) = (1, 2)',
    'id IN (1, 2)',
  );
  const words = fc.array(word, { maxLength: 4 });
  return fc
    .tuple(words, pin, words, fc.option(pin, { nil: '' }), words)
    .map(([before, one, between, other, after]) => [
      ...before,
      one,
      ...between,
      other,
      ...after,
    ]);
}

/**
 * Whether a filter leaves room for a row. What a database finds equal across types is left to the
 * reader of the filter: a number may equal any text.
 */
export function allows(
  filter: RowFilter,
  row: ProbeRow,
  parameters: readonly unknown[],
): boolean {
  if (filter === undefined) return true;
  return filter.some(alternative =>
    [...alternative].every(([column, operands]) => {
      const value = row[column.toLowerCase() as keyof ProbeRow];
      return (
        value === undefined ||
        operands.some(operand => mayEqual(value, operand, parameters))
      );
    }),
  );
}

function mayEqual(
  value: number | string | null,
  operand: Operand,
  parameters: readonly unknown[],
): boolean {
  switch (operand.kind) {
    case 'parameter':
      return sameValue(value, parameters[Number(operand.at)]);
    case 'number':
      return (
        typeof value === 'string' || sameValue(value, Number(operand.text))
      );
    case 'string':
      return sameValue(value, operand.value);
    case 'boolean':
      return sameValue(value, Number(operand.value));
    default:
      return false;
  }
}

function sameValue(value: number | string | null, other: unknown): boolean {
  if (value === null) return false;
  return typeof value === 'number' ? value === Number(other) : value === other;
}
