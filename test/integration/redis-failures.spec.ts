import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  GuardedTokenStore,
  type TokenStoreEvent,
} from '../../lib/core/tokens/guarded-token-store.js';
import { systemTimers } from '../../lib/core/tokens/timers.js';
import { HELD, mintHolder } from '../../lib/core/tokens/token.js';
import { TokenStoreError } from '../../lib/core/tokens/token-store-error.js';
import { openRedis, type OpenedRedis } from '../../lib/redis/open-redis.js';
import { type RedisTokenStore } from '../../lib/redis/redis-token-store.js';
import { unique } from '../contract/token-store.contract.js';
import {
  describeWithRedisServers,
  startRedis,
  until,
} from '../support/redis-servers.js';
import {
  connectedRedis,
  redisTokenStore,
} from '../support/redis-token-stores.js';

// Longer than the second that is promised, by what starting a process and other tests may take.
const RECOVERY_MS = 3_000;

const holder = () => mintHolder(randomBytes);

function guarded(
  store: RedisTokenStore,
  onEvent: (event: TokenStoreEvent) => void = () => undefined,
): GuardedTokenStore {
  return new GuardedTokenStore({
    store,
    storeTimeoutMs: 50,
    clock: () => performance.now(),
    timers: systemTimers,
    onEvent,
  });
}

