import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createCluster, type RedisClusterOptions } from '@keyv/redis';
import { mintHolder } from '../../lib/core/tokens/token.js';
import { TokenStoreError } from '../../lib/core/tokens/token-store-error.js';
import { type OpenedRedis } from '../../lib/redis/open-redis.js';
import {
  tokenStoreContract,
  unique,
} from '../contract/token-store.contract.js';
import {
  describeWithRedisServers,
  startRedisCluster,
  until,
  type RedisServers,
} from '../support/redis-servers.js';
import {
  answers,
  connectedRedis,
  redisStoresUnderTest,
  redisTokenStore,
} from '../support/redis-token-stores.js';

const RECOVERY_MS = 3_000;

describeWithRedisServers('on a cluster', () => {
  let cluster: RedisServers;
  let opened: OpenedRedis;
  const options = (): RedisClusterOptions => ({
    rootNodes: cluster.servers.map(({ url }) => ({ url })),
  });

  beforeAll(async () => {
    cluster = await startRedisCluster();
    opened = await connectedRedis(options());
  }, 60_000);

  afterAll(async () => {
    await opened.close();
    await cluster.stop();
  });

  tokenStoreContract('RedisTokenStore on a cluster', settings =>
    redisStoresUnderTest(options(), settings),
  );

  it('spreads identifiers over all nodes', async () => {
    await redisTokenStore(opened).read(Array.from({ length: 100 }, unique));
    for (const server of cluster.servers) {
      expect(await server.command('DBSIZE')).toBeGreaterThan(0);
    }
  });

  it('reads what is hot by one GET each, and changes nothing by it', async () => {
    const store = redisTokenStore(opened);
    const ids = Array.from({ length: 30 }, unique);
    const before = await store.read(ids);
    for (const server of cluster.servers) {
      await server.command('CONFIG', 'RESETSTAT');
    }
    expect(await store.read(ids)).toEqual(before);
    let gets = 0;
    for (const server of cluster.servers) {
      const stats = String(await server.command('INFO', 'commandstats'));
      gets += Number(/cmdstat_get:calls=(\d+)/.exec(stats)?.[1] ?? 0);
      expect(stats).not.toMatch(/cmdstat_(mget|eval|evalsha|set|pexpire):/);
    }
    expect(gets).toBe(30);
  });

  it('works with a cluster that is handed in, and leaves it open', async () => {
    const client = createCluster(options());
    client.on('error', () => undefined);
    await client.connect();
    try {
      const handedIn = await connectedRedis(client);
      expect(handedIn.ownsClient).toBe(false);
      const ids = Array.from({ length: 30 }, unique);
      const tokens = await redisTokenStore(handedIn).read(ids);
      expect(await redisTokenStore(opened).read(ids)).toEqual(tokens);
      await handedIn.close();
      expect(client.isOpen).toBe(true);
    } finally {
      client.destroy();
    }
  });

  it('is used again when a node that was killed is back, with new tokens', async () => {
    const [node] = cluster.servers;
    const store = redisTokenStore(opened);
    const ids = Array.from({ length: 60 }, unique);
    const before = await store.read(ids);
    await node!.kill();
    await until(async () => !(await answers(opened)));
    await expect(
      store.hold(ids, mintHolder(randomBytes), 1_000),
    ).rejects.toThrow(TokenStoreError);
    await node!.restart();
    await until(
      () =>
        store.read(ids).then(
          tokens => tokens.every(token => typeof token === 'string'),
          () => false,
        ),
      RECOVERY_MS,
    );
    const after = await store.read(ids);
    const isSame = after.map((token, index) => token === before[index]);
    expect(isSame).toContain(false);
  });
});

describeWithRedisServers('on a cluster that fails over', () => {
  it('follows the slots to another node though the old one is gone', async () => {
    const cluster = await startRedisCluster('spare');
    const opened = await connectedRedis({
      rootNodes: cluster.servers.map(({ url }) => ({ url })),
    });
    try {
      const store = redisTokenStore(opened);
      const ids = Array.from({ length: 60 }, unique);
      await store.read(ids);
      const isThere = () =>
        store.read(ids).then(
          () => true,
          () => false,
        );
      await cluster.servers[0]!.kill();
      await until(async () => !(await isThere()));
      await until(isThere, 30_000);
      expect(await store.read(ids)).not.toContain(undefined);
    } finally {
      await opened.close();
      await cluster.stop();
    }
  }, 90_000);
});
