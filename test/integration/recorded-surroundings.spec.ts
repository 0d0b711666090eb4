import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AlkeyEvents } from 'nestjs-alkey';
import { SingleFlight } from '../../lib/core/single-flight.js';
import { olderRunOver } from '../../lib/nest/older-runs.js';
import {
  createDatabase,
  DATABASES,
  type OpenedDatabase,
} from '../support/databases.js';
import { Membership, SHOP_ENTITIES, User } from '../support/shop.js';
import { startApp, type StartedApp } from '../support/start-app.js';
import { describeWith } from '../support/suites.js';

/** Why values of `wrap` were not kept, from now on. */
function refusals({ app }: StartedApp): readonly string[] {
  const reasons: string[] = [];
  app.get(AlkeyEvents).on('bypass', ({ reason }) => reasons.push(reason));
  return reasons;
}

describe('what is recorded', () => {
  it('is not kept where a data source was read that is not observed', async () => {
    await using app = await startApp({
      database: { type: 'sqljs' },
      alkey: { dataSources: ['default'] },
      metadata: {
        imports: [
          TypeOrmModule.forRoot({
            name: 'reports',
            type: 'sqljs',
            entities: SHOP_ENTITIES,
            synchronize: true,
          }),
        ],
      },
    });
    const reasons = refusals(app);
    const reports: DataSource = app.app.get(getDataSourceToken('reports'));
    await app.keys.wrap(['both'], async () => [
      await app.dataSource.manager.find(Membership),
      await reports.manager.find(User),
    ]);
    expect(reasons).toEqual(['unknown-read']);
  });

  it("is not kept where TypeORM's own cache answered", async () => {
    const kept = new Map<string, object>();
    await using app = await startApp({
      database: {
        type: 'sqljs',
        cache: {
          provider: () => ({
            connect: async () => {},
            disconnect: async () => {},
            synchronize: async () => {},
            getFromCache: async ({ query = '' }) => kept.get(query) as never,
            storeInCache: async options => {
              kept.set(options.query ?? '', options);
            },
            isExpired: () => false,
            clear: async () => {},
            remove: async () => {},
          }),
        },
      },
    });
    const reasons = refusals(app);
    const users = (place: string): Promise<unknown> =>
      app.keys.wrap([place], () =>
        app.dataSource.manager.find(User, { cache: true }),
      );
    await users('asked the database');
    expect(reasons).toEqual([]);
    await users('asked its cache');
    expect(reasons).toEqual(['unknown-read']);
  });

  it('depends on what the tokens do that were asked for', async () => {
    await using app = await startApp({ database: { type: 'sqljs' } });
    const own = new Map<string, unknown>();
    const users = (): Promise<unknown> =>
      app.keys.wrap(['users'], async () => {
        const place = await app.keys.token(User);
        const found =
          own.get(place) ?? (await app.dataSource.manager.find(User));
        own.set(place, found);
        return found;
      });
    // Its own cache has them when they are recorded.
    own.set(await app.keys.token(User), []);
    expect(await users()).toEqual([]);
    await app.dataSource.manager.insert(User, { name: 'Ada' });
    expect(await users()).toMatchObject([{ name: 'Ada' }]);
  });

  it('is told after another application over the same data source has stopped', async () => {
    await using app = await startApp({ database: { type: 'sqljs' } });
    const other = await startApp({
      database: { type: 'sqljs' },
      synchronize: false,
      metadata: {
        imports: [
          TypeOrmModule.forRootAsync({
            name: 'shared',
            useFactory: () => ({ type: 'sqljs' }),
            dataSourceFactory: async () => app.dataSource,
          }),
        ],
      },
    });
    // Nest closes the data sources that it knows.
    jest.spyOn(app.dataSource, 'destroy').mockResolvedValueOnce();
    await other[Symbol.asyncDispose]();
    const names = (): Promise<unknown> =>
      app.keys.wrap(['names'], () => app.dataSource.manager.find(User));
    expect(await names()).toEqual([]);
    await app.dataSource.manager.insert(User, { name: 'Ada' });
    expect(await names()).toMatchObject([{ name: 'Ada' }]);
  });

  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  it('is waited for by those who asked later, but not for ever', async () => {
    jest.useFakeTimers();
    const runs = new SingleFlight<string, never>();
    void runs.run('key', () => new Promise<never>(() => {}));
    const over = olderRunOver(runs, 'key');
    await jest.advanceTimersByTimeAsync(5000);
    await expect(over).resolves.toBeUndefined();
  });
});

describeWith('POSTGRES_URL', 'what is recorded on PostgreSQL', url => {
  const postgres = DATABASES.find(({ name }) => name === 'postgres');

  async function openDatabase(): Promise<OpenedDatabase> {
    if (!postgres) throw new Error('PostgreSQL is one of the databases.');
    return createDatabase(postgres, url);
  }

  it('is not kept where a second BEGIN left a transaction with what it saw before', async () => {
    const database = await openDatabase();
    try {
      await using app = await startApp({ database: database.options });
      const reasons = refusals(app);
      const { dataSource } = app;
      const runner = dataSource.createQueryRunner();
      await dataSource.manager.insert(User, { name: 'Ada' });
      await app.keys.wrap(['late'], async () => {
        await runner.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
        await runner.query('SELECT COUNT(*) FROM memberships');
        // Outside of the recorded flow's transaction, as another process would.
        await app.keys.invalidate(User);
        await runner.query('BEGIN');
        return runner.query('SELECT name FROM users');
      });
      await runner.query('COMMIT');
      await runner.release();
      expect(reasons).toEqual(['transaction']);
    } finally {
      await database.drop();
    }
  });
});
