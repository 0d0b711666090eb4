import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EntitySchema, type ObjectLiteral } from 'typeorm';
import { AlkeyEvents } from 'nestjs-alkey';
import {
  createDatabase,
  describeOnEachDatabase,
  type OpenedDatabase,
  type TestDatabase,
} from '../support/databases.js';
import { type QueryingApp, startQueries } from '../support/library.js';
import { describeWith } from '../support/suites.js';

type Columns = Readonly<Record<string, string>>;

/** Columns by their type, of all the kinds of values that a driver answers. */
const COLUMNS: Readonly<Record<TestDatabase['name'], Columns>> = {
  sqlite: {
    bytes: 'blob',
    moment: 'datetime',
    small: 'integer',
    wide: 'real',
    flag: 'boolean',
    words: 'text',
    document: 'simple-json',
  },
  postgres: {
    bytes: 'bytea',
    moment: 'timestamptz',
    endless: 'timestamptz',
    day: 'date',
    small: 'integer',
    large: 'bigint',
    exact: 'numeric',
    wide: 'double precision',
    never: 'double precision',
    flag: 'boolean',
    words: 'text',
    document: 'jsonb',
    place: 'point',
    span: 'int4range',
  },
  mariadb: {
    bytes: 'blob',
    moment: 'datetime',
    day: 'date',
    small: 'int',
    large: 'bigint',
    exact: 'decimal',
    wide: 'double',
    flag: 'boolean',
    words: 'text',
    document: 'json',
    bits: 'bit',
  },
};

/** What is written into them, in SQL. */
const VALUES: Readonly<Record<TestDatabase['name'], Columns>> = {
  sqlite: {
    bytes: "x'00ff10'",
    moment: "'2020-02-29 12:34:56.789'",
    small: '-7',
    wide: '1e300',
    flag: '1',
    words: "'naïve 🦊 ''quoted'''",
    document: `'{"a":[1,null,{"b":"c"}]}'`,
  },
  postgres: {
    bytes: "'\\x00ff10'",
    moment: "'2020-02-29 12:34:56.789+02'",
    endless: "'infinity'",
    day: "'2020-02-29'",
    small: '-7',
    large: '9223372036854775807',
    exact: '12345678901234567890.123456789',
    wide: '1e300',
    never: "'NaN'",
    flag: 'true',
    words: "'naïve 🦊 ''quoted'''",
    document: `'{"a":[1,null,{"b":"c"}]}'`,
    place: "'(1.5,-2)'",
    span: "'[1,5)'",
  },
  mariadb: {
    bytes: "x'00ff10'",
    moment: "'2020-02-29 12:34:56'",
    day: "'2020-02-29'",
    small: '-7',
    large: '9223372036854775807',
    exact: '1234567890',
    wide: '1e300',
    flag: 'true',
    words: "'naïve ''quoted'''",
    document: `'{"a":[1,null,{"b":"c"}]}'`,
    bits: "b'1'",
  },
};

const kindsOf = (columns: Columns) =>
  new EntitySchema<ObjectLiteral>({
    name: 'Kinds',
    tableName: 'kinds',
    columns: {
      id: { type: 'int', primary: true },
      ...Object.fromEntries(
        Object.entries(columns).map(([name, type]) => [
          name,
          { type: type as 'int', nullable: true },
        ]),
      ),
    },
  });

describeOnEachDatabase('rows of cached queries', (database, url) => {
  let opened: OpenedDatabase;
  let app: QueryingApp;
  const values = VALUES[database.name];

  beforeAll(async () => {
    opened = await createDatabase(database, url);
    app = await startQueries(
      opened.options,
      {},
      { entities: [kindsOf(COLUMNS[database.name])] },
    );
    const names = Object.keys(values).join(', ');
    await app.dataSource.query(
      `INSERT INTO kinds (id, ${names}) VALUES (1, ${Object.values(values).join(', ')})`,
    );
    await app.dataSource.query('INSERT INTO kinds (id) VALUES (2)');
  });
  afterAll(async () => {
    await app?.[Symbol.asyncDispose]();
    await opened?.drop();
  });

  it('are those of the driver, raw', async () => {
    const { dataSource } = app;
    const builder = () =>
      dataSource.getRepository('Kinds').createQueryBuilder('k').orderBy('k.id');
    const runner = dataSource.createQueryRunner();
    const expected = await builder().setQueryRunner(runner).getRawMany();
    if (database.name !== 'sqlite') await runner.release();
    await builder().getRawMany();
    let cached: unknown;
    expect(
      await app.sentBy(async () => (cached = await builder().getRawMany())),
    ).toEqual([]);
    // A driver's rows have a class of their own, which nothing can be seen of.
    expect(cached).toStrictEqual(expected.map(row => ({ ...row })));
    expect(Object.keys(expected[0]!)).toHaveLength(
      Object.keys(values).length + 1,
    );
  });

  it('are those of the driver, as entities', async () => {
    const { dataSource } = app;
    const find = () => dataSource.getRepository('Kinds').find();
    const expected = await dataSource.transaction(async manager =>
      manager.getRepository('Kinds').find(),
    );
    await find();
    let cached: unknown;
    expect(await app.sentBy(async () => (cached = await find()))).toEqual([]);
    expect(cached).toStrictEqual(expected);
  });
});

describeWith('POSTGRES_URL', "rows with values of a driver's class", url => {
  it('are answered and not kept', async () => {
    const opened = await createDatabase(
      { name: 'postgres', service: 'POSTGRES_URL' },
      url,
    );
    {
      const entities = [kindsOf({ span: 'interval' })];
      await using app = await startQueries(opened.options, {}, { entities });
      await app.dataSource.query(
        "INSERT INTO kinds VALUES (1, '1 day 2 hours')",
      );
      const reasons: string[] = [];
      app.app
        .get(AlkeyEvents)
        .on('bypass', ({ name, reason }) => reasons.push(`${name} ${reason}`));
      const read = () =>
        app.dataSource.getRepository('Kinds').findOneByOrFail({ id: 1 });
      const first = await read();
      let again: unknown;
      const sent = await app.sentBy(async () => (again = await read()));
      expect(sent).toHaveLength(1);
      expect(again).toStrictEqual(first);
      expect(reasons).toEqual(Array(2).fill('Kinds.get unencodable'));
    }
    await opened.drop();
  });
});
