import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createClient } from '@keyv/redis';
import { RECOVERY_MS } from '../../lib/core/tokens/recovery.js';
import {
  HELD,
  mintHolder,
  type Held,
  type Holder,
  type Token,
} from '../../lib/core/tokens/token.js';
import { type TokenStore } from '../../lib/core/tokens/token-store.js';
import { type OpenedRedis } from '../../lib/redis/open-redis.js';
import { unique } from '../contract/token-store.contract.js';
import {
  describeWithRedisServers,
  type RedisServer,
  startRedis,
  startRedisSentinel,
  until,
} from '../support/redis-servers.js';
import {
  connectedRedis,
  redisTokenStore,
  TEST_NAMESPACE,
} from '../support/redis-token-stores.js';

const holder = (): Holder => mintHolder(randomBytes);

/** What a read answers once nothing but a hold keeps it from answering a token; failures count as held. */
async function settled(
  store: TokenStore,
  id: ReturnType<typeof unique>,
): Promise<Token | Held> {
  const probe = unique();
  await until(() =>
    store.read([probe]).then(
      ([answer]) => answer !== HELD,
      () => false,
    ),
  );
  return (await store.read([id]))[0]!;
}

/** Writes what nobody needs until `isOver`. */
async function fill(
  client: Pick<ReturnType<typeof createClient>, 'sendCommand'>,
  isOver: () => Promise<boolean>,
): Promise<void> {
  const junk = 'x'.repeat(4_000);
  for (let round = 0; round < 400; round++) {
    for (let each = 0; each < 50; each++) {
      const key = `junk:${randomBytes(8).toString('hex')}`;
      await client.sendCommand(['SET', key, junk, 'PX', '3600000']);
      // Used as often as anything else.
      await client.sendCommand(['TOUCH', key, key, key, key]);
    }
    if (await isOver()) return;
  }
}

describeWithRedisServers('a Redis that loses what it acknowledged', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let server: RedisServer;
  const opened: OpenedRedis[] = [];

  beforeEach(async () => {
    redis = await startRedis();
    ({ server } = redis);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(each => each.close()));
    await redis.stop();
  });

  const connect = async (): Promise<TokenStore> => {
    const connection = await connectedRedis(server.url);
    opened.push(connection);
    return redisTokenStore(connection);
  };

  it('is trusted at once where nobody has used it before', async () => {
    const store = await connect();
    expect(await store.read([unique()])).toEqual([expect.any(String)]);
  });

  it('answers no token for half a second when Redis loses its data, and then new ones alone', async () => {
    const [store, other] = [await connect(), await connect()];
    const ids = Array.from({ length: 150 }, unique);
    const before = await store.read(ids);
    expect(await other.read(ids)).toEqual(before);
    await server.command('FLUSHALL');
    const flushedAt = performance.now();
    expect(await store.read(ids)).toEqual(ids.map(() => HELD));
    expect(await other.read(ids)).toEqual(ids.map(() => HELD));
    await settled(store, ids[0]!);
    expect(performance.now() - flushedAt).toBeGreaterThan(RECOVERY_MS - 20);
    const after = await store.read(ids);
    expect(new Set([...before, ...after]).size).toBe(300);
    expect(await other.read(ids)).toEqual(after);
  });

  it('takes the hold of a writer again before any token is trusted', async () => {
    const [writer, reader] = [await connect(), await connect()];
    const id = unique();
    const by = holder();
    const [before] = await reader.read([id]);
    await writer.hold([id], by, 30_000);
    await server.command('FLUSHALL');
    expect(await reader.read([id])).toEqual([HELD]);
    // As its announcement does every RENEWAL_MS.
    await writer.hold([id], by, 30_000);
    expect(await settled(reader, id)).toBe(HELD);
    await writer.release([id], by, 'changed');
    const [after] = await reader.read([id]);
    expect(after).not.toBe(HELD);
    expect(after).not.toBe(before);
  });

  it('brings no token back when Redis starts again from an old snapshot', async () => {
    const store = await connect();
    const [id, held, untouched] = [unique(), unique(), unique()];
    const by = holder();
    const before = await store.read([id, held, untouched]);
    await server.command('SAVE');
    await store.hold([id, held], by, 30_000);
    await store.release([id], by, 'changed');
    await server.kill();
    await server.restart();
    const [first, second] = [
      await settled(store, id),
      await store.read([held]),
    ];
    expect(await server.command('DBSIZE')).toBeGreaterThan(3);
    const [third] = await store.read([untouched]);
    for (const answer of [first, ...second, third]) {
      expect(before).not.toContain(answer);
      expect(answer).toEqual(expect.any(String));
    }
  });

  it('trusts no token right after its connection was lost', async () => {
    const store = await connect();
    const id = unique();
    const before = await store.read([id]);
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await until(() =>
      store.read([id]).then(
        ([answer]) => answer === HELD,
        () => false,
      ),
    );
    expect(await settled(store, id)).toBe(before[0]);
  });

  it.each([
    'allkeys-lru',
    'allkeys-lfu',
    'allkeys-random',
    'volatile-lru',
    'volatile-lfu',
    'volatile-random',
    'volatile-ttl',
  ])(
    'notices a hold that is gone when Redis evicts keys, by whatever policy: %s',
    async policy => {
      const [writer, reader] = [await connect(), await connect()];
      const client = createClient({ url: server.url });
      await client.connect();
      try {
        await client.configSet('maxmemory', '4mb');
        await client.configSet('maxmemory-policy', policy);
        const id = unique();
        const key = `${TEST_NAMESPACE}:${id.slice('alkey:'.length)}`;
        // Unlike EXISTS it does not count as a use.
        const isGone = async () => (await client.pTTL(key)) === -2;
        await reader.read([id]);
        await writer.hold([id], holder(), 30_000);
        await fill(client, isGone);
        expect(await isGone()).toBe(true);
        expect(await reader.read([id])).toEqual([HELD]);
        // Another writer that comes and goes does not end it.
        await writer.hold([id], holder(), 30_000);
        expect(await reader.read([id])).toEqual([HELD]);
      } finally {
        client.destroy();
      }
    },
  );

  it('takes announcements when Redis is full and evicts nothing', async () => {
    const [writer, reader] = [await connect(), await connect()];
    const client = createClient({ url: server.url });
    await client.connect();
    try {
      await client.configSet('maxmemory', '4mb');
      await client.configSet('maxmemory-policy', 'noeviction');
      const [id, other] = [unique(), unique()];
      const by = holder();
      const [before] = await reader.read([id]);
      await expect(fill(client, async () => false)).rejects.toThrow('OOM');
      await writer.hold([id, other], by, 30_000);
      expect(await reader.read([id])).toEqual([HELD]);
      await writer.release([id], by, 'changed');
      await writer.release([other], by, 'unchanged');
      await expect(reader.read([id])).rejects.toMatchObject({
        code: 'ALKEY_STORE_UNAVAILABLE',
      });
      await client.configSet('maxmemory', '0');
      expect((await reader.read([id]))[0]).not.toBe(before);
    } finally {
      client.destroy();
    }
  });
});

