import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from '@keyv/redis';
import { row } from 'nestjs-alkey';
import { EntitySchema } from 'typeorm';
import {
  createDatabase,
  DATABASES,
  type OpenedDatabase,
} from '../support/databases.js';
import {
  describeWithRedisServers,
  startRedis,
  until,
} from '../support/redis-servers.js';
import { Country, Order, SHOP_ENTITIES, User } from '../support/shop.js';
import { startApp, type StartedApp } from '../support/start-app.js';
import {
  describeOnStores,
  inRedis,
  storeAnswers,
  type StoreOptions,
} from '../support/stores.js';
import { describeWith } from '../support/suites.js';

const Tag = new EntitySchema<{ readonly id: number; readonly label: string }>({
  name: 'Tag',
  tableName: 'tags',
  columns: {
    id: { type: Number, primary: true, generated: true },
    label: { type: String },
  },
});

async function start(alkey: ReturnType<StoreOptions>): Promise<StartedApp> {
  const app = await startApp({
    database: { type: 'sqljs' },
    entities: [...SHOP_ENTITIES, Tag],
    alkey,
  });
  await storeAnswers(app.keys);
  return app;
}

function saveUser({ dataSource }: StartedApp, name = 'Ada'): Promise<User> {
  return dataSource.manager.save(dataSource.manager.create(User, { name }));
}

function saveOrder({ dataSource }: StartedApp, user?: User): Promise<Order> {
  const order = dataSource.manager.create(Order, {
    item: 'tea',
    ...(user ? { user } : {}),
  });
  return dataSource.manager.save(order);
}

