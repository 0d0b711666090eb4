import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { row } from 'nestjs-alkey';
import {
  type ChildApp,
  compileApps,
  startChildApp,
} from '../support/child-apps.js';
import { type CompiledSources } from '../support/compile-sources.js';
import {
  createDatabase,
  DATABASES,
  type OpenedDatabase,
} from '../support/databases.js';
import { HIT } from '../support/cache-status.js';
import { until } from '../support/redis-servers.js';
import { User } from '../support/shop.js';
import { startApp, type StartedApp } from '../support/start-app.js';
import { inRedis, storeAnswers } from '../support/stores.js';
import { describeWith } from '../support/suites.js';

const postgres = DATABASES.find(({ name }) => name === 'postgres')!;

function nameIn({ body }: { readonly body: string }): unknown {
  return (JSON.parse(body) as User).name;
}

describeWith('REDIS_URL', 'a process that closes its application', url => {
  let apps: CompiledSources;
  beforeAll(async () => {
    apps = await compileApps();
  });
  afterAll(() => apps.remove());

  it.each([
    ['in memory', { redis: false as const }],
    ['with Redis', inRedis(url)],
    ['with Redis that nobody answers', { redis: 'redis://127.0.0.1:1' }],
  ])('ends by itself within a second, %s', async (_, alkey) => {
    await using child = await startChildApp(apps, {
      database: { type: 'sqljs' },
      alkey,
    });
    await child.send('POST', '/users', { name: 'Ada' });
    await child.get('/users/1');
    expect((await child.get('/users/1')).status).toBe(200);
    const { code, exitMs } = await child.close();
    expect(code).toBe(0);
    expect(exitMs).toBeLessThan(1_000);
  });
});

describeWith(
  ['POSTGRES_URL', 'REDIS_URL'],
  'two processes that share PostgreSQL and Redis',
  (postgresUrl, redisUrl) => {
    const alkey = inRedis(redisUrl);
    let apps: CompiledSources;
    let database: OpenedDatabase;
    let app: StartedApp;
    let child: ChildApp;
    beforeAll(async () => {
      apps = await compileApps();
      database = await createDatabase(postgres, postgresUrl);
      app = await startApp({ database: database.options, alkey });
      await storeAnswers(app.keys);
      child = await startChildApp(apps, { database: database.options, alkey });
    });
    afterAll(async () => {
      await child[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
      await database.drop();
      await apps.remove();
    });
    const saveUser = async (): Promise<number> => {
      const { id } = await app.dataSource.manager.save(User, { name: 'Ada' });
      return id;
    };
    /** Lets the other process store its answer, which it does after it has given it. */
    const storedByChild = (path: string) =>
      until(async () => HIT.test((await child.get(path)).cacheStatus ?? ''));

    it("serve each other's answers, and see each other's writes", async () => {
      const id = await saveUser();
      const path = `/users/${id}`;
      await storedByChild(path);

      await app.send('PATCH', path, { name: 'Grace' });
      const seenByChild = await child.get(path);
      expect(seenByChild.cacheStatus).not.toMatch(HIT);
      expect(nameIn(seenByChild)).toBe('Grace');

      await child.send('PATCH', path, { name: 'Edsger' });
      const seenHere = await app.get(path);
      expect(seenHere.cacheStatus).not.toMatch(HIT);
      expect(nameIn(seenHere)).toBe('Edsger');
    });

    it('give the same keys', async () => {
      const id = await saveUser();
      await using other = await startApp({ database: database.options, alkey });
      await storeAnswers(other.keys);
      expect(await other.keys.key(row(User, id), 'card', { a: 1 })).toBe(
        await app.keys.key(row(User, id), 'card', { a: 1 }),
      );
    });

    it('go on with hits until the other commits', async () => {
      const id = await saveUser();
      const path = `/users/${id}`;
      await storedByChild(path);
      await app.dataSource.transaction(async manager => {
        await manager.update(User, id, { name: 'Grace' });
        expect((await child.get(path)).cacheStatus).toMatch(HIT);
      });
      expect(nameIn(await child.get(path))).toBe('Grace');
    });

    it('go on with hits when the other rolls back', async () => {
      const id = await saveUser();
      const path = `/users/${id}`;
      await storedByChild(path);
      const rolledBack = app.dataSource.transaction(async manager => {
        await manager.update(User, id, { name: 'Grace' });
        throw new Error('rolled back');
      });
      await expect(rolledBack).rejects.toThrow('rolled back');
      const answer = await child.get(path);
      expect(answer.cacheStatus).toMatch(HIT);
      expect(nameIn(answer)).toBe('Ada');
    });

    it('cache nothing of what the other is committing', async () => {
      const id = await saveUser();
      const path = `/users/${id}`;
      // A commit that takes its time.
      for (const sql of [
        'CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$',
        'CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION take_time()',
      ]) {
        await app.dataSource.query(sql);
      }
      try {
        await storedByChild(path);
        let isCommitted = false;
        const commit = app.dataSource
          .transaction(manager => manager.update(User, id, { name: 'Grace' }))
          .then(() => (isCommitted = true));
        await until(
          async () => !HIT.test((await child.get(path)).cacheStatus ?? ''),
        );
        expect(isCommitted).toBe(false);
        const held = [await child.get(path), await child.get(path)];
        for (const answer of held) {
          expect(answer.cacheStatus).toMatch(/^alkey; fwd=bypass.*held/);
          expect(nameIn(answer)).toBe('Ada');
        }
        await commit;
        expect(nameIn(await child.get(path))).toBe('Grace');
        // The release may arrive after the caller of the commit went on.
        await until(async () =>
          HIT.test((await child.get(path)).cacheStatus ?? ''),
        );
        expect(nameIn(await child.get(path))).toBe('Grace');
      } finally {
        await app.dataSource.query('DROP FUNCTION take_time CASCADE');
      }
    });

    it('serve nothing stale when a process dies while it commits, and cache again after its lease', async () => {
      await using mortal = await startChildApp(apps, {
        database: database.options,
        alkey: { ...alkey, leaseMs: 3_000 },
      });
      const id = await saveUser();
      const path = `/users/${id}`;
      // The database goes on with what its client did not live to see.
      for (const sql of [
        'CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$',
        'CREATE TRIGGER slow AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION take_time()',
      ]) {
        await app.dataSource.query(sql);
      }
      try {
        await storedByChild(path);
        const lost = mortal
          .send('PATCH', path, { name: 'Grace' })
          .catch(() => 'lost');
        await until(
          async () => !HIT.test((await child.get(path)).cacheStatus ?? ''),
        );
        await mortal.kill();
        expect(await lost).toBe('lost');
        const held = await child.get(path);
        expect(held.cacheStatus).toMatch(/^alkey; fwd=bypass.*held/);

        await storedByChild(path);
        expect(nameIn(await child.get(path))).toBe('Grace');
      } finally {
        await app.dataSource.query('DROP FUNCTION take_time CASCADE');
      }
    });
  },
);
