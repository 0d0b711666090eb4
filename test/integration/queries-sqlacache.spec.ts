import { randomBytes } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { createClient } from '@keyv/redis';
import { type EntitySubscriberInterface } from 'typeorm';
import {
  createDatabase,
  DATABASES,
  describeOnEachDatabase,
} from '../support/databases.js';
import { type QueryingApp, Shelf, startQueries } from '../support/library.js';
import { inRedis, storeAnswers } from '../support/stores.js';
import { describeWith } from '../support/suites.js';
import { until } from '../support/redis-servers.js';

const shelvesOf = ({ dataSource }: QueryingApp) =>
  dataSource.getRepository(Shelf);

describeOnEachDatabase(
  'what query caches were seen to get wrong',
  (database, url) => {
    it('an INSERT outdates cached lists', async () => {
      const opened = await createDatabase(database, url);
      {
        await using app = await startQueries(opened.options);
        const read = async () =>
          (await shelvesOf(app).find({ order: { id: 'ASC' } })).map(
            ({ id }) => id,
          );
        expect(await read()).toEqual([]);
        await shelvesOf(app).insert({ id: 1, label: 'one' });
        expect(await read()).toEqual([1]);
        await shelvesOf(app).save({ id: 2, label: 'two' });
        expect(await read()).toEqual([1, 2]);
        expect(await app.sentBy(read)).toEqual([]);
      }
      await opened.drop();
    });

    it("entities matched only by '*' are tracked", async () => {
      const opened = await createDatabase(database, url);
      {
        await using app = await startQueries(opened.options, {
          queries: { Volume: { ttlMs: 5 }, '*': { ttlMs: 3_600_000 } },
        });
        await shelvesOf(app).insert({ id: 1, label: 'before' });
        const read = () => shelvesOf(app).findOneByOrFail({ id: 1 });
        await read();
        expect(await app.sentBy(read)).toEqual([]);
        await shelvesOf(app).update(1, { label: 'after' });
        expect((await read()).label).toBe('after');
      }
      await opened.drop();
    });

    it("a savepoint's rollback does not lose the outer transaction's changes", async () => {
      const opened = await createDatabase(database, url);
      {
        await using app = await startQueries(opened.options);
        await shelvesOf(app).insert([
          { id: 1, label: 'before' },
          { id: 2, label: 'before' },
        ]);
        const read = async (id: number) =>
          (await shelvesOf(app).findOneByOrFail({ id })).label;
        await read(1);
        await read(2);
        await app.dataSource.transaction(async outer => {
          await outer.update(Shelf, 1, { label: 'after' });
          const inner = outer.transaction(async savepoint => {
            await savepoint.update(Shelf, 2, { label: 'undone' });
            throw new Error('no');
          });
          await expect(inner).rejects.toThrow('no');
        });
        expect([await read(1), await read(2)]).toEqual(['after', 'before']);
      }
      await opened.drop();
    });
  },
);

for (const database of DATABASES) {
  // SQLite has one connection: nothing goes on beside a statement.
  if (database.service === undefined) continue;
  describeWith(
    database.service,
    `a write during a SELECT on ${database.name}`,
    url => {
      it('the key is not rebuilt after the SELECT', async () => {
        const opened = await createDatabase(database, url);
        {
          await using app = await startQueries(opened.options);
          await shelvesOf(app).insert({ id: 1, label: 'before' });
          const read = () => shelvesOf(app).findOneByOrFail({ id: 1 });
          let isWritten = false;
          const subscriber: EntitySubscriberInterface = {
            async afterQuery({ query }) {
              if (isWritten || !/^SELECT.*LIMIT 1$/.test(query)) return;
              isWritten = true;
              // The rows are there, and are not answered yet.
              await shelvesOf(app).update(1, { label: 'after' });
            },
          };
          app.dataSource.subscribers.push(subscriber);
          expect((await read()).label).toBe('before');
          expect(isWritten).toBe(true);
          expect((await read()).label).toBe('after');
        }
        await opened.drop();
      });
    },
  );
}

describeWith('REDIS_URL', 'cached queries with tokens in Redis', redis => {
  const [sqlite] = DATABASES;
  const clientOf = async () => {
    const client = createClient({ url: redis });
    await client.connect();
    return client;
  };

  it('a lost counter does not resurrect an old answer', async () => {
    const opened = await createDatabase(sqlite!, undefined);
    const options = inRedis(redis);
    const client = await clientOf();
    {
      await using app = await startQueries(opened.options, options);
      await storeAnswers(app.keys);
      await shelvesOf(app).insert({ id: 1, label: 'before' });
      const read = () => shelvesOf(app).find();
      await read();
      await until(async () => (await app.sentBy(read)).length === 0);
      const removed = await client.del(`${options.namespace}:shelves#*`);
      expect(removed).toBe(1);
      expect(await app.sentBy(read)).toHaveLength(1);
    }
    client.destroy();
  });

  it('clear() and remove() leave what others keep in that Redis', async () => {
    const opened = await createDatabase(sqlite!, undefined);
    const options = inRedis(redis);
    const client = await clientOf();
    const foreign = `foreign-${randomBytes(6).toString('hex')}`;
    await client.set(foreign, 'kept', {
      expiration: { type: 'EX', value: 60 },
    });
    {
      await using app = await startQueries(opened.options, options);
      await storeAnswers(app.keys);
      const before = await app.keys.token(Shelf);
      const read = () =>
        shelvesOf(app).find({ cache: { id: 'menu', milliseconds: 60_000 } });
      await read();
      await until(async () => (await app.sentBy(read)).length === 0);
      await app.dataSource.queryResultCache?.remove(['menu']);
      expect(await app.sentBy(read)).toHaveLength(1);
      await until(async () => (await app.sentBy(read)).length === 0);
      await app.dataSource.queryResultCache?.clear();
      expect(await app.sentBy(read)).toHaveLength(1);
      expect(await client.get(foreign)).toBe('kept');
      // What routes depend on as well.
      expect(await app.keys.token(Shelf)).toBe(before);
    }
    client.destroy();
  });

  describeWith('POSTGRES_URL', 'and PostgreSQL', url => {
    it('are answered to other processes, and outdated by their writes', async () => {
      const [postgres] = DATABASES.filter(({ name }) => name === 'postgres');
      const opened = await createDatabase(postgres!, url);
      const options = inRedis(redis);
      {
        await using one = await startQueries(opened.options, options);
        await using two = await startQueries(opened.options, options, {
          synchronize: false,
        });
        await storeAnswers(one.keys);
        await storeAnswers(two.keys);
        await shelvesOf(one).insert({ id: 1, label: 'before' });
        const read = (app: QueryingApp) =>
          shelvesOf(app).findOneByOrFail({ id: 1 });
        await until(
          async () => (await one.sentBy(() => read(one))).length === 0,
        );
        expect(await two.sentBy(() => read(two))).toEqual([]);
        await shelvesOf(two).update(1, { label: 'after' });
        expect((await read(one)).label).toBe('after');
      }
      await opened.drop();
    });
  });
});