describeOnStores('Alkey', options => {
  let app: StartedApp;
  beforeAll(async () => {
    app = await start(options());
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
  });

  describe('A1', () => {
    it('makes a key that changes when either of two instances does', async () => {
      const { keys, dataSource } = app;
      const user = await saveUser(app);
      const order = await saveOrder(app);
      const first = await keys.key(user, order);
      expect(await keys.key(user, order)).toBe(first);

      await dataSource.getRepository(User).update(user.id, { name: 'Grace' });
      const second = await keys.key(user, order);
      expect(second).not.toBe(first);

      await dataSource.getRepository(Order).update(order.id, { item: 'ink' });
      expect(await keys.key(user, order)).not.toBe(second);
    });

    it('keeps a key when another row of the same table changes', async () => {
      const user = await saveUser(app);
      const before = await app.keys.key(user);
      await saveUser(app, 'Grace');
      expect(await app.keys.key(user)).toBe(before);
    });
  });

  describe('A2', () => {
    it.each([
      ['an instance', (user: User) => user],
      ['a row identifier', (user: User) => `alkey:users#${user.id}`],
      ['a class', () => User],
      ['a table identifier', () => 'alkey:users#*'],
      ['the identifier of everything', () => 'alkey:*#*'],
    ])('makes a key of %s that changes with it', async (_, refTo) => {
      const user = await saveUser(app);
      const before = await app.keys.key(refTo(user));
      expect(await app.keys.key(refTo(user))).toBe(before);
      await app.dataSource
        .getRepository(User)
        .update(user.id, { name: 'Grace' });
      expect(await app.keys.key(refTo(user))).not.toBe(before);
    });

    it('takes an EntitySchema for a class', async () => {
      const before = await app.keys.key(Tag);
      expect(await app.keys.key('alkey:tags#*')).toBe(before);
      await app.dataSource.getRepository(Tag).save({ label: 'new' });
      expect(await app.keys.key(Tag)).not.toBe(before);
    });

    it('takes any other value as it is', async () => {
      const parts = [1, 'foo', { bar: 'baz' }, '€', 'alkey is a library'];
      const before = await app.keys.key(...parts);
      await saveUser(app);
      expect(await app.keys.key(...parts)).toBe(before);
      expect(await app.keys.key(2, ...parts.slice(1))).not.toBe(before);
    });
  });

  describe('A3', () => {
    it('gives instances with equal tokens different keys', async () => {
      const [one, two] = [await saveUser(app), await saveUser(app)];
      await app.keys.setToken(one, 'same');
      await app.keys.setToken(two, 'same');
      expect(await app.keys.token(one)).toBe(await app.keys.token(two));
      expect(await app.keys.key(one)).not.toBe(await app.keys.key(two));
    });
  });

  describe('A4', () => {
    it('counts an instance that is not saved yet as its class', async () => {
      const unsaved = app.dataSource.getRepository(User).create();
      const before = await app.keys.key(unsaved);
      expect(before).toBe(await app.keys.key(User));
      await saveUser(app);
      expect(await app.keys.key(unsaved)).not.toBe(before);
    });
  });

  describe('A5', () => {
    it('answers the same token until what it names changes', async () => {
      const user = await saveUser(app);
      const token = await app.keys.token(user);
      expect(token).toMatch(/^[\w-]{16,}$/);
      expect(await app.keys.token(user)).toBe(token);
      expect(await app.keys.token(`alkey:users#${user.id}`)).toBe(token);
    });

    it('gives each instance a token of its own, made at the first look-up', async () => {
      const [one, two] = [await saveUser(app), await saveUser(app)];
      expect(await app.keys.token(one)).not.toBe(await app.keys.token(two));
    });
  });

  describe('A6', () => {
    it.each([
      ['an instance', (user: User) => user],
      ['an identifier', (user: User) => `alkey:users#${user.id}`],
      ['a class', () => User],
      ['everything', () => 'alkey:*#*'],
    ])(
      'answers a token that was set by hand for %s, until a write',
      async (_, refTo) => {
        const user = await saveUser(app);
        await app.keys.setToken(refTo(user), 'by hand');
        expect(await app.keys.token(refTo(user))).toBe('by hand');
        await app.dataSource
          .getRepository(User)
          .update(user.id, { name: 'Grace' });
        expect(await app.keys.token(refTo(user))).not.toBe('by hand');
      },
    );
  });

  describe('A7', () => {
    it.each([
      ['created', () => saveUser(app, 'Grace')],
      [
        'changed',
        (user: User) =>
          app.dataSource.getRepository(User).save({ ...user, name: 'Grace' }),
      ],
      [
        'deleted',
        (user: User) =>
          app.dataSource.getRepository(User).remove({ ...user } as User),
      ],
    ])(
      'changes the tokens of the table and of everything when a row is %s',
      async (_, write) => {
        const user = await saveUser(app);
        const refs = [User, 'alkey:*#*'];
        const before = await Promise.all(refs.map(ref => app.keys.token(ref)));
        await write(user);
        const after = await Promise.all(refs.map(ref => app.keys.token(ref)));
        for (const [index, token] of after.entries()) {
          expect(token).not.toBe(before[index]);
        }
      },
    );

    it('changes the tokens of exactly the rows that one transaction wrote', async () => {
      const countries = app.dataSource.getRepository(Country);
      await countries.insert([
        { code: 'NO', name: 'Norway' },
        { code: 'SE', name: 'Sweden' },
      ]);
      const [changed, kept] = [await saveUser(app), await saveUser(app)];
      const created = row(User, kept.id + 1);
      const written = [changed, created, row(Country, 'NO')];
      const others = [kept, row(User, kept.id + 2), row(Country, 'SE')];
      const refs = [...written, ...others];
      const before = await Promise.all(refs.map(ref => app.keys.token(ref)));
      await app.dataSource.transaction(async manager => {
        await manager.save(User, { ...changed, name: 'Grace' });
        await manager.save(User, { name: 'Edsger' });
        await manager.delete(Country, 'NO');
      });
      const after = await Promise.all(refs.map(ref => app.keys.token(ref)));
      expect(after.map((token, index) => token === before[index])).toEqual([
        ...written.map(() => false),
        ...others.map(() => true),
      ]);
    });
  });

  describe('A11', () => {
    it('changes the token of a parent when a child with its foreign key is saved', async () => {
      const [user, other] = [await saveUser(app), await saveUser(app)];
      const before = await app.keys.token(user);
      const ofOther = await app.keys.token(other);
      await saveOrder(app, { id: user.id } as User);
      expect(await app.keys.token(user)).not.toBe(before);
      expect(await app.keys.token(other)).toBe(ofOther);
    });

    it('changes the tokens of the old parent and of the new one', async () => {
      const [from, to] = [await saveUser(app), await saveUser(app)];
      const order = await saveOrder(app, from);
      const before = [await app.keys.token(from), await app.keys.token(to)];
      await app.dataSource
        .getRepository(Order)
        .save({ id: order.id, user: { id: to.id } as User });
      expect(await app.keys.token(from)).not.toBe(before[0]);
      expect(await app.keys.token(to)).not.toBe(before[1]);
    });
  });
});

