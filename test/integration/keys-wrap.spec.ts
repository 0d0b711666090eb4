import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCache } from 'cache-manager';
import {
  AlkeyEvents,
  type AlkeyEventName,
  type Holder,
  type Identifier,
  row,
  TokenStore,
} from 'nestjs-alkey';
import { until } from '../support/redis-servers.js';
import { User } from '../support/shop.js';
import { startApp, type StartedApp } from '../support/start-app.js';
import { describeOnStores, storeAnswers } from '../support/stores.js';

class Money {
  constructor(
    readonly cents: number,
    readonly paidAt: Date,
  ) {}

  get euros(): number {
    return this.cents / 100;
  }
}

/** Makes another value each time, and counts how often. */
function counter() {
  let runs = 0;
  return {
    produce: async () => {
      runs += 1;
      return `run ${runs}`;
    },
    get runs() {
      return runs;
    },
  };
}

function circular(): unknown {
  const value: { self?: unknown } = {};
  value.self = value;
  return [value];
}

describeOnStores('wrap', options => {
  let app: StartedApp;
  beforeAll(async () => {
    app = await startApp({ database: { type: 'sqljs' }, alkey: options() });
    await storeAnswers(app.keys);
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
  });
  it('runs by itself within its own run, where waiting would never end', async () => {
    const value = await app.keys.wrap(['nested'], () =>
      app.keys.wrap(['nested'], async () => 'inner'),
    );
    expect(value).toBe('inner');
  });

  const saveUser = () =>
    app.dataSource.manager.save(
      app.dataSource.manager.create(User, { name: 'Ada' }),
    );
  /** Waits for the value to be kept, which is done in the background. */
  const kept = (parts: readonly unknown[]) =>
    until(async () => {
      try {
        await app.keys.wrap(parts, async () => {
          throw new Error('not kept yet');
        });
        return true;
      } catch {
        return false;
      }
    });

  it('answers what it kept until something among its parts changes', async () => {
    const user = await saveUser();
    const { produce } = counter();
    const parts = [user, 'card', { wide: true }];
    expect(await app.keys.wrap(parts, produce)).toBe('run 1');
    await kept(parts);
    expect(await app.keys.wrap(parts, produce)).toBe('run 1');
    await app.dataSource.manager.update(User, user.id, { name: 'Grace' });
    expect(await app.keys.wrap(parts, produce)).toBe('run 2');
  });

  it('keeps a value under literals alone', async () => {
    const { produce } = counter();
    await app.keys.wrap(['only', 'literals'], produce);
    await kept(['only', 'literals']);
    await saveUser();
    expect(await app.keys.wrap(['only', 'literals'], produce)).toBe('run 1');
  });

  it('keeps values under different parts apart', async () => {
    const { produce } = counter();
    await app.keys.wrap(['a/b', 'c'], produce);
    await kept(['a/b', 'c']);
    expect(await app.keys.wrap(['a', 'b/c'], produce)).toBe('run 2');
  });

  it('shares one run among calls at the same time', async () => {
    const count = counter();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        app.keys.wrap([User, 'shared'], count.produce),
      ),
    );
    expect(new Set(answers)).toEqual(new Set(['run 1']));
    expect(count.runs).toBe(1);
  });

  it('shares it with calls that looked just before its answer was there', async () => {
    for (const key of Array.from({ length: 20 }, (_, index) => index)) {
      const count = counter();
      const calls: Promise<unknown>[] = [];
      for (let turn = 0; turn < 10; turn += 1) {
        for (let call = 0; call < 5; call += 1) {
          calls.push(app.keys.wrap([User, 'early', key], count.produce));
        }
        await setImmediate();
      }
      await Promise.all(calls);
      expect(count.runs).toBe(1);
    }
  });

  it('does not let a call after a commit join a run from before it', async () => {
    const user = await saveUser();
    let finish: ((value: string) => void) | undefined;
    const slow = app.keys.wrap(
      [user],
      () => new Promise<string>(resolve => (finish = resolve)),
    );
    await until(() => finish !== undefined);
    await app.dataSource.manager.update(User, user.id, { name: 'Grace' });
    expect(await app.keys.wrap([user], async () => 'new')).toBe('new');
    finish?.('old');
    expect(await slow).toBe('old');
    expect(await app.keys.wrap([user], async () => 'newer')).not.toBe('old');
  });

  it('hands a failure to every caller of its run, and keeps nothing of it', async () => {
    const failure = new Error('no answer');
    let runs = 0;
    const fail = async (): Promise<string> => {
      runs += 1;
      throw failure;
    };
    const calls = [1, 2, 3].map(() => app.keys.wrap([User, 'failing'], fail));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(outcome => outcome.status)).toEqual(
      calls.map(() => 'rejected'),
    );
    expect(runs).toBe(1);
    expect(await app.keys.wrap([User, 'failing'], async () => 'well')).toBe(
      'well',
    );
  });

  it('forgets a value after its ttlMs', async () => {
    const { produce } = counter();
    const parts = [User, 'short'];
    expect(await app.keys.wrap(parts, produce, { ttlMs: 200 })).toBe('run 1');
    await until(
      async () => (await app.keys.wrap(parts, produce)) !== 'run 1',
      2_000,
    );
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity, '60', null])(
    'refuses a ttlMs of %p before anything is made',
    async ttlMs => {
      const count = counter();
      await expect(
        app.keys.wrap([User], count.produce, { ttlMs: ttlMs as number }),
      ).rejects.toMatchObject({
        code: 'ALKEY_INVALID_OPTION',
        message: expect.stringMatching(
          /^Expected `ttlMs` to be an integer >= 1, got /,
        ),
      });
      expect(count.runs).toBe(0);
    },
  );

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a text', '€'],
    ['a false', false],
    ['a Date', new Date(5)],
    ['a Map', new Map([['a', new Set([1n])]])],
    ['bytes', Buffer.from('abc')],
  ])('keeps %s as it is', async (name, value) => {
    const parts = ['as it is', name];
    expect(await app.keys.wrap<unknown>(parts, async () => value)).toEqual(
      value,
    );
    await kept(parts);
    expect(
      await app.keys.wrap<unknown>(parts, async () => 'made anew'),
    ).toEqual(value);
  });

  it('gives instances back as instances of their classes', async () => {
    const make = async () => ({ total: new Money(450, new Date(5)) });
    await app.keys.wrap(['money'], make);
    await kept(['money']);
    const { total } = (await app.keys.wrap(['money'], async () => {
      throw new Error('kept already');
    })) as Awaited<ReturnType<typeof make>>;
    expect(total).toBeInstanceOf(Money);
    expect(total.euros).toBe(4.5);
    expect(total.paidAt).toEqual(new Date(5));
  });

  it('gives every caller of a kept value one of its own', async () => {
    const value = { list: [1] };
    const make = async () => value;
    await app.keys.wrap(['own'], make);
    await kept(['own']);
    const first = await app.keys.wrap(['own'], make);
    first.list.push(2);
    expect(await app.keys.wrap(['own'], make)).toEqual({ list: [1] });
  });

  it.each([
    [
      '.steps[1]',
      { steps: [1, () => 2] },
      'has no text that says what it does',
    ],
    ['.map[value of entry 0]', { map: new Map([['a', Symbol('a')]]) }, 'is un'],
    ['[0].self', circular(), 'contains itself'],
  ])(
    'fails where the value at %s cannot be carried, and names that',
    async (path, value, why) => {
      await expect(
        app.keys.wrap<unknown>(['refused', path], async () => value),
      ).rejects.toMatchObject({
        code: 'ALKEY_UNENCODABLE_VALUE',
        message: expect.stringContaining(
          `Could not store what CacheKeyService.wrap answered: the value at ${path} ${why}`,
        ),
      });
    },
  );

  it('fails for an instance whose private members it cannot see', async () => {
    class Vault {
      readonly #secret = 1;
      get secret(): number {
        return this.#secret;
      }
    }
    await expect(
      app.keys.wrap(['vault'], async () => ({ vault: new Vault() })),
    ).rejects.toThrow(/an instance of Vault has private members/);
  });

  it('keeps nothing while a writer is about to commit, and key never repeats', async () => {
    const store = app.app.get(TokenStore);
    const held = ['alkey:users#5'] as Identifier[];
    const holder = 'a writer' as Holder;
    const { produce } = counter();
    const ref = row(User, 5);
    const before = await app.keys.key(ref);
    await app.keys.wrap([ref], produce);
    await kept([ref]);

    await store.hold(held, holder, 30_000);
    const keys = [await app.keys.key(ref), await app.keys.key(ref)];
    expect(new Set([before, ...keys]).size).toBe(3);
    expect(await app.keys.wrap([ref], produce)).toBe('run 2');
    expect(await app.keys.wrap([ref], produce)).toBe('run 3');
    expect(await app.keys.wrap([row(User, 6)], async () => 'six')).toBe('six');

    await store.release(held, holder, 'unchanged');
    expect(await app.keys.key(ref)).toBe(before);
    expect(await app.keys.wrap([ref], produce)).toBe('run 1');

    await store.hold(held, holder, 30_000);
    await store.release(held, holder, 'changed');
    expect(await app.keys.wrap([ref], produce)).toBe('run 4');
  });

  it('tells what it did by events that show no value', async () => {
    const events = app.app.get(AlkeyEvents);
    const seen: [AlkeyEventName, object][] = [];
    const names = ['hit', 'miss', 'stored', 'bypass', 'touched'] as const;
    const stops = names.map(name =>
      events.on(name, event => seen.push([name, event])),
    );
    const ref = row(User, 9);
    await app.keys.wrap([ref, 'events'], async () => 'secret');
    const unkept = app.keys.wrap([ref, 'unkept'], async () => () => 1);
    await expect(unkept).rejects.toThrow(/Could not store/);
    await app.keys.invalidate(ref);
    for (const stop of stops) stop();
    expect(seen.map(([name]) => name)).toEqual([
      'miss',
      'stored',
      'miss',
      'bypass',
      'touched',
    ]);
    expect(seen[0]![1]).toMatchObject({
      source: 'wrap',
      reason: 'absent',
      collapsed: false,
      identifiers: expect.arrayContaining(['alkey:users#9']),
    });
    expect(seen[3]![1]).toMatchObject({ reason: 'unencodable' });
    expect(seen[4]![1]).toEqual({
      cause: 'manual',
      identifiers: ['alkey:users#9', 'alkey:users#*', 'alkey:*#*'],
    });
    expect(JSON.stringify(seen)).not.toContain('secret');
  });
});

