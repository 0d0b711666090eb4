import { type Server } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import {
  All,
  Controller,
  Get,
  HttpCode,
  Inject,
  NotFoundException,
  Param,
  ParseIntPipe,
  Post,
  Req,
  type Type,
} from '@nestjs/common';
import {
  AlkeyEvents,
  type AlkeyEventMap,
  type AlkeyEventName,
  type AlkeyModuleOptions,
  CacheKey,
  CacheKeyed,
  type KeyFunction,
  rowOf,
  SkipCacheKeyed,
} from 'nestjs-alkey';
import { aheadOfTime } from '../support/ahead-of-time.js';
import { HIT, STORED } from '../support/cache-status.js';
import { Gate } from '../support/gate.js';
import {
  type AdapterName,
  ADAPTERS,
  type StartedApp,
} from '../support/start-app.js';
import { Runs, User } from '../support/shop.js';
import { until } from '../support/redis-servers.js';
import { ask, type RawAnswer } from './ask.js';
import { type AnyRequest, counted, startRoutes } from './start-routes.js';

const start = (
  adapter: AdapterName,
  controller: Type,
  alkey: AlkeyModuleOptions = {},
): Promise<StartedApp> => startRoutes(adapter, controller, { alkey });

/** Every event of one name, as they come. */
function record<Name extends AlkeyEventName>(
  { app }: StartedApp,
  name: Name,
): AlkeyEventMap[Name][] {
  const events: AlkeyEventMap[Name][] = [];
  app.get(AlkeyEvents).on(name, event => events.push(event));
  return events;
}

describe.each(ADAPTERS)('@CacheKeyed over %s', adapter => {
  it('stands on a controller for its reading handlers; a handler may replace or skip it', async () => {
    @Controller('things')
    @CacheKeyed(rowOf(User, 'id'))
    class ThingsController {
      constructor(@Inject(Runs) private readonly runs: Runs) {}

      @Get('of/:id')
      one(): number {
        return this.runs.count('one');
      }

      @Get('all')
      @CacheKeyed(User)
      all(): number {
        return this.runs.count('all');
      }

      @Get('now')
      @SkipCacheKeyed()
      now(): number {
        return this.runs.count('now');
      }

      @Post()
      write(): number {
        return this.runs.count('write');
      }
    }
    await using app = await start(adapter, ThingsController);
    const status = async (path: string): Promise<string | null> => {
      await app.get(`/things/${path}`);
      return (await app.get(`/things/${path}`)).cacheStatus;
    };
    expect(await status('of/1')).toMatch(
      /^alkey; hit; ttl=\d+; key="alkey:users#1"$/,
    );
    expect(await status('all')).toMatch(
      /^alkey; hit; ttl=\d+; key="alkey:users#\*"$/,
    );
    expect(await status('now')).toBeNull();
    expect((await app.send('POST', '/things')).cacheStatus).toBeNull();
    expect((await app.send('POST', '/things')).body).toBe('2');
    // Both decorators stood on it, and it ran once.
    expect(app.runs.counts.get('all')).toBe(1);
  });

  it('is inherited with the handlers of a controller', async () => {
    @CacheKeyed(User)
    class Base {
      constructor(@Inject(Runs) readonly runs: Runs) {}

      @Get('inherited')
      inherited(): number {
        return this.runs.count('inherited');
      }

      @Get('skipped')
      @SkipCacheKeyed()
      skipped(): number {
        return this.runs.count('skipped');
      }
    }
    @Controller('child')
    class ChildController extends Base {
      constructor(@Inject(Runs) runs: Runs) {
        super(runs);
      }

      @Get('own')
      own(): number {
        return this.runs.count('own');
      }
    }
    await using app = await start(adapter, ChildController);
    for (const path of ['inherited', 'own']) {
      expect((await app.get(`/child/${path}`)).cacheStatus).toMatch(STORED);
      expect((await app.get(`/child/${path}`)).cacheStatus).toMatch(HIT);
    }
    expect((await app.get('/child/skipped')).cacheStatus).toBeNull();
  });

  it('leaves other methods of a handler for all of them alone', async () => {
    @Controller()
    class AllController {
      constructor(@Inject(Runs) private readonly runs: Runs) {}

      @All('all')
      @CacheKeyed(User)
      all(): number {
        return this.runs.count('all');
      }
    }
    await using app = await start(adapter, AllController);
    await app.get('/all');
    expect((await app.get('/all')).cacheStatus).toMatch(HIT);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      expect((await app.send(method, '/all')).cacheStatus).toBeNull();
    }
    expect(app.runs.counts.get('all')).toBe(6);
  });

  it('hands a handler the function that composes keys', async () => {
    @Controller()
    class KeysController {
      @Get('key')
      key(@CacheKey() key: KeyFunction): Promise<string> {
        return key(User, 'fragment');
      }
    }
    await using app = await start(adapter, KeysController);
    const { body } = await app.get('/key');
    expect(body).toBe(await app.keys.key(User, 'fragment'));
  });

  it('answers HEAD from what GET stored, and stores nothing of HEAD', async () => {
    await using app = await start(adapter, counted({}));
    const alone = await app.send('HEAD', '/x');
    expect(alone.cacheStatus).toMatch(/fwd=bypass;.*detail=method/);
    expect((await app.get('/x')).cacheStatus).toMatch(STORED);
    const head = await app.send('HEAD', '/x');
    expect(head).toMatchObject({ status: 200, body: '' });
    expect(head.cacheStatus).toMatch(HIT);
    expect(head.headers.get('content-length')).toBe('9');
    expect(app.runs.counts.get('x')).toBe(2);
  });

  it('names identifiers and reasons only where it may', async () => {
    await using app = await start(adapter, counted({ scope: 'anonymous' }), {
      expose: false,
    });
    const statuses: unknown[] = [];
    for (const headers of [undefined, undefined, { cookie: 'a=1' }]) {
      statuses.push((await app.get('/x', headers)).cacheStatus);
    }
    expect(statuses).toEqual([
      'alkey; fwd=miss; stored',
      expect.stringMatching(/^alkey; hit; ttl=\d+$/),
      'alkey; fwd=bypass',
    ]);
  });

  it('tells by an event whether an answer was outdated or absent', async () => {
    await using app = await start(adapter, counted({}));
    const misses = record(app, 'miss');
    await app.get('/x');
    await app.get('/x');
    await app.keys.invalidateAll();
    await app.get('/x');
    await app.get('/x?other');
    expect(misses.map(({ reason }) => reason)).toEqual([
      'absent',
      'outdated',
      'absent',
    ]);
  });
});

