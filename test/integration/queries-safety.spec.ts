import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  DataSource,
  type DataSourceOptions,
  type EntitySubscriberInterface,
  type LoadEvent,
} from 'typeorm';
import { AlkeyEvents, type AlkeyModuleOptions } from 'nestjs-alkey';
import { AlkeyTestingModule, FaultyTokenStore } from 'nestjs-alkey/testing';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  createDatabase,
  DATABASES,
  describeOnEachDatabase,
  type OpenedDatabase,
} from '../support/databases.js';
import { describeWith } from '../support/suites.js';
import {
  fillLibrary,
  LIBRARY_ENTITIES,
  type QueryingApp,
  Shelf,
  startQueries,
  Volume,
} from '../support/library.js';

describeOnEachDatabase('cached queries', (database, url) => {
  let opened: OpenedDatabase;
  let app: QueryingApp;

  beforeAll(async () => {
    opened = await createDatabase(database, url);
    app = await startQueries(opened.options);
    await fillLibrary(app.dataSource);
  }, 30_000);
  afterAll(async () => {
    await app?.[Symbol.asyncDispose]();
    await opened?.drop();
  });

  /** Writes past TypeORM, so that what is cached stays. */
  const writeBehind = async (sql: string): Promise<void> => {
    if (database.name === 'sqlite') {
      const { driver } = app.dataSource as unknown as {
        readonly driver: {
          readonly databaseConnection: { run(sql: string): void };
        };
      };
      driver.databaseConnection.run(sql);
      return;
    }
    const other = new DataSource(opened.options);
    await other.initialize();
    try {
      await other.query(sql);
    } finally {
      await other.destroy();
    }
  };
  const shelves = () => app.dataSource.getRepository(Shelf);
  const readRaw = () => shelves().createQueryBuilder('s').getRawMany();
  const readMissing = () =>
    shelves().createQueryBuilder('s').where('s.missing = 1').getMany();
  const firstShelf = () => shelves().createQueryBuilder('s').where('s.id = 1');
  const sentSelects = async (run: () => Promise<unknown>) =>
    (await app.sentBy(run)).filter(sql => sql.startsWith('SELECT')).length;
  /** How many statements a read that is cached sends now. */
  const warm = async (read: () => Promise<unknown>): Promise<void> => {
    await read();
    expect(await app.sentBy(read)).toEqual([]);
  };

  it('let no update get lost: save() reads the row itself', async () => {
    await shelves().save({ id: 50, label: 'one' });
    // Changes nothing, so that all it reads may be answered as before.
    await shelves().save({ id: 50, label: 'one' });
    const read = () => shelves().findOneByOrFail({ id: 50 });
    await warm(read);
    await writeBehind("UPDATE shelves SET label = 'two' WHERE id = 50");
    expect((await read()).label).toBe('one');
    await shelves().save({ id: 50, label: 'one' });
    expect(
      await app.dataSource.query('SELECT label FROM shelves WHERE id = 50'),
    ).toEqual([{ label: 'one' }]);
  });

  it('are never what save() and remove() read for themselves', async () => {
    const shelf = await shelves().save({ id: 51, label: 'kept' });
    for (let time = 0; time < 2; time++) {
      expect(await sentSelects(() => shelves().save({ ...shelf }))).toBe(1);
    }
    const removal = () => shelves().remove(shelves().create({ id: 99 }));
    const selects = await sentSelects(removal);
    expect(selects).toBeGreaterThan(0);
    expect(await sentSelects(removal)).toBe(selects);
  });

  it('are not what a subscriber saves by, which is handed the runner of a read', async () => {
    const saved: Promise<unknown>[] = [];
    let loads = 0;
    const subscriber: EntitySubscriberInterface<Shelf> = {
      listenTo: () => Shelf,
      afterLoad: (shelf, event?: LoadEvent<Shelf>) => {
        if (shelf.id !== 52 || loads++ > 0) return undefined;
        const done = event!.manager.save(Shelf, { id: 53, label: 'one' });
        saved.push(done);
        return done;
      },
    };
    await shelves().insert([
      { id: 52, label: 'loaded' },
      { id: 53, label: 'one' },
    ]);
    app.dataSource.subscribers.push(subscriber);
    try {
      const read = () => shelves().findOneBy({ id: 52 });
      const selects = await sentSelects(read);
      loads = 0;
      expect(selects).toBe(2);
      expect(await sentSelects(read)).toBe(1);
      await Promise.all(saved);
    } finally {
      app.dataSource.subscribers.splice(
        app.dataSource.subscribers.indexOf(subscriber),
        1,
      );
    }
  });

  it('leave a transaction to itself, and what it reads to nobody', async () => {
    await shelves().save({ id: 54, label: 'before' });
    const read = () => shelves().findOneBy({ id: 54 });
    await warm(read);
    const rolledBack = app.dataSource.transaction(async manager => {
      await manager.update(Shelf, 54, { label: 'inside' });
      for (let time = 0; time < 2; time++) {
        const inside = await manager.findOneBy(Shelf, { id: 54 });
        expect(inside?.label).toBe('inside');
      }
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    expect((await read())?.label).toBe('before');
  });

  it('send what a transaction reads, even where it wrote nothing', async () => {
    await warm(() => shelves().findOneBy({ id: 1 }));
    const selects = await sentSelects(() =>
      app.dataSource.transaction(async manager => {
        await manager.findOneBy(Shelf, { id: 1 });
        await manager.findOneBy(Shelf, { id: 1 });
      }),
    );
    expect(selects).toBe(2);
  });

  it('send what reads through a runner of the program', async () => {
    const runner = app.dataSource.createQueryRunner();
    try {
      const read = () =>
        shelves().createQueryBuilder('s', runner).where('s.id = 1').getOne();
      expect(await sentSelects(read)).toBe(1);
      expect(await sentSelects(read)).toBe(1);
    } finally {
      await runner.release();
    }
  });

  it('send what a builder reads in a transaction of its own', async () => {
    await warm(() => firstShelf().getOne());
    expect(
      await sentSelects(() => firstShelf().useTransaction(true).getOne()),
    ).toBe(1);
  });

  it('send what asks for a lock', async () => {
    const lock =
      database.name === 'sqlite' ? 'dirty_read' : 'pessimistic_write';
    const read = () =>
      shelves().createQueryBuilder('s').setLock(lock).getRawMany();
    expect(await sentSelects(read)).toBe(1);
    expect(await sentSelects(read)).toBe(1);
  });

  it('hand every caller rows of its own', async () => {
    const expected = await readRaw();
    const answers = await Promise.all([readRaw(), readRaw()]);
    for (const answer of answers) {
      expect(answer).toEqual(expected);
      answer[0].s_label = 'changed by its owner';
      answer.pop();
    }
    await app.dataSource.queryResultCache?.clear();
    const [one, two] = await Promise.all([readRaw(), readRaw()]);
    one![0].s_label = 'changed by its owner';
    expect(two).toEqual(expected);
    expect(await readRaw()).toEqual(expected);
  });

  it('share one SELECT among fifty that ask the same at once', async () => {
    await app.dataSource.queryResultCache?.clear();
    const asked = await app.sentBy(() =>
      Promise.all(Array.from({ length: 50 }, () => shelves().find())),
    );
    expect(asked).toHaveLength(1);
  });

  it('fail as the database does, for each caller, and are not kept', async () => {
    for (const outcome of await Promise.allSettled([
      readMissing(),
      readMissing(),
    ])) {
      expect(outcome.status).toBe('rejected');
    }
    await expect(readMissing()).rejects.toThrow(/missing/);
  });

  it('are not kept where what they read is beyond tables and parameters', async () => {
    const reasons: string[] = [];
    const stop = app.app
      .get(AlkeyEvents)
      .on('bypass', ({ source, name, reason }) =>
        reasons.push(`${source} ${name} ${reason}`),
      );
    const random = database.name === 'mariadb' ? 'RAND()' : 'RANDOM()';
    const read = () =>
      shelves().createQueryBuilder('s').addSelect(random, 'any').getRawMany();
    expect(await sentSelects(read)).toBe(1);
    expect(await sentSelects(read)).toBe(1);
    stop();
    expect(reasons).toEqual(Array(2).fill('query Shelf.fetch unknown-read'));
  });

  it('leave TypeORM as it was when the application is closed', async () => {
    const own = await createDatabase(database, url);
    const other = await startQueries(own.options);
    const { dataSource } = other;
    expect(dataSource.queryResultCache).toBeDefined();
    await other[Symbol.asyncDispose]();
    expect(dataSource.queryResultCache).toBeUndefined();
    await own.drop();
    // The other one goes on.
    await warm(() => shelves().findOneBy({ id: 1 }));
  });

  it('leave alone a data source that asks for none', async () => {
    const own = await createDatabase(database, url);
    {
      await using plain = await startQueries(own.options, { queries: false });
      await fillLibrary(plain.dataSource);
      const read = () => plain.dataSource.getRepository(Shelf).find();
      await read();
      expect(await plain.sentBy(read)).toHaveLength(1);
      expect(plain.dataSource.queryResultCache).toBeUndefined();
    }
    await own.drop();
  });

  it('go on without a cache while the tokens are away', async () => {
    const tokenStore = new FaultyTokenStore();
    const testing = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({
          ...opened.options,
          entities: LIBRARY_ENTITIES,
          synchronize: database.name === 'sqlite',
          retryAttempts: 0,
        } as Parameters<typeof TypeOrmModule.forRoot>[0]),
        AlkeyTestingModule.forRoot({
          tokenStore,
          queries: true,
          storeTimeoutMs: 50,
        }),
      ],
    }).compile();
    await testing.init();
    try {
      const manager = testing.get(DataSource).manager;
      await manager.save(Shelf, { id: 60, label: 'one' });
      const read = () => manager.findOneByOrFail(Shelf, { id: 60 });
      await read();
      for (const fault of ['down', 'mute'] as const) {
        tokenStore.fault = fault;
        expect(await read()).toMatchObject({ label: 'one' });
      }
      await manager.update(Shelf, 60, { label: 'two' });
      expect(await read()).toMatchObject({ label: 'two' });
    } finally {
      await testing.close();
    }
  });
});