describe('wrap in memory', () => {
  it('does not keep a value larger than maxBodyBytes', async () => {
    await using app = await startApp({
      database: { type: 'sqljs' },
      alkey: { maxBodyBytes: 100 },
    });
    const { produce } = counter();
    const long = async () => `${await produce()}${'x'.repeat(100)}`;
    expect(await app.keys.wrap(['long'], long)).toMatch(/^run 1/);
    expect(await app.keys.wrap(['long'], long)).toMatch(/^run 2/);
  });

  it('begins anew with another release', async () => {
    const cache = createCache();
    const { produce } = counter();
    const wrapped = async (release: string) => {
      await using app = await startApp({
        database: { type: 'sqljs' },
        alkey: { cache, release },
      });
      return app.keys.wrap(['literal'], produce);
    };
    expect(await wrapped('1')).toBe('run 1');
    expect(await wrapped('1')).toBe('run 1');
    expect(await wrapped('2')).toBe('run 2');
  });

  it('answers in production what cannot be carried, and keeps nothing', async () => {
    const made: (() => number)[] = [];
    const make = async () => {
      const value = () => made.length;
      made.push(value);
      return value;
    };
    await using app = await inProduction(() =>
      startApp({ database: { type: 'sqljs' } }),
    );
    const reasons: string[] = [];
    app.app.get(AlkeyEvents).on('bypass', ({ reason }) => reasons.push(reason));
    expect(await app.keys.wrap(['function'], make)).toBe(made[0]);
    expect(await app.keys.wrap(['function'], make)).toBe(made[1]);
    expect(reasons).toEqual(['unencodable', 'unencodable']);
  });
});

async function inProduction<T>(task: () => Promise<T>): Promise<T> {
  const { NODE_ENV } = process.env;
  process.env['NODE_ENV'] = 'production';
  try {
    return await task();
  } finally {
    if (NODE_ENV === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = NODE_ENV;
  }
}
