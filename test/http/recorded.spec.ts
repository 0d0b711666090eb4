import { describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Inject,
  Param,
  ParseIntPipe,
  type Type,
} from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import {
  AlkeyEvents,
  CacheKeyed,
  type CacheKeyedOptions,
  CacheKeyService,
  row,
} from 'nestjs-alkey';
import { Gate } from '../support/gate.js';
import { Membership, Order, Runs, User } from '../support/shop.js';
import { ADAPTERS, type StartedApp } from '../support/start-app.js';
import { holdEverything, startRoutes } from './start-routes.js';

interface Handling {
  readonly manager: EntityManager;
  readonly dataSource: DataSource;
  readonly keys: CacheKeyService;
}

type Handle = (handling: Handling, id: number) => Promise<unknown>;

/** `/x/:id` answers what `handle` reads, and which run of it this is. */
function recording(handle: Handle, options?: CacheKeyedOptions): Type {
  @Controller()
  class RecordedController {
    constructor(
      @Inject(DataSource) private readonly dataSource: DataSource,
      @Inject(CacheKeyService) private readonly keys: CacheKeyService,
      @Inject(Runs) private readonly runs: Runs,
    ) {}

    @Get('x/:id')
    @(options ? CacheKeyed(options) : CacheKeyed())
    async get(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
      const run = this.runs.count(`x/${id}`);
      const { dataSource, keys } = this;
      const { manager } = dataSource;
      const read = await handle({ manager, dataSource, keys }, id);
      return { run, read };
    }
  }
  return RecordedController;
}

function key(cacheStatus: string | null): string | undefined {
  return /key="([^"]*)"/.exec(cacheStatus ?? '')?.[1];
}

function detail(cacheStatus: string | null): string | undefined {
  return /detail=([\w-]+)/.exec(cacheStatus ?? '')?.[1];
}

async function addUsers(
  { dataSource }: StartedApp,
  ...names: string[]
): Promise<void> {
  await dataSource.manager.insert(
    User,
    names.map((name, index) => ({ id: index + 1, name })),
  );
}

function userWithOrders({ manager }: Handling, id: number): Promise<unknown> {
  return manager.findOne(User, { where: { id }, relations: { orders: true } });
}