async function sentBySecond(app: QueryingApp): Promise<number> {
  const read = () => app.dataSource.getRepository(Shelf).find();
  await read();
  return (await app.sentBy(read)).length;
}

describeWith('POSTGRES_URL', 'cached queries on a pool of PostgreSQL', url => {
  const [postgres] = DATABASES.filter(({ name }) => name === 'postgres');
  let opened: OpenedDatabase;
  beforeAll(async () => {
    opened = await createDatabase(postgres!, url);
    const seeds = new DataSource({
      ...opened.options,
      entities: LIBRARY_ENTITIES,
      synchronize: true,
    });
    await seeds.initialize();
    await fillLibrary(seeds);
    await seeds.destroy();
  });
  afterAll(() => opened?.drop());

  const start = (
    database: object,
    alkey: AlkeyModuleOptions = {},
  ): Promise<QueryingApp> =>
    startQueries(
      { ...opened.options, ...database } as DataSourceOptions,
      alkey,
      { synchronize: false },
    );

  it('take no connection', async () => {
    await using app = await start({ poolSize: 1 });
    const read = () => app.dataSource.getRepository(Shelf).find();
    const expected = await read();
    const runner = app.dataSource.createQueryRunner();
    await runner.connect();
    try {
      expect(await read()).toEqual(expected);
    } finally {
      await runner.release();
    }
  });

  it('keep nothing of a transaction that was left open on their connection', async () => {
    await using app = await start({ poolSize: 1 });
    const read = () => app.dataSource.manager.findOneByOrFail(Shelf, { id: 1 });
    const { label } = await read();
    await app.dataSource.queryResultCache?.clear();
    await app.dataSource.query('BEGIN');
    await app.dataSource.query("UPDATE shelves SET label = 'inside'");
    expect((await read()).label).toBe('inside');
    await app.dataSource.query('ROLLBACK');
    expect((await read()).label).toBe(label);
  });

  it('never wait for each other in a circle where connections are few', async () => {
    await using app = await start({ poolSize: 1 });
    const volumes = app.dataSource.getRepository(Volume);
    const read = (take: number) =>
      volumes.find({ relationLoadStrategy: 'query', take });
    // Different first queries, and then the same ones.
    const answers = await Promise.all([1, 2, 3, 4, 1, 2, 3, 4].map(read));
    expect(answers.map(({ length }) => length)).toEqual([
      1, 2, 3, 4, 1, 2, 3, 4,
    ]);
  });

  const replication = (defaultMode?: 'master') => ({
    replication: {
      master: { url: Reflect.get(opened.options, 'url') as string },
      slaves: [{ url: Reflect.get(opened.options, 'url') as string }],
      ...(defaultMode && { defaultMode }),
    },
  });

  it('are none where replicas may lag, and a warning says what to set', async () => {
    const warnings = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
    try {
      await using app = await start(replication());
      expect(await sentBySecond(app)).toBe(1);
      expect(warnings).toHaveBeenCalledWith(
        'Queries of data source "default" are not cached: its replicas may lag behind, and `replicaLagMs` is 0. ' +
          'Set that to more milliseconds than they ever do.',
      );
    } finally {
      warnings.mockRestore();
    }
  });

  it('are those of replicas whose lag is known, and of the master', async () => {
    await using lagging = await start(replication(), { replicaLagMs: 1 });
    expect(await sentBySecond(lagging)).toBe(0);
    await using master = await start(replication('master'));
    expect(await sentBySecond(master)).toBe(0);
  });
});

