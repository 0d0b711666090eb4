import { describe, expect, it } from '@jest/globals';
import { Header, HttpCode, type Type, UseInterceptors } from '@nestjs/common';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { map, tap } from 'rxjs';
import {
  type AlkeyModuleOptions,
  type CacheKeyedOptions,
  GLOBAL_WRITE_TOKEN,
} from 'nestjs-alkey';
import { aheadOfTime } from '../support/ahead-of-time.js';
import { HIT } from '../support/cache-status.js';
import {
  type AdapterName,
  ADAPTERS,
  type StartedApp,
} from '../support/start-app.js';
import { ask, type RawAnswer } from './ask.js';
import { counted, holdEverything, startRoutes } from './start-routes.js';

const OURS = /^W\/"[\w-]{22}\.[\da-z]{8}"$/;

const start = (
  adapter: AdapterName,
  controller: Type,
  alkey: AlkeyModuleOptions = {},
): Promise<StartedApp> =>
  startRoutes(adapter, controller, { alkey, synchronize: false });

/** As if both had one Redis. */
async function shareTokens(from: StartedApp, to: StartedApp): Promise<void> {
  const token = await from.keys.token(GLOBAL_WRITE_TOKEN);
  await to.keys.setToken(GLOBAL_WRITE_TOKEN, token);
}

const headers = { host: 'shop.example' };
const get = (
  app: StartedApp,
  more: Readonly<Record<string, string | string[]>> = {},
  method = 'GET',
): Promise<RawAnswer> =>
  ask(app.url, '/x', { method, headers: { ...headers, ...more } });
const status = (answer: RawAnswer): string =>
  String(answer.headers['cache-status']);
const tagOf = (answer: RawAnswer): string => String(answer.headers['etag']);

describe.each(ADAPTERS)('ETag over %s', adapter => {
  it('stands on what is stored, the same on every hit, another after a write', async () => {
    await using app = await start(adapter, counted());
    const first = await get(app);
    expect(tagOf(first)).toMatch(OURS);
    expect(tagOf(await get(app))).toBe(tagOf(first));
    expect(tagOf(await get(app, {}, 'HEAD'))).toBe(tagOf(first));
    await app.keys.invalidateAll();
    const second = await get(app);
    expect(tagOf(second)).toMatch(OURS);
    expect(tagOf(second).slice(0, 25)).not.toBe(tagOf(first).slice(0, 25));
  });

  it.each<[string, CacheKeyedOptions, Record<string, string>]>([
    ['set-cookie', {}, { 'x-set-set-cookie': 'a=1' }],
    ['private', {}, { 'x-set-cache-control': 'private' }],
    ['no-store', {}, { 'x-set-cache-control': 'no-store' }],
    ['credentials', { scope: 'anonymous' }, { cookie: 'a=1' }],
  ])('is not ours where %s forbids to store', async (reason, options, more) => {
    await using app = await start(adapter, counted(options));
    const answer = await get(app, more);
    expect(status(answer)).toContain(reason);
    expect(tagOf(answer)).not.toMatch(OURS);
  });

  it('is not ours where a writer is about to commit', async () => {
    await using app = await start(adapter, counted());
    await holdEverything(app);
    const answer = await get(app);
    expect(status(answer)).toContain('held');
    expect(tagOf(answer)).not.toMatch(OURS);
  });

  it('is not ours for another status than 200', async () => {
    await using app = await start(
      adapter,
      counted({ statuses: [203] }, HttpCode(203)),
    );
    expect(status(await get(app))).toContain('stored');
    const answer = await get(app, { 'if-none-match': '"x"' });
    expect([answer.status, status(answer)]).toEqual([
      203,
      expect.stringMatching(HIT),
    ]);
    expect(tagOf(answer)).not.toMatch(OURS);
  });

  it('is not ours where an interceptor outside has the last word', async () => {
    const controller = counted();
    UseInterceptors({
      intercept: (_, next) => next.handle().pipe(map(data => ({ data }))),
    })(controller);
    await using app = await start(adapter, controller);
    await get(app);
    const answer = await get(app);
    expect(status(answer)).toMatch(HIT);
    expect(tagOf(answer)).not.toMatch(OURS);
  });
});

