import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createSentinel } from '@keyv/redis';
import { HELD } from '../../lib/core/tokens/token.js';
import { TokenStoreError } from '../../lib/core/tokens/token-store-error.js';
import {
  type OpenedRedis,
  type RedisSentinelOptions,
} from '../../lib/redis/open-redis.js';
import {
  tokenStoreContract,
  unique,
} from '../contract/token-store.contract.js';
import {
  describeWithRedisServers,
  startRedisSentinel,
  until,
  type SentinelServers,
} from '../support/redis-servers.js';
import {
  connectedRedis,
  redisStoresUnderTest,
  redisTokenStore,
} from '../support/redis-token-stores.js';
import { SlowProxy } from '../support/slow-proxy.js';

describeWithRedisServers('behind sentinels', () => {
  let servers: SentinelServers;
  let opened: OpenedRedis;
  const options = (): RedisSentinelOptions => ({
    name: 'alkey',
    sentinelRootNodes: [{ host: '127.0.0.1', port: servers.sentinel.port }],
  });

  beforeAll(async () => {
    servers = await startRedisSentinel();
    opened = await connectedRedis(options());
  }, 60_000);

  afterAll(async () => {
    await opened.close();
    await servers.stop();
  });

  tokenStoreContract('RedisTokenStore behind sentinels', settings =>
    redisStoresUnderTest(options(), settings),
  );

  it.each([
    ['opened here', true],
    ['handed in', false],
  ])(
    'takes one round trip for many identifiers, by a client %s',
    async (_how, isOwn) => {
      const proxy = await SlowProxy.open(servers.master.port);
      const throughProxy: RedisSentinelOptions = {
        ...options(),
        nodeAddressMap: {
          [`127.0.0.1:${servers.master.port}`]: {
            host: '127.0.0.1',
            port: proxy.port,
          },
        },
        nodeClientOptions: { pingInterval: 0, socket: { socketTimeout: 0 } },
      };
      const client = isOwn ? throughProxy : createSentinel(throughProxy);
      const slow = await connectedRedis(client);
      try {
        const store = redisTokenStore(slow);
        const ids = Array.from({ length: 20 }, unique);
        await store.read([unique()]);
        expect(await proxy.count(() => store.read(ids))).toBe(1);
        expect(
          await proxy.count(() =>
            Promise.all([
              store.read(ids),
              store.read(ids),
              store.read([unique()]),
            ]),
          ),
        ).toBe(1);
      } finally {
        await slow.client.destroy();
        await proxy.close();
      }
    },
  );

  it('follows the master when it fails over, and hangs no call meanwhile', async () => {
    const store = redisTokenStore(opened);
    const ids = [unique(), unique()];
    await store.read(ids);
    await servers.master.kill();
    const giveUpAt = Date.now() + 60_000;
    let failures = 0;
    for (;;) {
      const started = performance.now();
      const isThere = await store.read(ids).then(
        answers => !answers.includes(HELD),
        (error: unknown) => {
          expect(error).toBeInstanceOf(TokenStoreError);
          return false;
        },
      );
      expect(performance.now() - started).toBeLessThan(4_000);
      if (isThere) break;
      failures += 1;
      expect(Date.now()).toBeLessThan(giveUpAt);
      await sleep(50);
    }
    expect(failures).toBeGreaterThan(0);
    await until(async () =>
      String(await servers.replica.command('INFO', 'replication')).includes(
        'role:master',
      ),
    );
    expect(await store.read(ids)).toEqual([
      expect.any(String),
      expect.any(String),
    ]);
  }, 90_000);
});