const postgres = DATABASES.find(({ name }) => name === 'postgres')!;

for (const store of ['memory', 'Redis'] as const) {
  const services =
    store === 'memory'
      ? (['POSTGRES_URL'] as const)
      : (['POSTGRES_URL', 'REDIS_URL'] as const);
  describeWith(
    services,
    `Alkey's transactions, in ${store}`,
    (...urls: readonly string[]) => {
      const [url, redisUrl] = urls;
      let database: OpenedDatabase;
      let app: StartedApp;
      beforeAll(async () => {
        database = await createDatabase(postgres, url);
        app = await startApp({
          database: database.options,
          alkey: redisUrl === undefined ? {} : inRedis(redisUrl),
        });
        await storeAnswers(app.keys);
      });
      afterAll(async () => {
        await app[Symbol.asyncDispose]();
        await database.drop();
      });

      describe('A8', () => {
        it('changes nothing before the commit, and everything written with it', async () => {
          const user = await saveUser(app);
          const before = await app.keys.key(user, User);
          await app.dataSource.transaction(async manager => {
            await manager.update(User, user.id, { name: 'Grace' });
            expect(await app.keys.key(user, User)).toBe(before);
          });
          expect(await app.keys.key(user, User)).not.toBe(before);
        });

        it('changes nothing when the transaction is rolled back', async () => {
          const user = await saveUser(app);
          const before = await app.keys.key(user, User, 'alkey:*#*');
          const rollback = new Error('rolled back');
          const transaction = app.dataSource.transaction(async manager => {
            await manager.update(User, user.id, { name: 'Grace' });
            await manager.save(User, { name: 'Edsger' });
            throw rollback;
          });
          await expect(transaction).rejects.toBe(rollback);
          expect(await app.keys.key(user, User, 'alkey:*#*')).toBe(before);
        });

        it("does not publish one session's changes by another session's commit", async () => {
          const [one, two] = [await saveUser(app), await saveUser(app)];
          const ofOne = await app.keys.token(one);
          const ofTwo = await app.keys.token(two);
          await app.dataSource.transaction(async open => {
            await open.update(User, one.id, { name: 'Grace' });
            await app.dataSource.transaction(other =>
              other.update(User, two.id, { name: 'Edsger' }),
            );
            expect(await app.keys.token(two)).not.toBe(ofTwo);
            expect(await app.keys.token(one)).toBe(ofOne);
          });
          expect(await app.keys.token(one)).not.toBe(ofOne);
        });
      });

      describe('A9', () => {
        it('takes back exactly what a nested transaction wrote that is rolled back', async () => {
          const [kept, undone] = [await saveUser(app), await saveUser(app)];
          const ofKept = await app.keys.token(kept);
          const ofUndone = await app.keys.token(undone);
          await app.dataSource.transaction(async manager => {
            await manager.update(User, kept.id, { name: 'Grace' });
            const nested = manager.transaction(async inner => {
              await inner.update(User, undone.id, { name: 'Edsger' });
              throw new Error('rolled back');
            });
            await expect(nested).rejects.toThrow('rolled back');
          });
          expect(await app.keys.token(kept)).not.toBe(ofKept);
          expect(await app.keys.token(undone)).toBe(ofUndone);
        });
      });
    },
  );
}

