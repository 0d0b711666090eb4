import { randomBytes } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  InternalServerErrorException,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { type Cache, createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { type Observable, timeout } from 'rxjs';
import {
  AlkeyEvents,
  type AlkeyModuleOptions,
  CacheKeyed,
  TokenStore,
} from 'nestjs-alkey';
import { ResponseStore } from '../../lib/nest/response-store.js';
import { HIT, STORED } from '../support/cache-status.js';
import { Gate } from '../support/gate.js';
import {
  type AdapterName,
  ADAPTERS,
  type StartedApp,
} from '../support/start-app.js';
import { describeWith } from '../support/suites.js';
import { Runs, User } from '../support/shop.js';
import { ask } from './ask.js';
import { startRoutes } from './start-routes.js';

@Controller()
class CountedController {
  constructor(@Inject(Runs) private readonly runs: Runs) {}

  @Get('x')
  @CacheKeyed(User, { ttlMs: 60_000 })
  get(): unknown {
    return { run: this.runs.count('x') };
  }

  @Get('failing')
  @CacheKeyed(User)
  fail(): never {
    this.runs.count('failing');
    throw new InternalServerErrorException();
  }
}

const start = (
  adapter: AdapterName,
  alkey: AlkeyModuleOptions = {},
): Promise<StartedApp> =>
  // No handler here reads a table, and making them would count as writes.
  startRoutes(adapter, CountedController, { alkey, synchronize: false });

const never = (): Promise<never> => new Promise(() => undefined);
const fail = (): Promise<never> => Promise.reject(new Error('store is down'));

/** A store of a user's own that goes wrong. */
function faulty(
  parts: Partial<{
    get: (key: string) => unknown;
    set: (key: string, value: unknown) => unknown;
  }>,
): Keyv {
  const kept = new Map<string, unknown>();
  const keyv = new Keyv({
    store: {
      get: (key: string) => kept.get(key),
      set: (key: string, value: unknown) => kept.set(key, value),
      delete: (key: string) => kept.delete(key),
      clear: () => kept.clear(),
      ...parts,
    },
    throwOnErrors: true,
  });
  keyv.on('error', () => undefined);
  return keyv;
}

const broken = (method: 'getRaw' | 'set'): Keyv =>
  Object.assign(new Keyv(), {
    [method]: () => {
      throw new Error('at once');
    },
  });

function garbage(value: unknown): Keyv {
  return Object.assign(new Keyv(), {
    getRaw: () => Promise.resolve(value),
  });
}

describe.each(ADAPTERS)('a store that goes wrong over %s', adapter => {
  it.each<readonly [string, () => Keyv]>([
    ['rejects reads', () => faulty({ get: fail })],
    ['rejects writes', () => faulty({ set: fail })],
    ['never answers a read', () => faulty({ get: never })],
    ['never answers a write', () => faulty({ set: never })],
    ['throws on reads', () => broken('getRaw')],
    ['throws on writes', () => broken('set')],
    ['answers null', () => garbage(null)],
    ['answers a text', () => garbage('text')],
    ['answers a number', () => garbage({ value: 42 })],
    ['answers another format', () => garbage({ value: '9 x {}\n' })],
    ['answers half an entry', () => garbage({ value: '1 abc' })],
  ])('never fails a request: %s', async (_, store) => {
    await using app = await start(adapter, {
      cache: createCache({ stores: [store()] }),
    });
    for (const run of [1, 2]) {
      const answer = await app.get('/x');
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body)).toEqual({
        // One who comes while it is being stored has the answer of the run before.
        run: /hit|collapsed/.test(answer.cacheStatus ?? '') ? 1 : run,
      });
    }
  });

  it('is asked for the answer while tokens are read, so that a hit takes one round trip', async () => {
    const store = new Keyv();
    await using app = await start(adapter, {
      cache: createCache({ stores: [store] }),
    });
    await app.get('/x');
    await app.app.get(ResponseStore).settled();
    const tokens = app.app.get(TokenStore);
    const [read, peek] = [tokens.read.bind(tokens), tokens.peek.bind(tokens)];
    const gate = new Gate();
    jest.spyOn(tokens, 'peek').mockReturnValue(undefined);
    jest.spyOn(tokens, 'read').mockImplementation(async identifiers => {
      await gate.pass();
      return peek(identifiers) ?? read(identifiers);
    });
    const asked = jest.spyOn(store, 'getRaw');
    const hit = app.get('/x');
    await gate.reached(1);
    expect(asked).toHaveBeenCalledTimes(1);
    gate.open();
    expect((await hit).cacheStatus).toMatch(HIT);
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it('still has the other stores', async () => {
    await using app = await start(adapter, {
      cache: createCache({
        stores: [faulty({ get: fail, set: fail }), new Keyv()],
      }),
    });
    const errors: string[] = [];
    app.app
      .get(AlkeyEvents)
      .on('store-error', ({ operation }) => errors.push(operation));
    await app.get('/x');
    expect((await app.get('/x')).cacheStatus).toMatch(HIT);
    expect(errors).toEqual(
      expect.arrayContaining(['get-response', 'set-response']),
    );
  });

  it('does not hold up an answer until it is stored', async () => {
    await using app = await start(adapter, {
      storeTimeoutMs: 1500,
      cache: createCache({ stores: [faulty({ set: never })] }),
    });
    const begun = performance.now();
    expect((await app.get('/x')).cacheStatus).toMatch(STORED);
    expect(performance.now() - begun).toBeLessThan(1500);
  });

  it('runs no handler for a request that was given up while the store was asked', async () => {
    @Injectable()
    class Impatient implements NestInterceptor {
      intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
        return next.handle().pipe(timeout(20));
      }
    }
    await using app = await startRoutes(adapter, CountedController, {
      alkey: {
        storeTimeoutMs: 100,
        cache: createCache({ stores: [faulty({ get: never })] }),
      },
      metadata: {
        providers: [{ provide: APP_INTERCEPTOR, useClass: Impatient }],
      },
    });
    const gaveUp = new Promise(resolve =>
      app.app.get(AlkeyEvents).on('store-error', resolve),
    );
    const rejections: unknown[] = [];
    const listen = (error: unknown): unknown => rejections.push(error);
    process.on('unhandledRejection', listen);
    expect((await app.get('/failing')).status).toBe(500);
    await gaveUp;
    await new Promise(setImmediate);
    process.off('unhandledRejection', listen);
    expect(rejections).toEqual([]);
    expect(app.runs.counts.get('failing')).toBeUndefined();
  });
});