describe.each(ADAPTERS)('@CacheKeyed without refs on %s', adapter => {
  const start = (handle: Handle, options?: CacheKeyedOptions) =>
    startRoutes(adapter, recording(handle, options));

  it('names the rows that were looked up and the tables that were read besides', async () => {
    await using app = await start(userWithOrders);
    await addUsers(app, 'Ada', 'Bob');
    const miss = await app.get('/x/1');
    expect(miss.cacheStatus).toMatch(/^alkey; fwd=miss; stored; key=/);
    expect(key(miss.cacheStatus)?.split(' ').toSorted()).toEqual([
      'alkey:orders#*',
      'alkey:users#1',
    ]);
    const hit = await app.get('/x/1');
    expect(hit.cacheStatus).toMatch(/^alkey; hit/);
    expect(key(hit.cacheStatus)?.split(' ').toSorted()).toEqual([
      'alkey:orders#*',
      'alkey:users#1',
    ]);
    expect(hit.body).toBe(miss.body);
  });

  it('keeps an answer while others are written, and no longer than until its own is', async () => {
    await using app = await start(userWithOrders);
    await addUsers(app, 'Ada', 'Bob');
    const { manager } = app.dataSource;
    const runs = async (): Promise<number> =>
      (JSON.parse((await app.get('/x/1')).body) as { run: number }).run;
    expect(await runs()).toBe(1);
    await manager.update(User, 2, { name: 'Bea' });
    await manager.insert(User, { name: 'Cid' });
    await manager.insert(Membership, { userId: 1, groupId: 1, role: 'x' });
    expect(await runs()).toBe(1);
    await manager.update(User, 1, { name: 'Ann' });
    expect(await runs()).toBe(2);
    await manager.insert(Order, { item: 'tea', user: { id: 1 } });
    expect(await runs()).toBe(3);
    expect(await runs()).toBe(3);
  });

  it('counts the table of a row that was not found', async () => {
    await using app = await start(({ manager }, id) =>
      manager.findOneBy(Membership, { userId: id, groupId: 1 }),
    );
    const { cacheStatus } = await app.get('/x/1');
    expect(key(cacheStatus)?.split(' ')).toContain('alkey:memberships#*');
    await app.dataSource.manager.insert(Membership, {
      userId: 1,
      groupId: 1,
      role: 'x',
    });
    const found = await app.get('/x/1');
    expect(found.body).toContain('"role":"x"');
    expect(key(found.cacheStatus)).toBe('alkey:memberships#1,1');
  });

  it('follows what a handler reads as that changes', async () => {
    await using app = await start(async ({ manager }, id) => {
      const user = await manager.findOneByOrFail(User, { id });
      return user.name === 'Ada' ? user : manager.find(Membership);
    });
    await addUsers(app, 'Ada');
    const { manager } = app.dataSource;
    expect(key((await app.get('/x/1')).cacheStatus)).toBe('alkey:users#1');
    await manager.update(User, 1, { name: 'Bob' });
    const other = await app.get('/x/1');
    expect(key(other.cacheStatus)?.split(' ').toSorted()).toEqual([
      'alkey:memberships#*',
      'alkey:users#1',
    ]);
    await manager.insert(Membership, { userId: 1, groupId: 1, role: 'x' });
    expect((await app.get('/x/1')).body).toContain('"role":"x"');
  });

  it('names the table where a handler looks up very many of its rows', async () => {
    await using app = await start(async ({ manager }) => {
      const found = [];
      for (let id = 1; id <= 101; id += 1) {
        found.push(await manager.findOneBy(User, { id }));
      }
      return found.length;
    });
    await addUsers(
      app,
      ...Array.from({ length: 101 }, (_, at) => `user ${at}`),
    );
    expect(key((await app.get('/x/1')).cacheStatus)).toBe('alkey:users#*');
    expect((await app.get('/x/1')).cacheStatus).toMatch(/hit/);
  });

  it('does not mix what handlers read that run at the same time', async () => {
    const gate = new Gate();
    await using app = await start(async ({ manager }, id) => {
      const before = await manager.findOneBy(User, { id });
      await gate.pass();
      return [
        before,
        await manager.findOneBy(Membership, { userId: id, groupId: id }),
      ];
    });
    await addUsers(app, 'Ada', 'Bob');
    await app.dataSource.manager.insert(Membership, [
      { userId: 1, groupId: 1, role: 'x' },
      { userId: 2, groupId: 2, role: 'y' },
    ]);
    const asked = [app.get('/x/1'), app.get('/x/2')];
    await gate.reached(2);
    gate.open();
    const answers = await Promise.all(asked);
    expect(answers.map(({ cacheStatus }) => key(cacheStatus))).toEqual([
      'alkey:users#1 alkey:memberships#1,1',
      'alkey:users#2 alkey:memberships#2,2',
    ]);
  });

  it('is outdated by a write that came between the token and the end of the handler', async () => {
    let write: (() => Promise<unknown>) | undefined;
    await using app = await start(async ({ manager }, id) => {
      const user = await manager.findOneBy(User, { id });
      await write?.();
      return user;
    });
    await addUsers(app, 'Ada');
    const { manager } = app.dataSource;
    const rest = startedOutside(() => manager.update(User, 1, { name: 'Bob' }));
    write = rest;
    expect((await app.get('/x/1')).body).toContain('Ada');
    write = undefined;
    expect((await app.get('/x/1')).body).toContain('Bob');
    expect((await app.get('/x/1')).cacheStatus).toMatch(/hit/);
  });

  it.each<[string, string, Handle]>([
    [
      'a statement that nobody understands',
      'unknown-read',
      ({ dataSource }) => dataSource.query("SELECT date('now') AS today"),
    ],
    [
      'a statement about a table that no entity maps',
      'unknown-read',
      ({ dataSource }) => dataSource.query('SELECT name FROM sqlite_master'),
    ],
    [
      'a transaction that wrote',
      'wrote',
      ({ dataSource }) =>
        dataSource.transaction(async manager => {
          await manager.update(User, 1, { name: 'Eve' });
          return manager.find(User);
        }),
    ],
    [
      'a transaction that wrote and was rolled back',
      'wrote',
      async ({ dataSource }) => {
        const runner = dataSource.createQueryRunner();
        await runner.startTransaction();
        await runner.manager.update(User, 1, { name: 'Eve' });
        const dirty = await runner.manager.find(User);
        await runner.rollbackTransaction();
        await runner.release();
        return dirty;
      },
    ],
    [
      'a write of its own',
      'wrote',
      ({ manager }) => manager.insert(User, { name: 'Eve' }),
    ],
    [
      'a read that failed and whose failure it hid',
      'failed-read',
      ({ dataSource }) =>
        dataSource.query('SELECT missing FROM users').catch(() => []),
    ],
  ])(
    'does not keep what a handler answers after %s',
    async (_, reason, handle) => {
      await using app = await start(handle);
      await addUsers(app, 'Ada');
      const first = await app.get('/x/1');
      expect(detail(first.cacheStatus)).toBe(reason);
      expect((await app.get('/x/1')).body).toContain('"run":2');
    },
  );

  it('keeps what was read in a transaction that began in the handler', async () => {
    await using app = await start(({ dataSource }, id) =>
      dataSource.transaction(async manager => [
        await manager.findOneBy(User, { id }),
        await manager.find(Membership),
      ]),
    );
    await addUsers(app, 'Ada');
    expect((await app.get('/x/1')).cacheStatus).toMatch(/stored/);
    await app.dataSource.manager.update(User, 1, { name: 'Bob' });
    expect((await app.get('/x/1')).body).toContain('Bob');
  });

  it('does not keep what was read in a transaction before which something was committed', async () => {
    let write: (() => Promise<unknown>) | undefined;
    await using app = await start(({ dataSource }, id) =>
      dataSource.transaction(async manager => {
        const user = await manager.findOneBy(User, { id });
        await write?.();
        return [user, await manager.find(Membership)];
      }),
    );
    await addUsers(app, 'Ada');
    write = startedOutside(() => app.keys.invalidate(Order));
    expect(detail((await app.get('/x/1')).cacheStatus)).toBe('transaction');
    write = undefined;
    expect((await app.get('/x/1')).cacheStatus).toMatch(/stored/);
  });

  it('depends on what a handler says that it reads elsewhere', async () => {
    await using app = await start(async ({ keys }, id) => {
      await keys.dependsOn(Membership, row(User, id));
      return 'from elsewhere';
    });
    const { manager } = app.dataSource;
    const { cacheStatus } = await app.get('/x/1');
    expect(key(cacheStatus)).toBe('alkey:memberships#* alkey:users#1');
    await manager.insert(User, { id: 2, name: 'Bob' });
    expect((await app.get('/x/1')).body).toContain('"run":1');
    await manager.insert(Membership, { userId: 1, groupId: 1, role: 'x' });
    expect((await app.get('/x/1')).body).toContain('"run":2');
    await manager.insert(User, { id: 1, name: 'Ada' });
    expect((await app.get('/x/1')).body).toContain('"run":3');
  });

  it('keeps the answer of a handler that reads nothing until anything is written', async () => {
    await using app = await start(async () => 'nothing');
    expect(key((await app.get('/x/1')).cacheStatus)).toBe('alkey:*#*');
    expect((await app.get('/x/1')).body).toContain('"run":1');
    await app.dataSource.manager.insert(User, { name: 'Ada' });
    expect((await app.get('/x/1')).body).toContain('"run":2');
  });

  it('depends on what the values of wrap do, whether they are found or made', async () => {
    await using app = await start(({ keys, manager }) =>
      keys.wrap([User, 'names'], () => manager.find(User)),
    );
    await addUsers(app, 'Ada');
    await app.keys.wrap([User, 'names'], () =>
      app.dataSource.manager.find(User),
    );
    expect(key((await app.get('/x/1')).cacheStatus)).toBe('alkey:users#*');
    await app.dataSource.manager.update(User, 1, { name: 'Bob' });
    expect((await app.get('/x/1')).body).toContain('Bob');
    expect((await app.get('/x/1')).cacheStatus).toMatch(/hit/);
  });

  it('depends on what the keys do that a handler asks for', async () => {
    const kept = new Map<string, unknown>();
    await using app = await start(async ({ keys, manager }) => {
      const place = await keys.key(User);
      const found = kept.get(place) ?? (await manager.find(User));
      kept.set(place, found);
      return found;
    });
    await addUsers(app, 'Ada');
    await app.get('/x/1');
    expect(key((await app.get('/x/2')).cacheStatus)).toBe('alkey:users#*');
    await app.dataSource.manager.update(User, 1, { name: 'Bob' });
    expect((await app.get('/x/2')).body).toContain('Bob');
  });

  it('answers 304 while what was read stands', async () => {
    await using app = await start(userWithOrders);
    await addUsers(app, 'Ada');
    const tag = (await app.get('/x/1')).headers.get('etag');
    const asked = { 'if-none-match': tag ?? '' };
    expect((await app.get('/x/1', asked)).status).toBe(304);
    await app.dataSource.manager.update(User, 1, { name: 'Bob' });
    const fresh = await app.get('/x/1', asked);
    expect(fresh.status).toBe(200);
    expect(fresh.body).toContain('Bob');
    expect(app.runs.counts.get('x/1')).toBe(2);
  });

  it('runs once for requests that miss at the same time, and gives all of them its answer', async () => {
    const gate = new Gate();
    await using app = await start(async ({ manager }, id) => {
      await gate.pass();
      return manager.findOneBy(User, { id });
    });
    await addUsers(app, 'Ada');
    const asked = Array.from({ length: 20 }, () => app.get('/x/1'));
    await gate.reached(1);
    gate.open();
    const bodies = new Set((await Promise.all(asked)).map(({ body }) => body));
    expect([...bodies]).toEqual([expect.stringContaining('"run":1')]);
  });

  it('does not give a request what a run read before it came', async () => {
    const gate = new Gate();
    await using app = await start(async ({ manager }, id) => {
      const user = await manager.findOneBy(User, { id });
      if (user?.name === 'Ada') await gate.pass();
      return user;
    });
    await addUsers(app, 'Ada');
    const early = app.get('/x/1');
    await gate.reached(1);
    await app.dataSource.manager.update(User, 1, { name: 'Bob' });
    const late = app.get('/x/1');
    gate.open();
    expect((await early).body).toContain('Ada');
    expect((await late).body).toContain('Bob');
  });

  it('runs the handler while a writer is about to commit what it read', async () => {
    await using app = await start(userWithOrders);
    await addUsers(app, 'Ada');
    await app.get('/x/1');
    await holdEverything(app);
    // The row's token stands: a writer announces everything with whatever it writes.
    expect((await app.get('/x/1')).cacheStatus).toMatch(/hit/);
  });

  it('tells of hits, misses and what was stored', async () => {
    await using app = await start(userWithOrders);
    await addUsers(app, 'Ada');
    const told: string[] = [];
    const events = app.app.get(AlkeyEvents);
    for (const name of ['hit', 'miss', 'stored', 'bypass'] as const) {
      events.on(name, ({ source, identifiers }) =>
        told.push(`${name} ${source} ${identifiers.length}`),
      );
    }
    await app.get('/x/1');
    await app.get('/x/1');
    expect(told).toEqual(['miss http 0', 'stored http 4', 'hit http 4']);
  });

  it('gives an outdated answer where the route allows it, and the new one afterwards', async () => {
    await using app = await start(userWithOrders, {
      staleWhileRevalidateMs: 60_000,
    });
    await addUsers(app, 'Ada');
    await app.get('/x/1');
    await app.dataSource.manager.update(User, 1, { name: 'Bob' });
    const stale = await app.get('/x/1');
    expect(stale.body).toContain('Ada');
    await expect(untilIncludes(app, 'Bob')).resolves.toMatch(/hit/);
  });
});

/** Runs `task` as code does that no handler has called. */
function startedOutside(task: () => Promise<unknown>): () => Promise<unknown> {
  let run: (() => void) | undefined;
  const done = new Promise<void>(resolve => {
    run = resolve;
  }).then(task);
  return () => {
    run?.();
    return done;
  };
}

async function untilIncludes(app: StartedApp, text: string): Promise<string> {
  for (;;) {
    const { body, cacheStatus } = await app.get('/x/1');
    if (body.includes(text)) return cacheStatus ?? '';
  }
}
