import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createClient } from '@keyv/redis';
import { NearTokenStore } from '../../lib/core/tokens/near-token-store.js';
import { HELD, mintHolder } from '../../lib/core/tokens/token.js';
import { type OpenedRedis } from '../../lib/redis/open-redis.js';
import { RedisTokenChanges } from '../../lib/redis/redis-token-changes.js';
import {
  tokenStoreContract,
  unique,
} from '../contract/token-store.contract.js';
import {
  describeWithRedisServers,
  type RedisServer,
  startRedis,
  until,
} from '../support/redis-servers.js';
import {
  connectedRedis,
  redisStoresUnderTest,
  redisTokenStore,
  TEST_NAMESPACE,
} from '../support/redis-token-stores.js';
import { describeWith } from '../support/suites.js';

interface Near {
  readonly near: NearTokenStore;
  readonly isListening: () => boolean;
}

function nearOver(
  store: ReturnType<typeof redisTokenStore>,
  opened: OpenedRedis,
): Near {
  let changes: RedisTokenChanges | undefined;
  const near = new NearTokenStore({
    store,
    maxAgeMs: 60_000,
    clock: () => performance.now(),
    listen(listener) {
      changes = new RedisTokenChanges({
        client: opened.invalidations()!,
        namespace: TEST_NAMESPACE,
        listener,
        onError: () => undefined,
      });
      return changes;
    },
  });
  return { near, isListening: () => changes!.isListening };
}

describeWith('REDIS_URL', 'tokens kept near', url => {
  tokenStoreContract('NearTokenStore over Redis', async options => {
    const { store, elapse, close } = await redisStoresUnderTest(url, options);
    const opened = await connectedRedis(url);
    const { near, isListening } = nearOver(store as never, opened);
    await until(isListening);
    return {
      store: near,
      other: near,
      elapse,
      async close() {
        await near.close();
        await opened.close();
        await close();
      },
    };
  });
});

describeWithRedisServers('a Redis that tells what changes', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let server: RedisServer;
  let opened: OpenedRedis;
  let near: NearTokenStore;
  let isListening: () => boolean;
  let other: ReturnType<typeof redisTokenStore>;

  beforeEach(async () => {
    redis = await startRedis();
    ({ server } = redis);
    opened = await connectedRedis(server.url);
    ({ near, isListening } = nearOver(redisTokenStore(opened), opened));
    other = redisTokenStore(opened);
    await until(isListening);
  });
  afterEach(async () => {
    await near.close();
    await opened.close();
    await redis.stop();
  });

  const readsOf = async (run: () => Promise<unknown>): Promise<boolean> => {
    await server.command('CONFIG', 'RESETSTAT');
    await run();
    const stats = String(await server.command('INFO', 'commandstats'));
    return /cmdstat_(mget|eval|evalsha):/.test(stats);
  };

  /** The first reads change what they read, be it only how long it lives, and that is told, too. */
  const kept = (id: ReturnType<typeof unique>): Promise<void> =>
    until(async () => !(await readsOf(() => near.read([id]))));

  it('is not asked again for what nobody changed', async () => {
    const id = unique();
    const [token] = await near.read([id]);
    await kept(id);
    expect(await near.read([id])).toEqual([token]);
  });

  it('drops a copy when another process holds, before that commits', async () => {
    const id = unique();
    const [token] = await near.read([id]);
    await kept(id);
    const by = mintHolder(randomBytes);
    await other.hold([id], by, 30_000);
    await until(async () => (await near.read([id]))[0] === HELD);
    await other.release([id], by, 'changed');
    await until(async () => (await near.read([id]))[0] !== HELD);
    expect(await near.read([id])).not.toEqual([token]);
  });

  it('drops all copies when all is deleted', async () => {
    const id = unique();
    const [token] = await near.read([id]);
    await kept(id);
    await server.command('FLUSHALL');
    await until(async () => (await near.read([id]))[0] !== token);
    expect((await near.read([id]))[0]).not.toBe(token);
  });

  it('drops a copy that is evicted', async () => {
    const id = unique();
    const [token] = await near.read([id]);
    await kept(id);
    const client = createClient({ url: server.url });
    await client.connect();
    await client.configSet('maxmemory-policy', 'allkeys-random');
    await client.configSet('maxmemory', '1');
    // It evicts when it is asked to do something.
    await expect(client.set('junk', 'x')).rejects.toThrow('OOM');
    await until(async () => (await client.dbSize()) === 0);
    client.destroy();
    await until(() =>
      near.read([id]).then(
        ([answer]) => answer !== token,
        () => true,
      ),
    );
  });

  it('uses no copy while it cannot be heard, and listens again by itself', async () => {
    const id = unique();
    const [token] = await near.read([id]);
    await kept(id);
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await until(() => readsOf(() => near.read([id]).catch(() => undefined)));
    await until(isListening);
    await until(
      async () => (await near.read([id]).catch(() => [HELD]))[0] !== HELD,
    );
    await kept(id);
    expect(await near.read([id])).toEqual([token]);
  });
});