describe.each(ADAPTERS)('If-None-Match over %s', adapter => {
  it('is answered 304 by tokens alone: no handler, no stored answer', async () => {
    const store = new Keyv();
    let reads = 0;
    const getRaw = store.getRaw.bind(store);
    store.getRaw = (...parameters: never[]) => {
      reads += 1;
      return (getRaw as (...given: never[]) => never)(...parameters);
    };
    await using app = await start(adapter, counted({ vary: ['X-Tag'] }), {
      cache: createCache({ stores: [store] }),
    });
    const tag = tagOf(await get(app));
    await store.clear();
    reads = 0;
    for (const value of [tag, tag.slice(2), `"a", ${tag}`, ['W/"b"', tag]]) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await get(app, { 'if-none-match': value }, method);
        expect(answer.status).toBe(304);
        expect(answer.body).toHaveLength(0);
        expect(answer.headers).toMatchObject({
          etag: tag,
          vary: 'X-Tag',
          'cache-control': 'no-cache',
        });
        expect(status(answer)).toMatch(/^alkey; hit; ttl=\d+/);
        expect(answer.headers['content-type']).toBeUndefined();
        // Fastify says 0 to every HEAD that it sends no body for.
        expect([undefined, method === 'HEAD' ? '0' : undefined]).toContain(
          answer.headers['content-length'],
        );
      }
    }
    expect(reads).toBe(0);
    expect(app.runs.counts.get('x')).toBe(1);
    const reload = await get(app, {
      'if-none-match': tag,
      'if-modified-since': 'Tue, 15 Nov 1994 08:12:31 GMT',
      'cache-control': 'no-cache',
    });
    expect(reload.status).toBe(304);
  });

  it('is answered in full after a write, for another resource and another release', async () => {
    const route = counted({ vary: ['X-Tag'] });
    await using app = await start(adapter, route);
    const asked = { 'if-none-match': tagOf(await get(app)) };
    expect((await get(app, { ...asked, 'x-tag': 'b' })).status).toBe(200);
    expect((await get(app, asked)).status).toBe(304);
    await using released = await start(adapter, route, { release: '2' });
    await shareTokens(app, released);
    expect((await get(released, asked)).status).toBe(200);
    await app.keys.invalidateAll();
    expect((await get(app, asked)).status).toBe(200);
  });

  it('is answered 304 by a process that never had the answer', async () => {
    const route = counted();
    await using app = await start(adapter, route);
    const tag = tagOf(await get(app));
    await using restarted = await start(adapter, route);
    await shareTokens(app, restarted);
    const answer = await get(restarted, { 'if-none-match': tag });
    expect([answer.status, tagOf(answer)]).toEqual([304, tag]);
    expect(restarted.runs.counts.get('x')).toBeUndefined();
  });

  it('does not prolong an answer beyond ttlMs', async () => {
    await using app = await start(adapter, counted({ ttlMs: 150 }));
    const tag = tagOf(await get(app));
    using _ = aheadOfTime(150);
    expect((await get(app, { 'if-none-match': tag })).status).toBe(200);
    expect(app.runs.counts.get('x')).toBe(2);
  });

  it('of * is 304 where an answer is stored, and where one was just made', async () => {
    await using app = await start(adapter, counted());
    const made = await get(app, { 'if-none-match': '*' });
    expect([made.status, app.runs.counts.get('x')]).toEqual([304, 1]);
    expect(status(made)).toContain('stored');
    const again = await get(app, { 'if-none-match': '*' });
    expect([again.status, app.runs.counts.get('x')]).toEqual([304, 1]);
    expect(JSON.parse((await get(app)).body.toString())).toEqual({ run: 1 });
  });

  it('is answered by the handler’s own ETag where it sets one', async () => {
    await using app = await start(adapter, counted());
    const own = { 'x-set-etag': '"own"', 'x-set-expires': 'tomorrow' };
    expect(tagOf(await get(app, own))).toBe('"own"');
    const answer = await get(app, { 'if-none-match': 'W/"own"' });
    expect(answer.status).toBe(304);
    expect(answer.headers).toMatchObject({
      etag: '"own"',
      expires: 'tomorrow',
    });
    expect(answer.headers['cache-control']).toBeUndefined();
    expect((await get(app, { 'if-none-match': '"no"' })).status).toBe(200);
    expect(app.runs.counts.get('x')).toBe(1);
  });

  it('repeats the handler’s own Cache-Control, which only the stored answer knows', async () => {
    const store = new Keyv();
    await using app = await start(adapter, counted(), {
      cache: createCache({ stores: [store] }),
    });
    const own = { 'x-set-cache-control': 'public, max-age=5' };
    const tag = tagOf(await get(app, own));
    const answer = await get(app, { 'if-none-match': tag });
    expect(answer.status).toBe(304);
    expect(answer.headers['cache-control']).toBe('public, max-age=5');
    await store.clear();
    expect((await get(app, { 'if-none-match': tag })).status).toBe(200);
  });

  it('repeats the Cache-Control of @Header by tokens alone', async () => {
    await using app = await start(
      adapter,
      counted({}, Header('Cache-Control', 'max-age=7') as MethodDecorator),
    );
    const tag = tagOf(await get(app));
    const answer = await get(app, { 'if-none-match': tag });
    expect(answer.status).toBe(304);
    expect(answer.headers['cache-control']).toBe('max-age=7');
  });

  it('keeps no body from an interceptor outside', async () => {
    const seen: unknown[] = [];
    const controller = counted();
    UseInterceptors({
      intercept: (_, next) => next.handle().pipe(tap(body => seen.push(body))),
    })(controller);
    await using app = await start(adapter, controller);
    await get(app, { 'x-set-etag': '"own"' });
    await get(app, { 'if-none-match': '"own"' });
    expect(seen).toEqual([{ run: 1 }, { run: 1 }]);
  });

  it('answers If-Modified-Since by the handler’s Last-Modified', async () => {
    await using app = await start(adapter, counted());
    const date = 'Tue, 15 Nov 1994 08:12:31 GMT';
    await get(app, { 'x-set-last-modified': date });
    expect((await get(app, { 'if-modified-since': date })).status).toBe(304);
    const earlier = 'Mon, 14 Nov 1994 08:12:31 GMT';
    expect((await get(app, { 'if-modified-since': earlier })).status).toBe(200);
  });

  it.each(['if-match', 'if-unmodified-since'])(
    'leaves a request with %s to the handler',
    async name => {
      await using app = await start(adapter, counted());
      const tag = tagOf(await get(app));
      const answer = await get(app, { 'if-none-match': tag, [name]: '"x"' });
      expect([answer.status, status(answer)]).toEqual([
        200,
        'alkey; fwd=bypass; detail=precondition',
      ]);
    },
  );
});

