import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  DataSource,
  type EntitySchemaColumnOptions,
  EntitySchema,
} from 'typeorm';

import {
  canonicalKeyValue,
  type KeyKind,
} from '../../lib/core/identifiers/key-value.js';
import { dialectOf } from '../../lib/typeorm/dialect.js';
import { schemaOf } from '../../lib/typeorm/entity-schema.js';
import {
  createDatabase,
  DATABASES,
  type OpenedDatabase,
  type TestDatabase,
} from '../support/databases.js';
import { describeWith } from '../support/suites.js';

type Value = string | Buffer;

/** A key column, and values that it takes, often ones that it might call equal. */
interface Case {
  readonly title: string;
  readonly column: EntitySchemaColumnOptions;
  readonly pair: fc.Arbitrary<readonly [Value, Value]>;
  /** How many of the values are named at least, in percent, so that the comparison says something. */
  readonly namedPercent: number;
  /** Values that the database tells apart may have one name. */
  readonly coarse?: boolean;
}

const ALPHABET = ['a', 'A', 'b', 'Z', 'z', '1', '-', '_', ' ', ' ', '.'];
const FOREIGN = [
  'é',
  'É',
  'ß',
  'ſ',
  'K',
  'ａ',
  'ǆ',
  '\u00ad',
  '\u0301',
  'ı',
  '😀',
];

function texts(
  characters: readonly string[],
  maxLength: number,
): fc.Arbitrary<readonly [string, string]> {
  const text = fc.string({ unit: fc.constantFrom(...characters), maxLength });
  const changes: readonly ((value: string) => string)[] = [
    value => value,
    value => value.toUpperCase(),
    value => value.toLowerCase(),
    value => `${value} `,
    value => `${value}  `,
    value => value.trimEnd(),
    value => value.normalize('NFD'),
    value => value.replaceAll('ß', 'ss'),
    value => value.replaceAll('\u00ad', ''),
  ];
  const changed = fc
    .tuple(text, fc.constantFrom(...changes))
    .map(([value, change]) => [value, change(value)] as const)
    .filter(([, other]) => other.length <= maxLength && !/S{2}|ʼ/.test(other));
  return fc.oneof(fc.tuple(text, text), changed, changed);
}

const ASCII = (maxLength = 6) => texts(ALPHABET, maxLength);
const UNICODE = (maxLength = 6) => texts([...ALPHABET, ...FOREIGN], maxLength);

/** Forms of whole numbers, near one another and near the ends of 32, 53 and 64 bits. */
function integers(least: bigint, greatest: bigint) {
  const value = fc
    .tuple(
      fc.constantFrom(0n, 9007199254740992n, greatest, least),
      fc.bigInt(-3n, 3n),
    )
    .map(([base, offset]) => base + offset)
    .filter(candidate => candidate >= least && candidate <= greatest);
  const form = fc.constantFrom(
    (digits: string) => digits,
    (digits: string) => digits.replace(/^(-?)/, '$10'),
    (digits: string) => (digits.startsWith('-') ? digits : `+${digits}`),
    (digits: string) => (digits === '0' ? '-0' : digits),
  );
  const text = fc
    .tuple(value, form)
    .map(([number, render]) => render(String(number)));
  return fc.tuple(text, text);
}

/** What SQLite takes for an integer column, integers or not. */
const LOOSE_INTEGERS = fc
  .tuple(
    integers(-(2n ** 63n) - 3n, 2n ** 64n),
    fc.constantFrom('', '', '', '.0', 'e0', ' ', 'x', '.5'),
    fc.constantFrom('', '', '', '.0', 'e0', ' ', 'x', '.5'),
  )
  .map(
    ([[left, right], first, second]) => [left + first, right + second] as const,
  );

const DECIMALS = (places: number) => {
  const digits = fc.constantFrom('0', '1', '10', '123456789', '999999999999');
  const fraction = fc.string({
    unit: fc.constantFrom('0', '5', '1'),
    minLength: 1,
    maxLength: places,
  });
  const text = fc
    .tuple(fc.constantFrom('', '-', '+', '0'), digits, fc.option(fraction))
    .map(([sign, whole, rest]) =>
      rest === null ? sign + whole : `${sign}${whole}.${rest}`,
    );
  return fc.tuple(text, text);
};