describeWithRedisServers(
  'a replica that takes over without the last writes',
  () => {
    it('brings no token back when Redis fails over to a replica that lacks the last writes', async () => {
      await using servers = await startRedisSentinel();
      const { master, replica, sentinel } = servers;
      const options = {
        name: 'alkey',
        sentinelRootNodes: [{ host: '127.0.0.1', port: sentinel.port }],
      };
      const opened = await connectedRedis(options);
      const store = redisTokenStore(opened);
      try {
        const [id, held] = [unique(), unique()];
        const by = holder();
        const before = await store.read([id, held]);
        const key = `${TEST_NAMESPACE}:${id.slice('alkey:'.length)}`;
        await until(async () => (await replica.command('EXISTS', key)) === 1);
        // The replica is shut out: from here on it learns nothing.
        const client = createClient({ url: master.url });
        await client.connect();
        await client.sendCommand(['CONFIG', 'SET', 'requirepass', 'secret']);
        await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'replica']);
        client.destroy();
        await store.hold([id, held], by, 60_000);
        await store.release([id], by, 'changed');
        const [changed] = await store.read([id]);
        expect(changed).not.toBe(before[0]);
        await master.kill();
        await until(
          async () =>
            String(await replica.command('INFO', 'replication')).includes(
              'role:master',
            ),
          30_000,
        );
        // What it knows is the token from before, and no hold.
        expect(String(await replica.command('GET', key))).toContain(
          String(before[0]),
        );
        await until(
          () =>
            store.hold([held], by, 60_000).then(
              () => true,
              () => sleep(50).then(() => false),
            ),
          30_000,
        );
        const answer = await settled(store, id);
        expect(answer).toEqual(expect.any(String));
        expect([...before, changed]).not.toContain(answer);
        expect(await store.read([held])).toEqual([HELD]);
      } finally {
        await opened.close();
      }
    }, 90_000);
  },
);