describe.each(ADAPTERS)('what an answer depends on over %s', adapter => {
  it('counts all query parameters, in any order', async () => {
    await using app = await start(adapter, counted({}));
    await app.get('/x?a=1&b=2&b=3');
    for (const same of ['?b=2&a=1&b=3', '?b=2&b=3&a=%31', '?&a=1&b=2&b=3&']) {
      expect((await app.get(`/x${same}`)).cacheStatus).toMatch(HIT);
    }
    for (const other of ['', '?a=1', '?a=1&b=3&b=2', '?a=1&b=2&b=3&c']) {
      expect((await app.get(`/x${other}`)).cacheStatus).toMatch(STORED);
    }
  });

  it('counts named query parameters alone', async () => {
    await using app = await start(adapter, counted({ query: ['page'] }));
    await app.get('/x?page=1&utm=a');
    expect((await app.get('/x?utm=b&page=1')).cacheStatus).toMatch(HIT);
    expect((await app.get('/x?page=2')).cacheStatus).toMatch(STORED);
    expect((await app.get('/x?page=1&page=2')).cacheStatus).toMatch(STORED);
    expect((await app.get('/x')).cacheStatus).toMatch(STORED);
    expect((await app.get('/x?other=1')).cacheStatus).toMatch(HIT);
  });

  it('counts the headers it varies by: absent, empty, sent twice', async () => {
    await using app = await start(adapter, counted({ vary: ['X-Tag'] }));
    const run = async (tags?: string[]): Promise<unknown> => {
      const headers: Record<string, string[]> = tags ? { 'x-tag': tags } : {};
      const { body } = await ask(app.url, '/x', { headers });
      return (JSON.parse(body.toString()) as { run: number }).run;
    };
    const runs: unknown[] = [];
    for (const tags of [undefined, [''], ['a'], ['a', 'b'], ['undefined']]) {
      runs.push(await run(tags), await run(tags));
    }
    expect(runs).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
  });

  it('counts what a function makes of the request', async () => {
    await using app = await start(
      adapter,
      counted({
        vary: context => {
          const { headers } = context.switchToHttp().getRequest<AnyRequest>();
          if (headers['x-fail']) throw new Error('no language');
          return headers['x-odd'] ? () => 1 : { de: headers['x-de'] === '1' };
        },
      }),
    );
    const statuses: unknown[] = [];
    for (const headers of [
      { 'x-de': '1' },
      { 'x-de': '0' },
      { 'x-de': '1' },
      undefined,
    ]) {
      statuses.push((await app.get('/x', headers)).cacheStatus?.slice(7, 15));
    }
    expect(statuses).toEqual(['fwd=miss', 'fwd=miss', 'hit; ttl', 'hit; ttl']);
    const failed = await app.get('/x', { 'x-fail': '1' });
    expect(failed.status).toBe(200);
    expect(failed.cacheStatus).toMatch(/detail=declaration-error/);
    const odd = await app.get('/x', { 'x-odd': '1' });
    expect(odd.cacheStatus).toMatch(/detail=unencodable/);
  });

  it('stores the statuses it is told to', async () => {
    @Controller()
    class StatusController {
      @Get('created')
      @HttpCode(201)
      @CacheKeyed(User, { statuses: [200, 201] })
      created(): unknown {
        return {};
      }

      @Get('accepted')
      @HttpCode(202)
      @CacheKeyed(User)
      accepted(): unknown {
        return {};
      }

      @Get('missing')
      @CacheKeyed(User, { statuses: [200, 404] })
      missing(): never {
        throw new NotFoundException();
      }
    }
    await using app = await start(adapter, StatusController);
    for (const path of ['/created', '/accepted', '/missing']) {
      await app.get(path);
    }
    const created = await app.get('/created');
    expect([created.status, created.cacheStatus]).toEqual([
      201,
      expect.stringMatching(HIT),
    ]);
    expect((await app.get('/accepted')).cacheStatus).toMatch(/detail=status/);
    expect(await app.get('/missing')).toMatchObject({
      status: 404,
      cacheStatus: null,
    });
  });

  it('forgets an answer after ttlMs', async () => {
    await using app = await start(adapter, counted({ ttlMs: 150 }));
    const [stored] = [record(app, 'stored'), await app.get('/x')];
    expect(stored[0]?.ttlMs).toBe(150);
    expect((await app.get('/x')).cacheStatus).toMatch(HIT);
    using _ = aheadOfTime(150);
    expect((await app.get('/x')).cacheStatus).toMatch(STORED);
  });
});

