import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { type QueryResultCache } from 'typeorm/cache/QueryResultCache.js';
import { AlkeyEvents, type AlkeyModuleOptions } from 'nestjs-alkey';
import { aheadOfTime } from '../support/ahead-of-time.js';
import {
  fillLibrary,
  type QueryingApp,
  Shelf,
  startQueries,
  Volume,
} from '../support/library.js';

const SQLITE = { type: 'sqljs' } as const;

async function start(
  queries: AlkeyModuleOptions['queries'],
  alkey: AlkeyModuleOptions = {},
): Promise<QueryingApp> {
  const app = await startQueries(SQLITE, { ...alkey, queries });
  await fillLibrary(app.dataSource);
  return app;
}

/** How many statements a read sends the second time. */
async function sentAgain(
  app: QueryingApp,
  read: () => Promise<unknown>,
): Promise<number> {
  await read();
  return (await app.sentBy(read)).length;
}

const repositories = ({ dataSource }: QueryingApp) => ({
  shelves: dataSource.getRepository(Shelf),
  volumes: dataSource.getRepository(Volume),
});

describe('the option `queries`', () => {
  it('caches the operations of an entity that it names', async () => {
    await using app = await start({
      Shelf: { ops: ['get', 'exists'] },
      Volume: { ops: ['fetch', 'count'] },
    });
    const { shelves, volumes } = repositories(app);
    const loadEagerRelations = false;
    const sent = {
      get: await sentAgain(app, () => shelves.findOneBy({ id: 1 })),
      fetch: await sentAgain(app, () => shelves.find()),
      count: await sentAgain(app, () => shelves.count()),
      exists: await sentAgain(app, () => shelves.existsBy({ id: 1 })),
    };
    expect(sent).toEqual({ get: 0, fetch: 1, count: 1, exists: 0 });
    const others = {
      get: await sentAgain(app, () =>
        volumes.findOne({ where: { id: 11 }, loadEagerRelations }),
      ),
      fetch: await sentAgain(app, () => volumes.find({ loadEagerRelations })),
      count: await sentAgain(app, () => volumes.count()),
      exists: await sentAgain(app, () => volumes.existsBy({ id: 1 })),
    };
    expect(others).toEqual({ get: 1, fetch: 0, count: 0, exists: 1 });
  });

  it('caches what it does not name as the wildcard says', async () => {
    await using app = await start({ Shelf: { ops: [] }, '*': { ops: 'all' } });
    const { shelves, volumes } = repositories(app);
    expect(await sentAgain(app, () => shelves.find())).toBe(1);
    expect(await sentAgain(app, () => volumes.find())).toBe(0);
  });

  it('leaves alone what it does not name without a wildcard', async () => {
    await using app = await start({ Shelf: {} });
    const { volumes } = repositories(app);
    expect(await sentAgain(app, () => volumes.find())).toBe(1);
  });

  it('answers nothing that is older than `ttlMs`', async () => {
    await using app = await start({ '*': { ttlMs: 5_000 } });
    const { shelves } = repositories(app);
    expect(await sentAgain(app, () => shelves.find())).toBe(0);
    // Who asks in the same turn shares the run that is just over.
    await setImmediate();
    using _ = aheadOfTime(5_000);
    expect(await app.sentBy(() => shelves.find())).toHaveLength(1);
  });

  it('tells its events under the entity and the operation', async () => {
    await using app = await start(true);
    const { shelves } = repositories(app);
    const told: string[] = [];
    const events = app.app.get(AlkeyEvents);
    for (const name of ['hit', 'miss', 'stored'] as const) {
      events.on(name, event =>
        told.push(`${name} ${event.source} ${event.name}`),
      );
    }
    for (let time = 0; time < 2; time++) {
      await shelves.findOneBy({ id: 1 });
      await shelves.find();
      await shelves.count();
      await shelves.existsBy({ id: 1 });
    }
    const ops = ['get', 'fetch', 'count', 'exists'];
    expect(told).toEqual([
      ...ops.flatMap(op => [
        `miss query Shelf.${op}`,
        `stored query Shelf.${op}`,
      ]),
      ...ops.map(op => `hit query Shelf.${op}`),
    ]);
  });

  it('never puts rows or parameters into events', async () => {
    await using app = await start(true);
    const { shelves } = repositories(app);
    await shelves.update(1, { label: 'a secret' });
    const told: unknown[] = [];
    const events = app.app.get(AlkeyEvents);
    for (const name of ['hit', 'miss', 'stored'] as const) {
      events.on(name, event => told.push(event));
    }
    const read = () => shelves.findBy({ label: 'a secret' });
    expect(await read()).toHaveLength(1);
    expect(await read()).toHaveLength(1);
    expect(told).toHaveLength(3);
    expect(JSON.stringify(told)).not.toContain('secret');
  });

  it.each([
    [
      { Shelve: {} },
      /No observed data source has the entity "Shelve", which `queries` names. Did you mean "Shelf"\?/,
    ],
    [{ Shelf: { ops: ['gets'] } }, /Expected `queries` to be a boolean, or/],
    [{ Shelf: { ttlMs: 0.5 } }, /Expected `queries` to be a boolean, or/],
  ])('fails at start where it is %p', async (queries, message) => {
    await expect(
      startQueries(SQLITE, { queries: queries as never }),
    ).rejects.toThrow(message);
  });

  it('lets a longer result pass, and does not keep it', async () => {
    await using app = await start(true, { maxBodyBytes: 200 });
    const { shelves, volumes } = repositories(app);
    expect(await sentAgain(app, () => shelves.findOneBy({ id: 1 }))).toBe(0);
    expect(await sentAgain(app, () => volumes.find())).toBe(1);
  });
});

