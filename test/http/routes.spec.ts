import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HIT, STORED } from '../support/cache-status.js';
import {
  createDatabase,
  describeOnEachDatabase,
  type OpenedDatabase,
} from '../support/databases.js';
import { ADAPTERS, startApp } from '../support/start-app.js';
import { User, Order } from '../support/shop.js';

describeOnEachDatabase('routes', (database, url) => {
  let opened: OpenedDatabase;
  beforeAll(async () => {
    opened = await createDatabase(database, url);
  });
  afterAll(() => opened.drop());

  describe.each(ADAPTERS)('over %s', adapter => {
    it('serves a route until another write through TypeORM touches what it depends on', async () => {
      await using app = await startApp({
        database: opened.options,
        adapter,
      });
      const { id } = await app.dataSource
        .getRepository(User)
        .save({ name: 'Ada' });
      const first = await app.get(`/users/${id}`);
      const second = await app.get(`/users/${id}`);
      expect(first.cacheStatus).toMatch(STORED);
      expect(second.cacheStatus).toMatch(HIT);
      expect(second.body).toBe(first.body);

      await app.send('PATCH', `/users/${id}`, { name: 'Grace' });
      const third = await app.get(`/users/${id}`);
      expect(third.cacheStatus).toMatch(STORED);
      expect(JSON.parse(third.body)).toMatchObject({ name: 'Grace' });
      expect((await app.get(`/users/${id}`)).cacheStatus).toMatch(HIT);
    });

    it('outdates a row when a child of it is saved', async () => {
      await using app = await startApp({ database: opened.options, adapter });
      const user = await app.dataSource
        .getRepository(User)
        .save({ name: 'Ada' });
      await app.get(`/users/${user.id}`);
      await app.dataSource
        .getRepository(Order)
        .save({ item: 'tea', user: { id: user.id } as User });
      const after = await app.get(`/users/${user.id}`);
      expect(after.cacheStatus).toMatch(STORED);
      expect(JSON.parse(after.body)).toMatchObject({
        orders: [{ item: 'tea' }],
      });
    });
  });
});