describe.each(ADAPTERS)('two stores over %s', adapter => {
  it('gives the nearer one an answer for the rest of its life', async () => {
    const near = new Keyv();
    const far = new Keyv();
    const keys: string[] = [];
    const set = far.set.bind(far);
    far.set = (key, ...rest) => {
      keys.push(key);
      return set(key, ...rest);
    };
    await using app = await start(adapter, {
      cache: createCache({ stores: [near, far] }),
    });
    await app.get('/x');
    const [key] = keys;
    const original = await far.getRaw(key!);
    await near.clear();
    // As if half of its life had passed.
    const expires = Number(original?.expires) - 30_000;
    await far.set(key!, original?.value, expires - Date.now());
    expect((await app.get('/x')).cacheStatus).toMatch(HIT);
    const refilled = Number((await near.getRaw(key!))?.expires);
    expect(Math.abs(refilled - expires)).toBeLessThan(5_000);
  });

  it('keep one slot per resource: an outdated answer is overwritten', async () => {
    const store = new Keyv();
    const kept = new Set<string>();
    const set = store.set.bind(store);
    store.set = (key, ...rest) => {
      kept.add(key);
      return set(key, ...rest);
    };
    await using app = await start(adapter, {
      cache: createCache({ stores: [store] }),
    });
    for (let write = 0; write < 3; write += 1) {
      await app.get('/x');
      await app.keys.invalidate(User);
    }
    expect(app.runs.counts.get('x')).toBe(3);
    expect(kept.size).toBe(1);
  });

  it('keep the answers of releases apart', async () => {
    const store = new Keyv();
    const cache = (): Cache => createCache({ stores: [store] });
    const headers = { host: 'shop.example' };
    const keys = new Set<string>();
    const set = store.set.bind(store);
    store.set = (key, ...rest) => {
      keys.add(key);
      return set(key, ...rest);
    };
    for (const release of ['1', '2', '1']) {
      await using app = await start(adapter, { cache: cache(), release });
      await ask(app.url, '/x', { headers });
    }
    expect(keys.size).toBe(2);
  });
});

describeWith('REDIS_URL', 'two applications with one Redis', url => {
  it.each(ADAPTERS)(
    'see each other’s answers over %s, and an old one of their own hides none',
    async adapter => {
      const namespace = `alkey-${randomBytes(6).toString('hex')}`;
      const alkey = { redis: url, namespace, storeTimeoutMs: 2000 };
      await using one = await start(adapter, alkey);
      await using other = await start(adapter, alkey);
      const headers = { host: 'shop.example' };
      const get = async (
        app: StartedApp,
      ): Promise<readonly [string, number]> => {
        const answer = await ask(app.url, '/x', { headers });
        const { run } = JSON.parse(answer.body.toString()) as { run: number };
        return [String(answer.headers['cache-status']).slice(0, 10), run];
      };
      expect(await get(one)).toEqual(['alkey; fwd', 1]);
      // What it stores in the background is there for the other one.
      await one.app.get(ResponseStore).settled();
      expect(await get(other)).toEqual(['alkey; hit', 1]);

      await one.keys.invalidate(User);
      expect(await get(one)).toEqual(['alkey; fwd', 2]);
      // What it stores in the background is there for the other one.
      await one.app.get(ResponseStore).settled();
      // The other one's memory still has the first answer.
      expect(await get(other)).toEqual(['alkey; hit', 2]);
      expect(other.runs.counts.get('x')).toBeUndefined();
    },
  );
});
