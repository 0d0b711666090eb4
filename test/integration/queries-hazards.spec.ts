import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { AlkeyEvents, type AlkeyModuleOptions } from 'nestjs-alkey';
import {
  createDatabase,
  DATABASES,
  describeOnEachDatabase,
  type OpenedDatabase,
} from '../support/databases.js';
import {
  fillLibrary,
  type QueryingApp,
  Shelf,
  startQueries,
  Tag,
  Volume,
} from '../support/library.js';
import { describeWith } from '../support/suites.js';

describeOnEachDatabase('hazards of cached queries', (database, url) => {
  const opened: OpenedDatabase[] = [];
  const closing: AsyncDisposable[] = [];

  async function start(): Promise<QueryingApp> {
    const place = await createDatabase(database, url);
    opened.push(place);
    const app = await startQueries(place.options);
    closing.push(app);
    await fillLibrary(app.dataSource);
    return app;
  }

  afterEach(async () => {
    for (const app of closing.splice(0)) await app[Symbol.asyncDispose]();
    for (const place of opened.splice(0)) await place.drop();
  });

  it('does not keep what was asked with an object, of which drivers make text in ways of their own', async () => {
    const { dataSource, app } = await start();
    const reasons: string[] = [];
    app.get(AlkeyEvents).on('bypass', ({ reason }) => reasons.push(reason));
    const ask = (value: unknown): Promise<unknown> =>
      dataSource
        .createQueryBuilder()
        .select('shelf.id', 'id')
        .from(Shelf, 'shelf')
        .where('shelf.label = :value')
        .setParameters({ value })
        .getRawMany()
        .catch(() => undefined);
    await ask({ a: 1, b: 2 });
    expect(reasons).toEqual(['unencodable']);
  });

  it('takes what a query says of its own cache for what it asks on the way', async () => {
    const { dataSource, sentBy } = await start();
    const shelves = dataSource.getRepository(Shelf);
    const cache = { id: 'named', milliseconds: 60_000 };
    const reads = [
      () => shelves.exists({ where: { id: 1 }, cache }),
      () => shelves.count({ where: { id: 1 }, cache }),
      () =>
        shelves.find({
          relations: { volumes: true },
          relationLoadStrategy: 'query',
          loadEagerRelations: false,
          cache,
        }),
    ];
    for (const read of reads) {
      const first = await sentBy(read);
      expect(await sentBy(read)).toEqual([]);
      await dataSource.queryResultCache?.remove(['named']);
      expect(await sentBy(read)).toEqual(first);
    }
  });
});

describeWith('POSTGRES_URL', 'a data source that is pointed elsewhere', url => {
  it('does not answer from the database that it had before', async () => {
    const [postgres] = DATABASES.filter(({ name }) => name === 'postgres');
    if (!postgres) throw new Error('PostgreSQL is one of the databases.');
    const places = [
      await createDatabase(postgres, url),
      await createDatabase(postgres, url),
    ];
    const [first, second] = places;
    try {
      await using app = await startQueries(first!.options);
      const { dataSource } = app;
      await dataSource.manager.insert(Shelf, { id: 1, label: 'first' });
      const labels = async (): Promise<string[]> =>
        (await dataSource.manager.find(Shelf)).map(({ label }) => label);
      expect(await labels()).toEqual(['first']);
      await dataSource.destroy();
      dataSource.setOptions({ ...second!.options, synchronize: true });
      await dataSource.initialize();
      expect(await labels()).toEqual([]);
    } finally {
      for (const place of places) await place.drop();
    }
  });
});

describeWith('POSTGRES_URL', 'a list that a program changes', url => {
  it('counts as it was when the query was asked', async () => {
    const [postgres] = DATABASES.filter(({ name }) => name === 'postgres');
    if (!postgres) throw new Error('PostgreSQL is one of the databases.');
    const place = await createDatabase(postgres, url);
    try {
      await using app = await startQueries(place.options);
      await fillLibrary(app.dataSource);
      const among = async (ids: number[]): Promise<number[]> => {
        const found = await app.dataSource
          .getRepository(Shelf)
          .createQueryBuilder('shelf')
          .where('shelf.id = ANY(:ids)', { ids })
          .getMany();
        return found.map(({ id }) => id);
      };
      const ids = [1];
      const asked = among(ids);
      ids[0] = 2;
      await asked;
      expect(await among([1])).toEqual([1]);
    } finally {
      await place.drop();
    }
  });
});

describeWith('MARIADB_URL', 'cached queries on one connection', url => {
  async function withApp(
    task: (app: QueryingApp) => Promise<void>,
    alkey: AlkeyModuleOptions = {},
  ): Promise<void> {
    const [mariadb] = DATABASES.filter(({ name }) => name === 'mariadb');
    if (!mariadb) throw new Error('MariaDB is one of the databases.');
    const place = await createDatabase(mariadb, url);
    try {
      await using app = await startQueries(
        { ...place.options, poolSize: 1 } as OpenedDatabase['options'],
        alkey,
      );
      await fillLibrary(app.dataSource);
      await task(app);
    } finally {
      await place.drop();
    }
  }

  const withRelations = {
    where: { id: 11 },
    relations: { shelf: true, tags: true },
    relationLoadStrategy: 'query',
    loadEagerRelations: false,
  } as const;

  it('give it back where a relation fails while another still waits for it', async () => {
    await withApp(async ({ dataSource }) => {
      const volumes = dataSource.getRepository(Volume);
      await volumes.find(withRelations);
      await dataSource.manager.update(Shelf, 1, { label: 'new' });
      const fails = {
        listenTo: () => Tag,
        afterLoad: () => {
          throw new Error('subscriber');
        },
      };
      dataSource.subscribers.push(fails);
      await expect(volumes.find(withRelations)).rejects.toThrow('subscriber');
      dataSource.subscribers.splice(dataSource.subscribers.indexOf(fails), 1);
      const one = await Promise.race([
        dataSource.query('SELECT 1 AS one'),
        sleep(5000, 'no connection', { ref: false }),
      ]);
      expect(one).toMatchObject([{ one: expect.anything() }]);
    });
  });

  it('do not wait for each other for ever where the store is late with one answer', async () => {
    const kept = new Map<string, unknown>();
    let lateAt = 0;
    let asked = 0;
    const store = {
      get: async (key: string) => {
        asked += 1;
        if (asked === lateAt) await sleep(200);
        return kept.get(key);
      },
      set: async (key: string, value: unknown) => kept.set(key, value),
      delete: async (key: string) => kept.delete(key),
      clear: async () => kept.clear(),
    };
    const cache = createCache({ stores: [new Keyv({ store })] });
    await withApp(
      async ({ dataSource }) => {
        const volumes = dataSource.getRepository(Volume);
        await volumes.find(withRelations);
        // Which of the look-ups is the one that matters depends on how TypeORM orders them.
        for (let late = 1; late <= 6; late += 1) {
          await dataSource.manager.update(Shelf, 1, { label: `new ${late}` });
          await dataSource.manager.update(Tag, 1, { word: `new ${late}` });
          [asked, lateAt] = [0, late];
          const both = volumes.find(withRelations);
          // The other begins while that look-up is under way.
          await sleep(20);
          const one = volumes.find({
            ...withRelations,
            relations: { shelf: true },
          });
          const ends = Promise.all([both, one]).then(() => 'answered');
          const slow = sleep(4000, 'hangs', { ref: false });
          expect([late, await Promise.race([ends, slow])]).toEqual([
            late,
            'answered',
          ]);
        }
      },
      { redis: false, storeTimeoutMs: 1000, cache },
    );
  });
});