describeWithRedisServers('a Redis that fails', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let opened: OpenedRedis;
  let store: RedisTokenStore;

  beforeEach(async () => {
    redis = await startRedis();
    opened = await connectedRedis(redis.server.url);
    store = redisTokenStore(opened);
  });

  afterEach(async () => {
    redis.server.thaw();
    await opened.close();
    await redis.stop();
  });

  const works = () =>
    store.read([unique()]).then(
      ([token]) => token !== HELD,
      () => false,
    );

  it('is refused at once while it is killed, and used again soon after', async () => {
    const ids = [unique(), unique()];
    const before = await store.read(ids);
    await redis.server.kill();
    await until(async () => !(await works()));
    const started = performance.now();
    await expect(store.read(ids)).rejects.toThrow(TokenStoreError);
    await expect(store.hold(ids, holder(), 1_000)).rejects.toThrow(
      TokenStoreError,
    );
    expect(performance.now() - started).toBeLessThan(500);
    await sleep(1_500);
    await redis.server.restart();
    await until(works, RECOVERY_MS);
    const after = await store.read(ids);
    expect(after).toEqual([expect.any(String), expect.any(String)]);
    expect(new Set([...before, ...after]).size).toBe(4);
  });

  it('rejects what is under way when it is killed', async () => {
    redis.server.freeze();
    const failure = store.read([unique()]).catch((error: unknown) => error);
    await sleep(50);
    await redis.server.kill();
    expect(await failure).toBeInstanceOf(TokenStoreError);
  });

  it('hangs no call while it is frozen, and is used again soon after', async () => {
    const id = unique();
    const before = await store.read([id]);
    redis.server.freeze();
    const started = performance.now();
    await expect(store.read([id])).rejects.toThrow(TokenStoreError);
    expect(performance.now() - started).toBeLessThan(3_000);
    for (let call = 0; call < 5; call++) {
      const begun = performance.now();
      await expect(store.read([id])).rejects.toThrow(TokenStoreError);
      expect(performance.now() - begun).toBeLessThan(3_000);
      await sleep(100);
    }
    redis.server.thaw();
    await until(works, RECOVERY_MS);
    expect(await store.read([id])).toEqual(before);
  });

  it('needs not be there when it is opened', async () => {
    await redis.server.kill();
    const errors: unknown[] = [];
    const early = openRedis(redis.server.url, {
      onError: error => errors.push(error),
    });
    try {
      const started = performance.now();
      await expect(redisTokenStore(early).read([unique()])).rejects.toThrow(
        TokenStoreError,
      );
      expect(performance.now() - started).toBeLessThan(500);
      await until(() => errors.length > 0);
      await redis.server.restart();
      await until(
        () =>
          redisTokenStore(early)
            .read([unique()])
            .then(
              () => true,
              () => false,
            ),
        RECOVERY_MS,
      );
    } finally {
      await early.close();
    }
  });

  it('may be away when it is closed', async () => {
    await redis.server.kill();
    const early = openRedis(redis.server.url, { onError: () => undefined });
    await sleep(100);
    await early.close();
    expect(early.client.isOpen).toBe(false);
  });

  it('leaves an idle connection alone', async () => {
    const errors: unknown[] = [];
    const idle = openRedis(redis.server.url, {
      onError: error => errors.push(error),
    });
    try {
      await sleep(2_500);
      expect(errors).toEqual([]);
      expect(await redisTokenStore(idle).read([unique()])).toHaveLength(1);
    } finally {
      await idle.close();
    }
  });

  it('leaves a connection alone that answers pings with an error', async () => {
    await redis.server.command(
      ...'ACL SETUSER limited on >secret ~* &* +@all -ping'.split(' '),
    );
    const limited = await connectedRedis({
      url: redis.server.url,
      username: 'limited',
      password: 'secret',
    });
    try {
      const connections = async () =>
        String(await redis.server.command('CLIENT', 'LIST')).match(
          /^id=\d+(?=.* user=limited )/gm,
        );
      const before = await connections();
      expect(before).toHaveLength(1);
      await sleep(2_000);
      expect(await connections()).toEqual(before);
    } finally {
      await limited.close();
    }
  });

  it('may forget its scripts', async () => {
    const ids = [unique(), unique()];
    const by = holder();
    const before = await store.read(ids);
    await store.hold(ids, by, 30_000);
    await redis.server.command('SCRIPT', 'FLUSH');
    await store.release(ids, by, 'unchanged');
    await redis.server.command('SCRIPT', 'FLUSH');
    await store.hold(ids, by, 30_000);
    await redis.server.command('SCRIPT', 'FLUSH');
    expect(await store.read([...ids, unique()])).toEqual([
      HELD,
      HELD,
      expect.any(String),
    ]);
    await store.release(ids, by, 'unchanged');
    expect(await store.read(ids)).toEqual(before);
  });

  it('names neither tokens nor commands when it answers with an error', async () => {
    const id = unique();
    await store.close();
    await redis.server.command('LPUSH', `alkey-test:${id.slice(6)}`, 'x');
    const error: unknown = await store
      .read([id])
      .catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: 'ALKEY_STORE_UNAVAILABLE',
      message: `Could not read 1 token (${id}) because the store answered with an error; see the cause. Answers that depend on them are made anew and not stored.`,
      cause: { message: expect.stringContaining('WRONGTYPE') },
    });
  });

  it('announces all but a key of another type, and leaves that as it is', async () => {
    const [other, id, writer] = [unique(), unique(), holder()];
    const key = `alkey-test:${other.slice(6)}`;
    const [before] = await store.read([id]);
    await redis.server.command('LPUSH', key, 'x');
    for (const announce of [
      () => store.hold([other, id], writer, 30_000),
      () => store.release([other, id], writer, 'changed'),
      () => store.replace([other, id]),
    ]) {
      const [held] = await store.read([id]);
      await expect(announce()).rejects.toThrow(TokenStoreError);
      expect((await store.read([id]))[0]).not.toBe(held);
    }
    expect(await store.read([id])).not.toEqual([before]);
    expect(await redis.server.command('TYPE', key)).toBe('list');
  });

  it('fails an operation as a whole when it fails one identifier', async () => {
    const ids = Array.from({ length: 1_200 }, unique);
    await redis.server.command(
      'LPUSH',
      `alkey-test:${ids[600]!.slice(6)}`,
      'x',
    );
    await expect(store.hold(ids, holder(), 30_000)).rejects.toThrow(
      TokenStoreError,
    );
  });

  describe('behind a guard', () => {
    it('delays no call by more than the timeout while it is frozen', async () => {
      const guard = guarded(store);
      const id = unique();
      await guard.read([id]);
      redis.server.freeze();
      const started = performance.now();
      for (let call = 0; call < 10; call++) {
        await expect(guard.read([id])).rejects.toThrow(TokenStoreError);
      }
      // Three timeouts, then the breaker refuses.
      expect(performance.now() - started).toBeLessThan(10 * 50);
      redis.server.thaw();
      await until(
        () =>
          guard.read([id]).then(
            ([token]) => token !== HELD,
            () => false,
          ),
        RECOVERY_MS,
      );
    });

    it('has a late hold ended by the release that follows it', async () => {
      const events: TokenStoreEvent[] = [];
      const guard = guarded(store, event => events.push(event));
      const id = unique();
      const by = holder();
      const [before] = await guard.read([id]);
      redis.server.freeze();
      await expect(guard.hold([id], by, 30_000)).rejects.toThrow(
        TokenStoreError,
      );
      expect(await guard.read([id])).toEqual([HELD]);
      await expect(guard.release([id], by, 'changed')).rejects.toThrow(
        TokenStoreError,
      );
      redis.server.thaw();
      await until(
        () => events.some(event => event.type === 'store-recovered'),
        RECOVERY_MS,
      );
      await until(async () => (await guard.read([id]))[0] !== HELD);
      expect((await guard.read([id]))[0]).not.toBe(before);
    });
  });
});