const UUIDS = (forms: readonly ((uuid: string) => string)[]) => {
  const text = fc
    .tuple(
      fc.constantFrom(
        '6f9619ff-8b86-d011-b42d-00c04fc964ff',
        '6f9619ff-8b86-d011-b42d-00c04fc964fe',
      ),
      fc.constantFrom(...forms),
    )
    .map(([uuid, form]) => form(uuid));
  return fc.tuple(text, text);
};
const UUID_FORMS = [
  (uuid: string) => uuid,
  (uuid: string) => uuid.toUpperCase(),
  (uuid: string) => uuid.replaceAll('-', ''),
];

const BYTES = (maxLength: number) => {
  const bytes = fc
    .array(fc.constantFrom(0, 32, 65, 97, 255), { maxLength })
    .map(list => Buffer.from(list));
  return fc.tuple(bytes, bytes);
};

const VARCHAR = { type: 'varchar', length: 20 } as const;

const CASES: Readonly<Record<TestDatabase['name'], readonly Case[]>> = {
  postgres: [
    {
      title: 'integer',
      column: { type: 'int' },
      pair: integers(-(2n ** 31n), 2n ** 31n - 1n),
      namedPercent: 100,
    },
    {
      title: 'bigint',
      column: { type: 'bigint' },
      pair: integers(-(2n ** 63n), 2n ** 63n - 1n),
      namedPercent: 100,
    },
    {
      title: 'numeric',
      column: { type: 'numeric' },
      pair: DECIMALS(6),
      namedPercent: 100,
    },
    {
      title: 'numeric(14, 2)',
      column: { type: 'numeric', precision: 14, scale: 2 },
      pair: DECIMALS(4),
      namedPercent: 40,
    },
    {
      title: 'numeric(12)',
      column: { type: 'numeric', precision: 13 },
      pair: DECIMALS(2),
      namedPercent: 30,
    },
    {
      title: 'uuid',
      column: { type: 'uuid' },
      pair: UUIDS([...UUID_FORMS, uuid => `{${uuid}}`]),
      namedPercent: 100,
    },
    {
      title: 'text',
      column: { type: 'text' },
      pair: UNICODE(),
      namedPercent: 100,
    },
    {
      title: 'varchar(3), which cuts spaces off',
      column: { type: 'varchar', length: 3 },
      pair: fc.oneof(
        UNICODE(3),
        UNICODE(3).map(([left, right]) => [`${left}  `, right] as const),
      ),
      namedPercent: 20,
    },
    {
      title: 'char(8)',
      column: { type: 'char', length: 8 },
      pair: UNICODE(),
      namedPercent: 100,
    },
    {
      title: 'citext',
      column: { type: 'citext' },
      pair: UNICODE(),
      namedPercent: 20,
    },
    {
      title: 'bytea',
      column: { type: 'bytea' },
      pair: BYTES(3),
      namedPercent: 100,
    },
  ],
  mariadb: [
    {
      title: 'int',
      column: { type: 'int' },
      pair: integers(-(2n ** 31n), 2n ** 31n - 1n),
      namedPercent: 100,
    },
    {
      title: 'bigint',
      column: { type: 'bigint' },
      pair: integers(-(2n ** 63n), 2n ** 63n - 1n),
      namedPercent: 100,
    },
    {
      title: 'bigint unsigned',
      column: { type: 'bigint', unsigned: true },
      pair: integers(0n, 2n ** 64n - 1n),
      namedPercent: 100,
    },
    {
      title: 'decimal(14, 2)',
      column: { type: 'decimal', precision: 14, scale: 2 },
      pair: DECIMALS(4),
      namedPercent: 30,
    },
    {
      title: 'uuid',
      column: { type: 'uuid' },
      pair: UUIDS(UUID_FORMS),
      namedPercent: 100,
    },
    ...[
      'utf8mb4_general_ci',
      'utf8mb4_unicode_ci',
      'utf8mb4_unicode_520_ci',
      'utf8mb4_uca1400_ai_ci',
      'utf8mb4_uca1400_as_ci',
      'utf8mb3_general_ci',
      'latin1_swedish_ci',
      'latin1_general_ci',
      'ascii_general_ci',
    ].map(collation => ({
      title: `varchar under ${collation}`,
      column: { ...VARCHAR, charset: collation.split('_')[0], collation },
      pair: collation.startsWith('utf8mb4') ? UNICODE() : ASCII(),
      namedPercent: 20,
    })),
    ...['utf8mb4_bin', 'utf8mb4_nopad_bin', 'latin1_bin'].map(collation => ({
      title: `varchar under ${collation}`,
      column: { ...VARCHAR, charset: collation.split('_')[0], collation },
      pair: collation.startsWith('utf8mb4') ? UNICODE() : ASCII(),
      namedPercent: 40,
    })),
    ...['utf8mb4_general_ci', 'utf8mb4_bin'].map(collation => ({
      title: `char under ${collation}`,
      column: {
        type: 'char' as const,
        length: 8,
        charset: 'utf8mb4',
        collation,
      },
      pair: UNICODE(),
      namedPercent: 20,
    })),
    {
      title: 'varchar under a collation of its own language',
      column: {
        ...VARCHAR,
        charset: 'utf8mb4',
        collation: 'utf8mb4_german2_ci',
      },
      pair: UNICODE(),
      namedPercent: 0,
    },
    {
      title: 'binary(3), which is filled up',
      column: { type: 'binary', length: 3 },
      pair: BYTES(3),
      namedPercent: 20,
    },
    {
      title: 'varbinary',
      column: { type: 'varbinary', length: 3 },
      pair: BYTES(3),
      namedPercent: 100,
    },
  ],
  sqlite: [
    {
      title: 'int, which takes anything',
      column: { type: 'int' },
      pair: LOOSE_INTEGERS,
      namedPercent: 10,
    },
    {
      title: 'varchar',
      column: { type: 'varchar' },
      pair: UNICODE(),
      namedPercent: 100,
    },
    {
      title: 'varchar under NOCASE',
      column: { type: 'varchar', collation: 'NOCASE' },
      pair: UNICODE(),
      namedPercent: 100,
    },
    {
      title: 'varchar under RTRIM',
      column: { type: 'varchar', collation: 'RTRIM' },
      pair: UNICODE(),
      namedPercent: 100,
    },
    {
      title: 'uuid, which is text',
      column: { type: 'uuid', generated: 'uuid' },
      coarse: true,
      pair: UUIDS(UUID_FORMS),
      namedPercent: 100,
    },
    {
      title: 'blob',
      column: { type: 'blob' },
      pair: BYTES(3),
      namedPercent: 100,
    },
    {
      title: 'decimal, which is floating point',
      column: { type: 'decimal' },
      pair: DECIMALS(4),
      namedPercent: 0,
    },
  ],
};

