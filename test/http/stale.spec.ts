import { EventEmitter, once } from 'node:events';
import { describe, expect, it, jest } from '@jest/globals';
import {
  Controller,
  Get,
  Inject,
  Logger,
  NotFoundException,
  Param,
  Res,
  ServiceUnavailableException,
} from '@nestjs/common';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import {
  AlkeyEvents,
  type AlkeyModuleOptions,
  CacheKeyed,
  type CacheKeyedOptions,
  type CacheScope,
  GLOBAL_WRITE_TOKEN,
} from 'nestjs-alkey';
import { aheadOfTime } from '../support/ahead-of-time.js';
import {
  type AdapterName,
  ADAPTERS,
  type StartedApp,
} from '../support/start-app.js';
import { until } from '../support/redis-servers.js';
import { Runs } from '../support/shop.js';
import { ask } from './ask.js';
import {
  type AnyResponse,
  holdEverything,
  startRoutes,
} from './start-routes.js';

/** What the handler does next: waits, fails, answers another status. */
class Script {
  wait: Promise<unknown> | undefined;
  error: Error | undefined;
  status: number | undefined;
}

function app(
  adapter: AdapterName,
  script: Script,
  options: CacheKeyedOptions,
  alkey: AlkeyModuleOptions = {},
): Promise<StartedApp> {
  @Controller()
  class StaleController {
    constructor(@Inject(Runs) private readonly runs: Runs) {}

    @Get('x/:id')
    @CacheKeyed(GLOBAL_WRITE_TOKEN, options)
    async get(
      @Param('id') id: string,
      @Res({ passthrough: true }) response: AnyResponse,
    ): Promise<unknown> {
      const run = this.runs.count('x');
      const { wait, error, status } = script;
      await wait;
      response.header('x-run', String(run));
      if (status !== undefined) response.status(status);
      if (error) throw error;
      return { run, id };
    }
  }
  return startRoutes(adapter, StaleController, { alkey, synchronize: false });
}

interface Given {
  readonly code: number;
  readonly run: unknown;
  readonly header: unknown;
  readonly cache: string;
  readonly age: unknown;
}

async function get(started: StartedApp): Promise<Given> {
  const answer = await ask(started.url, '/x/1', {
    headers: { host: 'shop.example' },
  });
  const body = JSON.parse(answer.body.toString() || '{}') as { run?: number };
  return {
    code: answer.status,
    run: body.run,
    header: answer.headers['x-run'],
    cache: String(answer.headers['cache-status']),
    age: answer.headers['age'],
  };
}

/** The next event of that name. */
function next(
  started: StartedApp,
  name: 'stored' | 'bypass' | 'miss',
): Promise<{ readonly reason?: string; readonly collapsed?: boolean }> {
  return new Promise(resolve => {
    const stop = started.app.get(AlkeyEvents).on(name, event => {
      stop();
      resolve(event as { reason?: string; collapsed?: boolean });
    });
  });
}

const LONG = 60_000;