describe('cached queries on SQLite', () => {
  it('leave alone a transaction that was begun by hand', async () => {
    await using app = await startQueries({ type: 'sqljs' });
    const { dataSource } = app;
    await dataSource.manager.insert(Shelf, { id: 1, label: 'before' });
    const read = () => dataSource.manager.findOneByOrFail(Shelf, { id: 1 });
    await read();
    await dataSource.query('BEGIN');
    await dataSource.query("UPDATE shelves SET label = 'inside'");
    expect((await read()).label).toBe('inside');
    await dataSource.query('ROLLBACK');
    expect((await read()).label).toBe('before');
  });

  it('keep nothing of a transaction that another flow began meanwhile', async () => {
    await using app = await startQueries({ type: 'sqljs' });
    const { dataSource } = app;
    await dataSource.manager.insert(Shelf, { id: 1, label: 'before' });
    const read = () => dataSource.manager.findOneByOrFail(Shelf, { id: 1 });
    // Neither waits for the other: which of them is first differs from round to round.
    for (let round = 0; round < 20; round++) {
      const rolledBack = dataSource
        .transaction(async manager => {
          await manager.update(Shelf, 1, { label: 'inside' });
          throw new Error('no');
        })
        .catch(() => undefined);
      for (let turn = 0; turn < round; turn++) await Promise.resolve();
      await Promise.all([rolledBack, read()]);
      expect((await read()).label).toBe('before');
    }
  });
});