function gated(gate: Gate): Type {
  @Controller()
  class GatedController {
    constructor(@Inject(Runs) private readonly runs: Runs) {}

    @Get('x')
    @CacheKeyed(User, { scope: 'shared', vary: ['x-variant'] })
    async get(@Req() request: AnyRequest): Promise<unknown> {
      const run = this.runs.count('x');
      await gate.pass();
      return { run, variant: request.headers['x-variant'] };
    }
  }
  return GatedController;
}

/** Resolves when that many requests have missed. */
async function missed(
  misses: readonly unknown[],
  count: number,
): Promise<void> {
  while (misses.length < count) {
    await new Promise(resolve => setImmediate(resolve));
  }
}

describe.each(ADAPTERS)('concurrent requests over %s', adapter => {
  it('share one run of the handler when many requests miss at once, each resource its own', async () => {
    const gate = new Gate();
    await using app = await start(adapter, gated(gate));
    const misses = record(app, 'miss');
    const asked = ['a', 'a', 'b', 'a'].map(variant =>
      app.get('/x', { 'x-variant': variant }),
    );
    await missed(misses, 4);
    await gate.reached(2);
    gate.open();
    const answers = await Promise.all(asked);
    expect(app.runs.counts.get('x')).toBe(2);
    const variants = answers.map(
      ({ body }) => (JSON.parse(body) as { variant: string }).variant,
    );
    expect(variants).toEqual(['a', 'a', 'b', 'a']);
    const kinds = answers.map(({ cacheStatus }) =>
      cacheStatus?.includes('collapsed') ? 'collapsed' : 'stored',
    );
    expect(kinds.toSorted()).toEqual([
      'collapsed',
      'collapsed',
      'stored',
      'stored',
    ]);
  });

  it('all see it when a handler fails, and the next one runs anew', async () => {
    const gate = new Gate();
    await using app = await start(adapter, gated(gate));
    const misses = record(app, 'miss');
    const asked = [app.get('/x'), app.get('/x')];
    await missed(misses, 2);
    await gate.reached(1);
    gate.open(new NotFoundException('gone'));
    for (const answer of await Promise.all(asked)) {
      expect(answer.status).toBe(404);
      expect(answer.body).toContain('gone');
    }
    const next = app.get('/x');
    await gate.reached(1);
    gate.open();
    expect(JSON.parse((await next).body)).toMatchObject({ run: 2 });
    expect((await next).cacheStatus).toMatch(STORED);
  });

  it('do not share a run that began before a write', async () => {
    const gate = new Gate();
    await using app = await start(adapter, gated(gate));
    const early = app.get('/x');
    await gate.reached(1);
    await app.dataSource.getRepository(User).save({ name: 'Ada' });
    const late = app.get('/x');
    await gate.reached(2);
    gate.open();
    expect(JSON.parse((await early).body)).toMatchObject({ run: 1 });
    expect(JSON.parse((await late).body)).toMatchObject({ run: 2 });
    const after = await app.get('/x');
    expect(after.cacheStatus).toMatch(HIT);
    expect(JSON.parse(after.body)).toMatchObject({ run: 2 });
  });

  describe.each([
    ['the one who began', 0],
    ['one who waits', 2],
  ])('of which %s leaves', (_, leaver) => {
    /** Three requests wait for one run; resolves with the two that stay when the third is gone. */
    const leave = async (
      app: StartedApp,
      gate: Gate,
    ): Promise<readonly Promise<RawAnswer>[]> => {
      const misses = record(app, 'miss');
      const leaving = new AbortController();
      const asked: Promise<RawAnswer>[] = [];
      for (let each = 0; each < 3; each += 1) {
        asked.push(
          ask(app.url, '/x', {
            headers: { host: 'shop.example' },
            ...(each === leaver && { signal: leaving.signal }),
          }),
        );
        await missed(misses, each + 1);
      }
      await gate.reached(1);
      leaving.abort();
      const [left] = asked.splice(leaver, 1);
      await expect(left).rejects.toMatchObject({ name: 'AbortError' });
      // The server knows.
      const server = app.app.getHttpServer() as Server;
      const connections = promisify(server.getConnections.bind(server));
      await until(async () => (await connections()) === 2);
      return asked;
    };

    it('get and store the answer when a client goes away', async () => {
      const gate = new Gate();
      await using app = await start(adapter, gated(gate));
      const staying = await leave(app, gate);
      gate.open();
      for (const { body } of await Promise.all(staying)) {
        expect(JSON.parse(body.toString())).toEqual({ run: 1 });
      }
      const next = await ask(app.url, '/x', {
        headers: { host: 'shop.example' },
      });
      expect(next.headers['cache-status']).toMatch(HIT);
      expect(app.runs.counts.get('x')).toBe(1);
    });

    it('all see a failure, and the next one runs anew', async () => {
      const gate = new Gate();
      await using app = await start(adapter, gated(gate));
      const staying = await leave(app, gate);
      gate.open(new NotFoundException('gone'));
      for (const { status } of await Promise.all(staying)) {
        expect(status).toBe(404);
      }
      const next = app.get('/x');
      await gate.reached(1);
      gate.open();
      expect((await next).cacheStatus).toMatch(STORED);
      expect(JSON.parse((await next).body)).toMatchObject({ run: 2 });
    });
  });

  it('run by themselves where the answer is not for sharing', async () => {
    let cookies = 0;
    const gate = new Gate();
    @Controller()
    class CookieController {
      @Get('x')
      @CacheKeyed(User, { scope: 'shared' })
      async get(): Promise<unknown> {
        await gate.pass();
        return { cookie: (cookies += 1) };
      }
    }
    await using app = await startRoutes(adapter, CookieController, {
      configure: nest =>
        nest.use(
          (
            _: unknown,
            response: { setHeader(name: string, value: string): void },
            next: () => void,
          ) => {
            response.setHeader('Set-Cookie', 'session=own');
            next();
          },
        ),
    });
    const misses = record(app, 'miss');
    const asked = [app.get('/x'), app.get('/x')];
    await missed(misses, 2);
    await gate.reached(1);
    gate.open();
    await gate.reached(1);
    gate.open();
    const bodies = (await Promise.all(asked)).map(({ body }) => body);
    expect(bodies.toSorted()).toEqual(['{"cookie":1}', '{"cookie":2}']);
  });
});

