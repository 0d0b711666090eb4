import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Param } from '@nestjs/common';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import {
  type AlkeyModuleOptions,
  CacheKeyed,
  type CacheKeyedOptions,
  GLOBAL_WRITE_TOKEN,
} from 'nestjs-alkey';
import { ResponseStore } from '../../lib/nest/response-store.js';
import { HIT } from '../support/cache-status.js';
import {
  type AdapterName,
  ADAPTERS,
  type StartedApp,
} from '../support/start-app.js';
import { Runs } from '../support/shop.js';
import { ask } from './ask.js';
import { counted, startRoutes } from './start-routes.js';

@Controller()
class OtherController {
  constructor(@Inject(Runs) private readonly runs: Runs) {}

  @Get('y')
  @CacheKeyed(GLOBAL_WRITE_TOKEN)
  other(): unknown {
    return { run: this.runs.count('y') };
  }

  @Get('big/:id')
  @CacheKeyed(GLOBAL_WRITE_TOKEN)
  big(@Param('id') id: string): string {
    return id.padEnd(1_000_000, '.');
  }
}

const start = (
  adapter: AdapterName,
  options: CacheKeyedOptions,
  alkey: AlkeyModuleOptions = {},
): Promise<StartedApp> =>
  startRoutes(adapter, [counted(options), OtherController], {
    alkey,
    synchronize: false,
  });

async function status(started: StartedApp, path: string): Promise<string> {
  const answer = await ask(started.url, path, { headers: { host: 'a.test' } });
  return String(answer.headers['cache-status']);
}

describe.each(ADAPTERS)('a flood of requests over %s', adapter => {
  it('pushes out answers of its own route alone, and not those in use', async () => {
    const kept = new Map<string, unknown>();
    const cache = createCache({ stores: [new Keyv({ store: kept })] });
    await using app = await start(
      adapter,
      {},
      // Room for ten answers, of 1 KiB each at least.
      { cache, maxBytesPerRoute: 10 * 1024 },
    );
    await status(app, '/y');
    await status(app, '/x?in=use');
    for (let request = 0; request < 50; request += 1) {
      expect(await status(app, `/x?flood=${request}`)).toContain('stored');
      expect(await status(app, '/x?in=use')).toMatch(HIT);
    }
    expect(await status(app, '/y')).toMatch(HIT);
    await app.app.get(ResponseStore).settled();
    expect(kept.size).toBe(11);
  });

  it('pushes out none in use that the process itself has', async () => {
    await using app = await start(adapter, {}, { maxBytesPerRoute: 10 * 1024 });
    await status(app, '/x?in=use');
    for (let request = 0; request < 30; request += 1) {
      expect(await status(app, `/x?flood=${request}`)).toContain('stored');
      expect(await status(app, '/x?in=use')).toMatch(HIT);
    }
    expect(await status(app, '/x?flood=0')).not.toMatch(HIT);
  });

  it('counts hosts as it counts queries', async () => {
    const kept = new Map<string, unknown>();
    const cache = createCache({ stores: [new Keyv({ store: kept })] });
    await using app = await start(
      adapter,
      { query: [] },
      { cache, maxBytesPerRoute: 10 * 1024 },
    );
    for (let request = 0; request < 30; request += 1) {
      const headers = { host: `h${request}.test` };
      await ask(app.url, `/x?flood=${request}`, { headers });
    }
    await app.app.get(ResponseStore).settled();
    expect(kept.size).toBe(10);
  });

  it('stores one answer where `query` names none', async () => {
    await using app = await start(adapter, { query: [] });
    await status(app, '/x');
    const odd = ['?a[]=1&a[]=2', '?a=1&a=2', '?%', '?%zz=1', '?a=%E0%A4%A'];
    for (const query of odd) {
      expect(await status(app, `/x${query}`)).toMatch(HIT);
    }
    expect(app.runs.counts.get('x')).toBe(1);
  });

  it('does not look for addresses that are too long', async () => {
    await using app = await start(adapter, { query: [] });
    await status(app, '/x');
    expect(await status(app, `/x?${'a'.repeat(7000)}`)).toMatch(HIT);
    expect(await status(app, `/x?${'a'.repeat(9000)}`)).toBe(
      'alkey; fwd=bypass; detail=long-url',
    );
  });

  it('finds memory bounded by bytes', async () => {
    await using app = await start(
      adapter,
      {},
      // Redis would have what memory has no room for.
      { redis: false, maxBytesPerRoute: 2 ** 40 },
    );
    // 64 MiB have room for 67 of a million bytes.
    for (let id = 0; id < 80; id += 1) {
      expect(await status(app, `/big/${id}`)).toContain('stored');
    }
    expect(await status(app, '/big/0')).not.toMatch(HIT);
    expect(await status(app, '/big/79')).toMatch(HIT);
  });
});
