import { expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import {
  type AlkeyModuleOptions,
  CacheKeyed,
  GLOBAL_WRITE_TOKEN,
} from 'nestjs-alkey';
import { ResponseStore } from '../../lib/nest/response-store.js';
import { startApp, type StartedApp } from '../support/start-app.js';
import { type AskedField, resolveField } from './resolve-field.js';

class Resolver {
  @CacheKeyed(GLOBAL_WRITE_TOKEN)
  anonymous(): void {}

  @CacheKeyed(GLOBAL_WRITE_TOKEN, { vary: ['Accept-Language'] })
  translated(): void {}
}

function start(options: AlkeyModuleOptions = {}): Promise<StartedApp> {
  return startApp({
    database: { type: 'sqljs' },
    synchronize: false,
    alkey: { scope: 'anonymous', ...options },
  });
}

/** What a field is answered whose resolver would answer `value`. */
function resolve(
  app: StartedApp,
  method: keyof Resolver,
  asked: AskedField,
  value: unknown,
): Promise<unknown> {
  return resolveField(app, Resolver, method, asked, async () => value);
}

it('keeps no more for one resolver than a route may keep', async () => {
  const kept = new Map<string, unknown>();
  const cache = createCache({ stores: [new Keyv({ store: kept })] });
  // Room for ten answers, of 1 KiB each at least.
  await using app = await start({ cache, maxBytesPerRoute: 10 * 1024 });
  const context = { req: { headers: {} } };
  for (let note = 0; note < 30; note += 1) {
    await resolve(app, 'anonymous', { context, args: { note } }, note);
  }
  await app.app.get(ResponseStore).settled();
  expect(kept.size).toBe(10);
});

it.each(['authorization', 'cookie'])(
  "finds %s among Fetch's headers",
  async name => {
    await using app = await start();
    const own = { req: { headers: new Headers({ [name]: 'own' }) } };
    expect(await resolve(app, 'anonymous', { context: own }, 1)).toBe(1);
    const other = { req: { headers: new Headers() } };
    expect(await resolve(app, 'anonymous', { context: other }, 2)).toBe(2);
    expect(await resolve(app, 'anonymous', { context: other }, 3)).toBe(2);
  },
);

it("varies by Fetch's headers", async () => {
  await using app = await start();
  const answers: unknown[] = [];
  for (const [value, language] of ['fr', 'de', 'fr'].entries()) {
    const headers = new Headers({ 'accept-language': language });
    const context = { req: { headers } };
    answers.push(await resolve(app, 'translated', { context }, value));
  }
  expect(answers).toEqual([0, 1, 0]);
});

it('says once in the log what a bypassed resolver could declare', async () => {
  const warn = jest
    .spyOn(Logger.prototype, 'warn')
    .mockImplementation(() => undefined);
  try {
    await using app = await start();
    const context = { req: { headers: { cookie: 'a=1' } } };
    await resolve(app, 'anonymous', { context }, 1);
    await resolve(app, 'anonymous', { context }, 2);
    const texts = warn.mock.calls.map(([message]) => String(message));
    expect(texts.filter(text => text.includes('credentials'))).toEqual([
      expect.stringMatching(/^Resolver\.anonymous .*`scope`: 'shared'/),
    ]);
  } finally {
    warn.mockRestore();
  }
});
