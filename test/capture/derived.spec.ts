import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  createDatabase,
  describeOnEachDatabase,
  type OpenedDatabase,
  type TestDatabase,
} from '../support/databases.js';
import { Order, User } from '../support/shop.js';
import { startApp } from '../support/start-app.js';

/** A trigger that writes users whenever orders are written. */
const TRIGGERS: Readonly<Record<TestDatabase['name'], readonly string[]>> = {
  postgres: [
    "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE users SET name = 'noted'; RETURN NULL; END $$",
    'CREATE TRIGGER noting AFTER INSERT ON orders FOR EACH STATEMENT EXECUTE FUNCTION note()',
  ],
  mariadb: [
    "CREATE TRIGGER noting AFTER INSERT ON orders FOR EACH ROW UPDATE users SET name = 'noted'",
  ],
  sqlite: [
    "CREATE TRIGGER noting AFTER INSERT ON orders BEGIN UPDATE users SET name = 'noted'; END",
  ],
};

describeOnEachDatabase('tables that triggers write', (database, url) => {
  let opened: OpenedDatabase;
  beforeAll(async () => {
    opened = await createDatabase(database, url);
  });
  afterAll(() => opened.drop());

  it('are outdated by the write that sets the trigger off, where `derived` declares them', async () => {
    await using app = await startApp({
      database: opened.options,
      alkey: { derived: { orders: ['users'] } },
    });
    for (const sql of TRIGGERS[database.name]) await app.dataSource.query(sql);
    const { id } = await app.dataSource
      .getRepository(User)
      .save({ name: 'Ada' });
    await app.get(`/users/${id}`);
    expect((await app.get(`/users/${id}`)).cacheStatus).toMatch(/hit/);

    await app.dataSource.getRepository(Order).insert({ item: 'tea' });
    const after = await app.get(`/users/${id}`);
    expect(JSON.parse(after.body)).toMatchObject({ name: 'noted' });
  });

  it('must be tables that there are', async () => {
    await expect(
      startApp({
        database: opened.options,
        alkey: { derived: { orders: ['user'] } },
      }),
    ).rejects.toMatchObject({ code: 'ALKEY_UNKNOWN_TABLE' });
  });
});