describe.each(ADAPTERS)('staleWhileRevalidateMs over %s', adapter => {
  it('gives the outdated answer at once while one run renews it', async () => {
    const script = new Script();
    await using started = await app(adapter, script, {
      staleWhileRevalidateMs: LONG,
    });
    await get(started);
    await started.keys.invalidateAll();
    const gate = new EventEmitter();
    script.wait = once(gate, 'open');
    const hits: unknown[] = [];
    started.app
      .get(AlkeyEvents)
      .on('hit', ({ freshness }) => hits.push(freshness));
    const renewed = next(started, 'stored');
    for (let request = 0; request < 3; request += 1) {
      expect(await get(started)).toMatchObject({
        code: 200,
        run: 1,
        header: '1',
        age: expect.stringMatching(/^\d+$/),
        cache: expect.stringMatching(/^alkey; hit; ttl=-?\d+;.*detail=stale$/),
      });
    }
    gate.emit('open');
    await renewed;
    expect(await get(started)).toMatchObject({ run: 2, header: '2' });
    expect(hits).toEqual(['stale', 'stale', 'stale', 'fresh']);
    expect(started.runs.counts.get('x')).toBe(2);
  });

  it('has one run, of a renewal, for those who may not have the outdated answer any more', async () => {
    const script = new Script();
    await using started = await app(adapter, script, {
      staleWhileRevalidateMs: LONG,
    });
    await get(started);
    await started.keys.invalidateAll();
    const gate = new EventEmitter();
    script.wait = once(gate, 'open');
    await get(started);
    await until(() => started.runs.counts.get('x') === 2);
    using _ = aheadOfTime(LONG);
    const joined = next(started, 'miss');
    const late = get(started);
    const { collapsed } = await joined;
    gate.emit('open');
    expect(await late).toMatchObject({ run: 2 });
    expect(collapsed).toBe(true);
    expect(started.runs.counts.get('x')).toBe(2);
  });

  it('is off by default', async () => {
    await using started = await app(adapter, new Script(), {});
    await get(started);
    await started.keys.invalidateAll();
    expect(await get(started)).toMatchObject({ run: 2, age: undefined });
  });

  it('ends as long after the answer was last known to be current', async () => {
    await using started = await app(adapter, new Script(), {
      staleWhileRevalidateMs: 100,
    });
    await get(started);
    await started.keys.invalidateAll();
    using _ = aheadOfTime(100);
    expect(await get(started)).toMatchObject({ run: 2 });
  });

  it('counts from the last hit, where there was one', async () => {
    await using started = await app(adapter, new Script(), {
      staleWhileRevalidateMs: 3000,
      ttlMs: 60_000,
    });
    await get(started);
    using _ = aheadOfTime(10_000);
    expect((await get(started)).cache).toMatch(/^alkey; hit; ttl=(?:4\d|50)\b/);
    await started.keys.invalidateAll();
    expect((await get(started)).cache).toContain('stale');
  });

  it('gives nothing while a writer is about to commit', async () => {
    await using started = await app(adapter, new Script(), {
      staleWhileRevalidateMs: LONG,
      staleIfErrorMs: LONG,
    });
    await get(started);
    await holdEverything(started);
    expect(await get(started)).toMatchObject({
      run: 2,
      cache: expect.stringContaining('held'),
    });
  });

  it('says in the log that the renewal failed, and tries again', async () => {
    const logged = jest
      .spyOn(Logger.prototype, 'error')
      .mockImplementation(() => undefined);
    try {
      const script = new Script();
      await using started = await app(adapter, script, {
        staleWhileRevalidateMs: LONG,
      });
      await get(started);
      await started.keys.invalidateAll();
      script.error = new Error('database is away');
      const failed = next(started, 'bypass');
      expect(await get(started)).toMatchObject({ run: 1 });
      expect((await failed).reason).toBe('handler-error');
      await new Promise(resolve => setImmediate(resolve));
      expect(String(logged.mock.calls)).toContain('database is away');
      script.error = undefined;
      const renewed = next(started, 'stored');
      expect(await get(started)).toMatchObject({ run: 1 });
      await renewed;
      expect(await get(started)).toMatchObject({ run: 3 });
    } finally {
      logged.mockRestore();
    }
  });

  it('ends where the renewal finds that there is nothing any more', async () => {
    const script = new Script();
    await using started = await app(adapter, script, {
      staleWhileRevalidateMs: LONG,
    });
    await get(started);
    await started.keys.invalidateAll();
    script.error = new NotFoundException();
    const gone = next(started, 'bypass');
    expect(await get(started)).toMatchObject({ code: 200, run: 1 });
    await gone;
    expect(await get(started)).toMatchObject({ code: 404 });
  });
});

describe.each(ADAPTERS)('staleIfErrorMs over %s', adapter => {
  it.each<[string, Partial<Script>, string]>([
    ['throws', { error: new Error('down') }, '500'],
    ['answers 503', { error: new ServiceUnavailableException() }, '503'],
    ['sets 502', { status: 502 }, '502'],
  ])(
    'gives the outdated answer where the handler %s',
    async (_, does, status) => {
      const script = new Script();
      await using started = await app(adapter, script, {
        staleIfErrorMs: LONG,
      });
      await get(started);
      await started.keys.invalidateAll();
      Object.assign(script, does);
      expect(await get(started)).toEqual({
        code: 200,
        run: 1,
        header: '1',
        age: '0',
        cache: `alkey; fwd=stale; fwd-status=${status}; key="alkey:*#*"; detail=stale`,
      });
      expect(started.runs.counts.get('x')).toBe(2);
    },
  );

  it('gives none for another error, and none after it', async () => {
    const script = new Script();
    await using started = await app(adapter, script, { staleIfErrorMs: LONG });
    await get(started);
    await started.keys.invalidateAll();
    script.error = new NotFoundException();
    expect(await get(started)).toMatchObject({ code: 404 });
    script.error = new Error('down');
    expect(await get(started)).toMatchObject({ code: 500 });
  });

  it('is off by default', async () => {
    const script = new Script();
    await using started = await app(adapter, script, {});
    await get(started);
    await started.keys.invalidateAll();
    script.error = new Error('down');
    expect(await get(started)).toMatchObject({ code: 500 });
  });

  it.each<[string, AlkeyModuleOptions & { readonly scope: CacheScope }]>([
    ['release', { scope: 'shared', release: '2' }],
    ['scope', { scope: 'anonymous' }],
    ['scope to one of principals', { scope: () => 'ada' }],
  ])(
    'never gives one across a change of %s',
    async (_, { scope, ...alkey }) => {
      const store = new Keyv();
      const options = { staleIfErrorMs: LONG, staleWhileRevalidateMs: LONG };
      const script = new Script();
      {
        await using before = await app(
          adapter,
          script,
          { ...options, scope: 'shared' },
          { cache: createCache({ stores: [store] }) },
        );
        expect(await get(before)).toMatchObject({ code: 200 });
      }
      await using after = await app(
        adapter,
        script,
        { ...options, scope },
        { ...alkey, cache: createCache({ stores: [store] }) },
      );
      script.error = new Error('down');
      expect(await get(after)).toMatchObject({ code: 500 });
    },
  );
});