describe.each(ADAPTERS)('pipes over %s', adapter => {
  @Controller('users')
  class PipedController {
    constructor(@Inject(Runs) private readonly runs: Runs) {}

    @Get(':id')
    @CacheKeyed(rowOf(User, 'id'))
    one(@Param('id', ParseIntPipe) id: number): unknown {
      return { id, run: this.runs.count('one') };
    }
  }

  it.each([
    ['/users/1', 200, 'alkey:users#1'],
    ['/users/01', 200, 'alkey:users#1'],
    ['/users/-1', 200, 'alkey:users#-1'],
    ['/users/%31', 200, 'alkey:users#1'],
    ['/users/abc', 400, undefined],
    ['/users/*', 400, undefined],
    ['/users/1%2C2', 400, undefined],
    ['/users/1.5', 400, undefined],
    ['/users/1e3', 400, undefined],
    ['/users/0x1', 400, undefined],
    ['/users/%20', 400, undefined],
  ])('agree with refs about %s', async (path, status, identifier) => {
    await using app = await start(adapter, PipedController);
    const first = await ask(app.url, path);
    const again = await ask(app.url, path);
    expect([first.status, again.status]).toEqual([status, status]);
    expect(again.body).toEqual(first.body);
    expect(String(again.headers['cache-status']).replace(/ttl=\d+; /, '')).toBe(
      identifier === undefined
        ? 'alkey; fwd=bypass; detail=invalid-key'
        : `alkey; hit; key="${identifier}"`,
    );
  });
});