interface Stored {
  readonly i: number;
  readonly a: Value;
  readonly equal: boolean;
}

/** A table of pairs in a database, with its columns' kind. */
class Pairs {
  private constructor(
    private readonly dataSource: DataSource,
    private readonly database: OpenedDatabase,
    readonly kind: KeyKind,
  ) {}

  static async open(
    at: TestDatabase,
    url: string | undefined,
    column: EntitySchemaColumnOptions,
  ): Promise<Pairs> {
    const database = await createDatabase(at, url);
    const entity = new EntitySchema({
      name: 'Pair',
      tableName: 'pairs',
      columns: {
        // Part of the key, so that SQLite does not keep `a` as its own row number.
        a: { ...column, primary: true },
        i: { type: 'int', primary: true },
        b: { ...column, generated: undefined },
      },
    });
    const dataSource = await new DataSource({
      ...database.options,
      entities: [entity],
      ...(at.name === 'mariadb' ? { charset: 'utf8mb4' } : {}),
    } as DataSource['options']).initialize();
    await dataSource.synchronize();
    const dialect = dialectOf(dataSource);
    if (!dialect) throw new Error(`${at.name} is not read`);
    const collations: Record<'t' | 'c' | 'k', string>[] =
      dialect === 'mysql'
        ? await dataSource.query(
            'SELECT table_name AS t, column_name AS c, collation_name AS k ' +
              'FROM information_schema.columns WHERE table_schema = DATABASE()',
          )
        : [];
    const [table] = schemaOf(
      dataSource,
      'default',
      dialect,
      (name, of) => collations.find(({ t, c }) => t === name && c === of)?.k,
    ).tables;
    const kind = table?.key.find(({ name }) => name === 'a')?.kind;
    if (!kind) throw new Error('no key');
    return new Pairs(dataSource, database, kind);
  }

