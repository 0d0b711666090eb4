import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { type INestApplication, Logger } from '@nestjs/common';
import { AlkeyEvents, type AlkeyModuleOptions } from 'nestjs-alkey';
import {
  describeWithRedisServers,
  type RedisServer,
  startRedis,
  until,
} from '../support/redis-servers.js';
import { HIT } from '../support/cache-status.js';
import { User } from '../support/shop.js';
import { startApp, type StartedApp } from '../support/start-app.js';

/** What a busy machine may add to any answer. */
const SLACK_MS = 200;
/** The default of `storeTimeoutMs`. */
const TIMEOUT_MS = 50;
const RECOVERY_MS = 2_500;

/** How long an action takes when the machine does not do something else at that moment. */
async function quickestMs(action: () => Promise<unknown>): Promise<number> {
  let quickest = Infinity;
  for (let round = 0; round < 4; round++) {
    const startedAt = performance.now();
    await action();
    quickest = Math.min(quickest, performance.now() - startedAt);
  }
  return quickest;
}

async function serves(app: StartedApp, path: string): Promise<boolean> {
  return HIT.test((await app.get(path)).cacheStatus ?? '');
}

describeWithRedisServers('a Redis that is away', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let server: RedisServer;
  const lines: string[] = [];
  const errors: string[] = [];
  beforeEach(async () => {
    redis = await startRedis();
    ({ server } = redis);
    lines.length = 0;
    errors.length = 0;
    // At the source: Nest's own loggers come and go while an application starts.
    for (const level of ['log', 'warn', 'error'] as const) {
      jest
        .spyOn(Logger.prototype, level)
        .mockImplementation(message => void lines.push(`${level} ${message}`));
    }
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await redis.stop();
  });

  const start = (options: AlkeyModuleOptions = {}): Promise<StartedApp> =>
    startApp({
      database: { type: 'sqljs' },
      alkey: { redis: server.url, ...options },
      configure(app: INestApplication) {
        app
          .get(AlkeyEvents)
          .on('store-error', ({ operation }) => errors.push(operation));
      },
    });
  it('lets an application start, answer and commit when Redis is away, and recovers by itself', async () => {
    await server.kill();
    await using app = await start();

    const writeMs = await quickestMs(() =>
      app.send('POST', '/users', { name: 'Ada' }),
    );
    expect(writeMs).toBeLessThan(2 * TIMEOUT_MS + SLACK_MS);
    expect(await app.dataSource.manager.count(User)).toBe(4);

    const readMs = await quickestMs(async () => {
      expect((await app.get('/users/1')).status).toBe(200);
    });
    expect(readMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
    expect(app.runs.counts.get('one')).toBe(4);
    expect(errors).toEqual(expect.arrayContaining(['hold']));
    const warnings = lines.filter(line => line.startsWith('warn'));
    expect(warnings.length).toBeGreaterThanOrEqual(1);
    expect(warnings.length).toBeLessThanOrEqual(2);
    expect(warnings.at(-1)).toMatch(/Failures so far: \d+\.$/);

    await server.restart();
    await until(() => serves(app, '/users/1'), RECOVERY_MS);
    expect(lines.at(-1)).toMatch(
      /^log The store answers again, after \d+ failures\.$/,
    );
    await app.send('PATCH', '/users/1', { name: 'Grace' });
    expect(JSON.parse((await app.get('/users/1')).body)).toMatchObject({
      name: 'Grace',
    });
  });

  it('does not make an application that lost it answer late or stale', async () => {
    await using app = await start();
    await app.send('POST', '/users', { name: 'Ada' });
    await until(() => serves(app, '/users/1'));
    await server.kill();

    const readMs = await quickestMs(() => app.get('/users/1'));
    expect(readMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
    await app.send('PATCH', '/users/1', { name: 'Grace' });
    expect((await app.get('/users/1')).body).toContain('Grace');

    await server.restart();
    await until(() => serves(app, '/users/1'), RECOVERY_MS);
    expect((await app.get('/users/1')).body).toContain('Grace');
  });

  it('is noticed when it accepts connections and does not answer', async () => {
    await using app = await start();
    await app.send('POST', '/users', { name: 'Ada' });
    await until(() => serves(app, '/users/1'));
    server.freeze();
    try {
      const readMs = await quickestMs(() => app.get('/users/1'));
      expect(readMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
      const writeMs = await quickestMs(() =>
        app.send('PATCH', '/users/1', { name: 'Grace' }),
      );
      expect(writeMs).toBeLessThan(3 * TIMEOUT_MS + SLACK_MS);
      expect((await app.get('/users/1')).body).toContain('Grace');
    } finally {
      server.thaw();
    }
    await until(() => serves(app, '/users/1'), 5_000);
    expect((await app.get('/users/1')).body).toContain('Grace');
  });

  it('outdates what other processes know when Redis comes back', async () => {
    await using writer = await start();
    await using reader = await startApp({
      database: { type: 'sqljs' },
      alkey: { redis: server.url, storeTimeoutMs: 2_000 },
    });
    const token = await reader.keys.token(User);
    expect(await writer.keys.token(User)).toBe(token);
    server.freeze();
    await writer.dataSource.manager.insert(User, { name: 'Ada' });
    server.thaw();
    await until(
      async () =>
        (await reader.keys.token(User)) === (await writer.keys.token(User)),
      5_000,
    );
    expect(await reader.keys.token(User)).not.toBe(token);
  });

  it("fails a transaction before its COMMIT with onStoreFailure 'abort'", async () => {
    await using app = await start({ onStoreFailure: 'abort' });
    await app.send('POST', '/users', { name: 'Ada' });
    await server.kill();

    const aborted = app.dataSource.transaction(manager =>
      manager.insert(User, { name: 'Grace' }),
    );
    await expect(aborted).rejects.toMatchObject({
      name: 'TokenStoreError',
      code: 'ALKEY_STORE_UNAVAILABLE',
      operation: 'hold',
    });
    expect(await app.dataSource.manager.count(User)).toBe(1);
    expect(
      (await app.send('PATCH', '/users/1', { name: 'Grace' })).status,
    ).toBe(500);
    expect((await app.get('/users/1')).body).toContain('Ada');

    await server.restart();
    await until(
      async () =>
        (await app.send('PATCH', '/users/1', { name: 'Edsger' })).status ===
        200,
      RECOVERY_MS,
    );
    expect((await app.get('/users/1')).body).toContain('Edsger');
  });

  it('fails what is set or invalidated by hand only where nobody else will do it', async () => {
    await using app = await start();
    await app.keys.token(User);
    await server.kill();
    await expect(app.keys.setToken(User, 'x')).rejects.toMatchObject({
      name: 'TokenStoreError',
      operation: 'write',
    });
    await app.keys.invalidate(User);
    expect(await app.keys.wrap([User], async () => 'made')).toBe('made');
    expect(errors).toEqual(expect.arrayContaining(['replace']));
  });
});