describe('what a query says by `cache`', () => {
  let app: QueryingApp;
  beforeAll(async () => {
    app = await start({ Shelf: { ops: 'all' }, Tag: {} });
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
  });

  it.each([false])('keeps it from being cached where it is %p', async cache => {
    const { shelves } = repositories(app);
    expect(await sentAgain(app, () => shelves.find({ cache }))).toBe(1);
    // Nor what it asks on the way: the tags, which have a rule.
    const { volumes } = repositories(app);
    const read = () => volumes.find({ cache, relationLoadStrategy: 'query' });
    await app.dataSource.queryResultCache?.clear();
    const sent = await app.sentBy(read);
    expect(sent.length).toBeGreaterThan(1);
    expect(await app.sentBy(read)).toEqual(sent);
  });

  it.each([true, 60_000, { id: 'all', milliseconds: 60_000 }])(
    'has it cached without a rule where it is %p',
    async cache => {
      const { volumes } = repositories(app);
      const read = () => volumes.find({ cache, loadEagerRelations: false });
      await app.dataSource.queryResultCache?.clear();
      expect(await sentAgain(app, read)).toBe(0);
    },
  );

  it('is how old its answer may be, however long it is kept', async () => {
    const { shelves } = repositories(app);
    await shelves.find();
    const read = () => shelves.find({ cache: 1_000 });
    expect(await app.sentBy(read)).toEqual([]);
    // Who asks in the same turn shares the run that is just over.
    await setImmediate();
    using _ = aheadOfTime(1_000);
    expect(await app.sentBy(read)).toHaveLength(1);
  });

  it('is outdated by a write before its time', async () => {
    const { shelves } = repositories(app);
    const read = () =>
      shelves.findOneOrFail({ where: { id: 1 }, cache: 60_000 });
    await read();
    await shelves.update(1, { label: 'written' });
    expect((await read()).label).toBe('written');
  });
});

describe('`queryResultCache` of a data source', () => {
  it('removes the queries of an id, and those that TypeORM made of them', async () => {
    await using app = await start({});
    const { shelves } = repositories(app);
    const menu = () =>
      shelves.findAndCount({
        relations: { volumes: true },
        take: 1,
        cache: { id: 'menu', milliseconds: 60_000 },
      });
    const other = () =>
      shelves.find({ cache: { id: 'other', milliseconds: 60_000 } });
    const [first, cached] = [await app.sentBy(menu), await app.sentBy(menu)];
    expect(first).toHaveLength(3);
    expect(cached).toEqual([]);
    expect(await sentAgain(app, other)).toBe(0);
    await app.dataSource.queryResultCache?.remove(['menu']);
    expect(await app.sentBy(menu)).toEqual(first);
    expect(await app.sentBy(other)).toEqual([]);
  });

  it('clears all queries of its data source', async () => {
    await using app = await start(true);
    const { shelves, volumes } = repositories(app);
    const reads = () => Promise.all([shelves.find(), volumes.find()]);
    expect(await sentAgain(app, reads)).toBe(0);
    await app.dataSource.queryResultCache?.clear();
    expect(await app.sentBy(reads)).toHaveLength(2);
  });

  it('takes the place of one that the data source had, says so, and gives it back', async () => {
    const warnings = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
    const calls: string[] = [];
    const own = new Proxy({} as QueryResultCache, {
      get: (_, name) => async () => void calls.push(String(name)),
    });
    try {
      const app = await startQueries({
        ...SQLITE,
        cache: { provider: () => own, alwaysEnabled: true },
      } as never);
      const { dataSource } = app;
      expect(dataSource.queryResultCache).not.toBe(own);
      await dataSource.getRepository(Shelf).find();
      expect(
        await app.sentBy(() => dataSource.getRepository(Shelf).find()),
      ).toEqual([]);
      await app[Symbol.asyncDispose]();
      expect(dataSource.queryResultCache).toBe(own);
      expect(calls).toEqual(['connect', 'synchronize', 'disconnect']);
      expect(warnings.mock.calls.map(([text]) => text)).toContain(
        'The `cache` of data source "default" is not used: `queries` decides what is cached, and writes outdate it. ' +
          'Leave one of the two options out.',
      );
    } finally {
      warnings.mockRestore();
    }
  });
});