  async store(
    pairs: readonly (readonly [Value, Value])[],
  ): Promise<readonly Stored[]> {
    const numbered = this.dataSource.options.type === 'postgres';
    const rows = pairs.map((_, at) =>
      numbered ? `(${at}, $${2 * at + 1}, $${2 * at + 2})` : `(${at}, ?, ?)`,
    );
    await this.dataSource.query('DELETE FROM pairs');
    await this.dataSource.query(
      `INSERT INTO pairs (i, a, b) VALUES ${rows.join(', ')}`,
      pairs.flat(),
    );
    // sql.js answers integers as doubles.
    const a =
      this.dataSource.options.type === 'sqljs' && this.kind.kind === 'integer'
        ? 'CAST(a AS TEXT)'
        : 'a';
    const stored: { i: number; a: Value; same: unknown }[] =
      await this.dataSource.query(
        `SELECT i, ${a} AS a, CASE WHEN a = b THEN 1 ELSE 0 END AS same FROM pairs ORDER BY i`,
      );
    return stored.map(row => ({
      i: row.i,
      a: row.a,
      equal: Number(row.same) === 1,
    }));
  }

  async close(): Promise<void> {
    await this.dataSource.destroy();
    await this.database.drop();
  }
}

for (const database of DATABASES) {
  const suite = (url?: string): void => {
    describe.each([...CASES[database.name]])(
      '$title',
      ({ column, pair, namedPercent, coarse }) => {
        let pairs: Pairs;
        beforeAll(async () => {
          pairs = await Pairs.open(database, url, column);
        });
        afterAll(() => pairs.close());

        it('are one exactly where the database calls two values equal', async () => {
          await fc.assert(
            fc.asyncProperty(
              fc.array(pair, { minLength: 40, maxLength: 60, size: 'max' }),
              async list => {
                for (const { i, a, equal } of await pairs.store(list)) {
                  const values = list[i]!;
                  const [left, right] = values.map(value =>
                    canonicalKeyValue(pairs.kind, value),
                  );
                  if (left === undefined) continue;
                  // The row is there under the name that it was written under.
                  const stored = canonicalKeyValue(pairs.kind, a);
                  expect({ values, stored }).toEqual({ values, stored: left });
                  if (right === undefined || (coarse && !equal)) continue;
                  const one = left === right;
                  expect({ values, one }).toEqual({ values, one: equal });
                }
              },
            ),
            { numRuns: 10 },
          );
        });

        it(`are given to ${namedPercent} of 100 values at least`, () => {
          // The same sample every time: a share of a random one would fail now and then.
          const sample = fc.sample(pair, { seed: 1, numRuns: 2000 });
          const named = sample.filter(
            ([value]) => canonicalKeyValue(pairs.kind, value) !== undefined,
          );
          expect((100 * named.length) / sample.length).toBeGreaterThanOrEqual(
            namedPercent,
          );
        });
      },
    );
  };
  if (database.service === undefined) {
    describe(`names of keys, compared with ${database.name}`, () => {
      suite();
    });
  } else {
    describeWith(
      database.service,
      `names of keys, compared with ${database.name}`,
      suite,
    );
  }
}

describeWith('MARIADB_URL', 'decimals of many digits on mariadb', url => {
  it('have no name, since a list of texts finds others with them', async () => {
    const dataSource = await new DataSource({
      type: 'mariadb',
      url,
    }).initialize();
    const digits = '12345678901234567';
    const [{ found }] = await dataSource.query(
      `WITH one AS (SELECT CAST('${digits}.8' AS DECIMAL(30, 1)) AS id)
       SELECT COUNT(*) AS found FROM one WHERE id IN ('${digits}.9', '2')`,
    );
    await dataSource.destroy();
    expect(Number(found)).toBe(1);
    const kind: KeyKind = { kind: 'decimal', scale: 1, digits: 15 };
    expect(canonicalKeyValue(kind, `${digits}.9`)).toBeUndefined();
  });
});
