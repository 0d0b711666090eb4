import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createClient } from '@keyv/redis';
import * as fc from 'fast-check';
import { mintHolder } from '../../lib/core/tokens/token.js';
import { type OpenedRedis } from '../../lib/redis/open-redis.js';
import { unique } from '../contract/token-store.contract.js';
import {
  describeWithRedisServers,
  startRedis,
} from '../support/redis-servers.js';
import {
  connectedRedis,
  redisTokenStore,
} from '../support/redis-token-stores.js';
import { SlowProxy } from '../support/slow-proxy.js';

const holder = () => mintHolder(randomBytes);
const many = (length: number) => Array.from({ length }, unique);

describeWithRedisServers('the round trips of RedisTokenStore', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let proxy: SlowProxy;
  let opened: OpenedRedis;
  let direct: OpenedRedis;

  beforeAll(async () => {
    redis = await startRedis();
    proxy = await SlowProxy.open(redis.server.port, 250);
    // A client of its own: the pings of ours would count.
    const client = createClient({ url: `redis://127.0.0.1:${proxy.port}` });
    opened = await connectedRedis(client);
    direct = await connectedRedis(redis.server.url);
  });

  afterAll(async () => {
    opened.client.destroy();
    await direct.close();
    await proxy.close();
    await redis.stop();
  });

  it('are one for a cold read, with scripts that the server does not know', async () => {
    await redis.server.command('SCRIPT', 'FLUSH');
    const store = redisTokenStore(opened);
    expect(await proxy.count(() => store.read(many(10)))).toBe(1);
  });

  it('are one for a hot read, which is one MGET', async () => {
    const store = redisTokenStore(opened);
    const ids = many(10);
    await store.read(ids);
    await redis.server.command('CONFIG', 'RESETSTAT');
    expect(await proxy.count(() => store.read(ids))).toBe(1);
    const calls = String(await redis.server.command('INFO', 'commandstats'));
    expect(calls).toMatch(/cmdstat_mget:calls=1,/);
    expect(calls).not.toMatch(/cmdstat_(get|evalsha|eval|set)\b/);
  });

  it('are one MGET of each key once for the hot reads of one turn', async () => {
    const store = redisTokenStore(opened);
    const ids = many(10);
    const tokens = await store.read(ids);
    await redis.server.command('CONFIG', 'RESETSTAT');
    const reads = () =>
      Promise.all([
        store.read(ids),
        store.read(ids.toReversed()),
        store.read(ids.slice(3, 5)),
      ]);
    expect(await proxy.count(reads)).toBe(1);
    expect(await reads()).toEqual([
      tokens,
      tokens.toReversed(),
      tokens.slice(3, 5),
    ]);
    const stats = String(await redis.server.command('INFO', 'stats'));
    expect(stats).toMatch(/keyspace_hits:20\r/);
    const calls = String(await redis.server.command('INFO', 'commandstats'));
    expect(calls).toMatch(/cmdstat_mget:calls=2,/);
  });

  it('bring each identifier its own token, whatever is read together', async () => {
    const store = redisTokenStore(direct);
    const ids = many(6);
    const tokens = await store.read(ids);
    const places = fc.uniqueArray(fc.nat({ max: 5 }), { minLength: 1 });
    const turn = fc.array(places, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(turn, async reads => {
        const answers = await Promise.all(
          reads.map(read => store.read(read.map(place => ids[place]!))),
        );
        expect(answers).toEqual(
          reads.map(read => read.map(place => tokens[place])),
        );
      }),
    );
  });

  it('are one for a read of which one half is hot', async () => {
    const store = redisTokenStore(opened);
    const [hot, cold] = [many(10), many(10)];
    await store.read(hot);
    expect(await proxy.count(() => store.read([...cold, ...hot]))).toBe(1);
  });

  it('are one for a read after a change of this process', async () => {
    const store = redisTokenStore(opened);
    const ids = many(10);
    const by = holder();
    await store.read(ids);
    await store.hold(ids, by, 30_000);
    await store.release(ids, by, 'changed');
    expect(await proxy.count(() => store.read(ids))).toBe(1);
  });

  it('are two for the first read after a change of another process', async () => {
    const store = redisTokenStore(opened);
    const ids = many(10);
    await store.read(ids);
    await redisTokenStore(direct).replace(ids.slice(0, 3));
    expect(await proxy.count(() => store.read(ids))).toBe(2);
    expect(await proxy.count(() => store.read(ids))).toBe(1);
  });

  it.each([1, 10, 1_500])('are one for each operation on %d', async count => {
    const store = redisTokenStore(opened);
    const ids = many(count);
    const by = holder();
    expect(await proxy.count(() => store.read(ids))).toBe(1);
    expect(await proxy.count(() => store.read(ids))).toBe(1);
    expect(await proxy.count(() => store.hold(ids, by, 30_000))).toBe(1);
    expect(await proxy.count(() => store.read(ids))).toBe(1);
    expect(await proxy.count(() => store.release(ids, by, 'changed'))).toBe(1);
    expect(await proxy.count(() => store.replace(ids))).toBe(1);
  });
});