describeWithRedisServers("Alkey's Redis", () => {
  describe('A10', () => {
    it('changes every key when Redis is flushed', async () => {
      await using redis = await startRedis();
      await using app = await start({ ...inRedis(redis.server.url) });
      const user = await saveUser(app);
      const refs = [user, User, 'alkey:*#*'];
      const before = await Promise.all(refs.map(ref => app.keys.key(ref)));
      await redis.server.command('FLUSHALL');
      const after = await Promise.all(refs.map(ref => app.keys.key(ref)));
      for (const [index, key] of after.entries()) {
        expect(key).not.toBe(before[index]);
      }
      // For a moment none is given twice: a writer's announcement may be lost as well.
      await storeAnswers(app.keys);
      const settled = await Promise.all(refs.map(ref => app.keys.key(ref)));
      expect(before.some(key => settled.includes(key))).toBe(false);
      expect(await Promise.all(refs.map(ref => app.keys.key(ref)))).toEqual(
        settled,
      );
    });
  });

  describe('A12', () => {
    it('finds Redis by REDIS_URL, REDIS_DB and REDIS_MAX_CONNECTIONS', async () => {
      await using redis = await startRedis();
      Object.assign(process.env, {
        REDIS_URL: redis.server.url,
        REDIS_DB: '5',
        REDIS_MAX_CONNECTIONS: '3',
      });
      try {
        await using app = await start({
          redis: undefined,
          storeTimeoutMs: 5_000,
        });
        await app.keys.setToken(User, 'in the fifth');
        const client = createClient({ url: `${redis.server.url}/5` });
        await client.connect();
        const size = await client.dbSize();
        client.destroy();
        expect(size).toBeGreaterThan(0);
        expect(await redis.server.command('DBSIZE')).toBe(0);
      } finally {
        delete process.env.REDIS_URL;
        delete process.env.REDIS_DB;
        delete process.env.REDIS_MAX_CONNECTIONS;
      }
    });
  });

  describe('A13', () => {
    it('keeps a token for a day at most, and nothing else of a write that is over', async () => {
      await using redis = await startRedis();
      await using app = await start({
        redis: redis.server.url,
        storeTimeoutMs: 5_000,
      });
      const user = await saveUser(app);
      await redis.server.command('FLUSHALL');
      await app.dataSource.transaction(async manager => {
        await manager.update(User, user.id, { name: 'Grace' });
        expect(await redis.server.command('DBSIZE')).toBe(0);
      });
      expect(await redis.server.command('DBSIZE')).toBe(0);

      await app.keys.token(user);
      const names = (await redis.server.command('KEYS', '*')) as string[];
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) {
        const leftMs = await redis.server.command('PTTL', name);
        expect(leftMs).toBeGreaterThan(0);
        expect(leftMs).toBeLessThanOrEqual(86_400_000);
      }
    });
  });

  describe('A14', () => {
    it('answers keys and tokens that never come again while Redis is away, and commits all the same', async () => {
      await using redis = await startRedis();
      await using app = await start({ redis: redis.server.url });
      const user = await saveUser(app);
      const before = await app.keys.key(user);
      await redis.server.kill();

      const startedAt = performance.now();
      const away = [await app.keys.key(user), await app.keys.key(user)];
      const tokens = [await app.keys.token(user), await app.keys.token(user)];
      expect(performance.now() - startedAt).toBeLessThan(1_000);
      expect(new Set([before, ...away, ...tokens]).size).toBe(5);
      await app.dataSource
        .getRepository(User)
        .update(user.id, { name: 'Grace' });

      await redis.server.restart();
      await until(
        async () => (await app.keys.key(user)) === (await app.keys.key(user)),
        5_000,
      );
      expect(await app.keys.key(user)).not.toBe(before);
    });
  });
});
