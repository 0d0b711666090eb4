import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { type AlkeyModuleOptions } from 'nestjs-alkey';
import { until } from '../support/redis-servers.js';
import {
  describeWithReplicatedPostgres,
  type ReplicatedPostgres,
  startReplicatedPostgres,
} from '../support/replicated-postgres.js';
import { SHOP_ENTITIES, User } from '../support/shop.js';
import {
  type Answer,
  startApp,
  type StartedApp,
} from '../support/start-app.js';
import { HELD, HIT, STORED } from '../support/cache-status.js';
import { inRedis, storeAnswers } from '../support/stores.js';
import { describeWith } from '../support/suites.js';

const DELAY_MS = 1_000;
/** More than the delay, by what a busy machine may add to it. */
const LAG_MS = 3_000;

const isHit = ({ cacheStatus }: Answer) => HIT.test(cacheStatus ?? '');
const nameIn = ({ body }: Answer): unknown =>
  body === '' ? undefined : (JSON.parse(body) as User).name;

describeWithReplicatedPostgres('reading from a PostgreSQL replica', () => {
  let postgres: ReplicatedPostgres;
  let master: DataSource;
  let replica: DataSource;

  beforeAll(async () => {
    postgres = await startReplicatedPostgres(DELAY_MS);
    const { masterUrl, replicaUrl } = postgres;
    master = new DataSource({
      type: 'postgres',
      url: masterUrl,
      entities: SHOP_ENTITIES,
      synchronize: true,
    });
    await master.initialize();
    replica = new DataSource({
      type: 'postgres',
      url: replicaUrl,
      entities: SHOP_ENTITIES,
    });
    await until(() =>
      replica.initialize().then(
        () => true,
        () => false,
      ),
    );
    await until(async () =>
      replica.manager.count(User).then(
        () => true,
        () => false,
      ),
    );
  }, 60_000);
  afterAll(async () => {
    await replica?.destroy();
    await master?.destroy();
    await postgres?.stop();
  });

  const start = (alkey: AlkeyModuleOptions): Promise<StartedApp> =>
    startApp({
      database: {
        type: 'postgres',
        replication: {
          master: { url: postgres.masterUrl },
          slaves: [{ url: postgres.replicaUrl }],
        },
      },
      synchronize: false,
      alkey,
    });

  /** Resolves when the replica knows the row by this name. */
  const replicaSays = (id: number, name: string): Promise<void> =>
    until(() => replica.manager.existsBy(User, { id, name }));

  /** A row called Ada that both know, and its path. */
  const saveAda = async (): Promise<{ id: number; path: string }> => {
    const { id } = await master.manager.save(User, {
      name: 'Ada',
      slug: null,
    });
    await replicaSays(id, 'Ada');
    return { id, path: `/users/${id}` };
  };

  describeWith('REDIS_URL', 'with tokens in Redis', url => {
    it('stores nothing while a replica lags by less than `replicaLagMs`', async () => {
      await using app = await start({ ...inRedis(url), replicaLagMs: LAG_MS });
      await storeAnswers(app.keys);
      const { id, path } = await saveAda();
      const absent = `/users/${id + 1}`;
      for (const each of [path, absent]) {
        await until(async () => isHit(await app.get(each)));
      }

      await app.send('PATCH', path, { name: 'Grace' });
      // Outside a transaction: nobody knows its key before it is written.
      await app.dataSource.manager.insert(User, { name: 'Grace' });
      const answers = await Promise.all(
        [path, absent].map(each => app.get(each)),
      );
      for (const { cacheStatus } of answers) expect(cacheStatus).toMatch(HELD);
      // They came from the replica.
      expect(answers.map(nameIn)).toEqual(['Ada', undefined]);
      for (const [row, each] of [
        [id, path],
        [id + 1, absent],
      ] as const) {
        await until(async () => {
          expect((await app.get(each)).cacheStatus).toMatch(HELD);
          return replica.manager.existsBy(User, { id: row, name: 'Grace' });
        });
      }

      for (const each of [path, absent]) {
        let answer: Answer;
        do {
          answer = await app.get(each);
          expect(nameIn(answer)).toBe('Grace');
        } while (!isHit(answer));
      }
    });
  });

  it('goes on with what it made of the past without `replicaLagMs`', async () => {
    await using app = await start({ redis: false });
    const { id, path } = await saveAda();
    await app.get(path);
    await app.send('PATCH', path, { name: 'Grace' });
    expect((await app.get(path)).cacheStatus).toMatch(STORED);
    await replicaSays(id, 'Grace');
    const stale = await app.get(path);
    expect(stale.cacheStatus).toMatch(HIT);
    expect(nameIn(stale)).toBe('Ada');
  });
});