describe.each(ADAPTERS)('what caches on the way are told over %s', adapter => {
  it.each<[CacheKeyedOptions, string, string | undefined]>([
    [{ scope: 'shared' }, 'no-cache', undefined],
    [{ scope: 'anonymous' }, 'private, no-cache', 'Authorization, Cookie'],
    [
      { scope: () => 'ada', vary: ['X-Tag'] },
      'private, no-cache',
      'X-Tag, Authorization, Cookie',
    ],
  ])('by a route with %j', async (options, cacheControl, vary) => {
    await using app = await start(adapter, counted(options));
    const answers = [await get(app), await get(app)];
    answers.push(await get(app, { 'if-none-match': tagOf(answers[0]!) }));
    answers.push(await get(app, { 'if-match': '*' }));
    expect(answers.map(answer => answer.status)).toEqual([200, 200, 304, 200]);
    for (const answer of answers) {
      expect(answer.headers['cache-control']).toBe(cacheControl);
      expect(answer.headers['vary']).toBe(vary);
      // Each was validated, or made, for this request.
      expect(answer.headers['age']).toBeUndefined();
    }
  });

  it('keeps an answer with a cookie from all of them', async () => {
    await using app = await start(adapter, counted({ scope: 'shared' }));
    const answer = await get(app, { 'x-set-set-cookie': 'a=1' });
    expect(answer.headers['cache-control']).toBe('private, no-cache');
  });

  it('keeps what the handler says, and adds to its Vary', async () => {
    await using app = await start(adapter, counted({ scope: 'anonymous' }));
    const own = {
      'x-set-cache-control': 'public, max-age=5',
      'x-set-vary': 'Cookie',
    };
    const answer = await get(app, own);
    expect(answer.headers['cache-control']).toBe('public, max-age=5');
    expect(answer.headers['vary']).toBe('Cookie, Authorization');
  });

  it('says that an outdated answer was found', async () => {
    await using app = await start(adapter, counted());
    await get(app);
    await app.keys.invalidateAll();
    expect(status(await get(app))).toMatch(/^alkey; fwd=miss; stored/);
  });
});
