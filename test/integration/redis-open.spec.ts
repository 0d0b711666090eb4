import { randomBytes } from 'node:crypto';
import { afterEach, expect, it } from '@jest/globals';
import KeyvRedis, { createClient } from '@keyv/redis';
import { type OpenedRedis, openRedis } from '../../lib/redis/open-redis.js';
import { mintHolder, HELD } from '../../lib/core/tokens/token.js';
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
import { describeWith } from '../support/suites.js';

async function works(opened: OpenedRedis): Promise<boolean> {
  const store = redisTokenStore(opened);
  const id = unique();
  const before = await store.read([id, id]);
  const by = mintHolder(randomBytes);
  await store.hold([id], by, 10_000);
  const held = await store.read([id]);
  await store.release([id], by, 'unchanged');
  const after = await store.read([id, id]);
  return held[0] === HELD && before[0] === before[1] && after[0] === before[0];
}

describeWith('REDIS_URL', 'openRedis', url => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  it('opens a URL, and closes what it opened', async () => {
    const opened = await connectedRedis(url);
    expect(opened.ownsClient).toBe(true);
    expect(await works(opened)).toBe(true);
    await opened.close();
    expect(opened.client.isOpen).toBe(false);
  });

  it('opens options of a client, and leaves them as they were', async () => {
    const options = { url, socket: { connectTimeout: 2_000 } };
    const given = structuredClone(options);
    const opened = await connectedRedis(options);
    closing.push(() => opened.close());
    expect(await works(opened)).toBe(true);
    expect(options).toEqual(given);
  });

  it('takes a connected client, and leaves it open', async () => {
    const client = createClient({ url });
    client.on('error', () => undefined);
    await client.connect();
    closing.push(() => client.destroy());
    const opened = await connectedRedis(client);
    expect(await works(opened)).toBe(true);
    expect(opened.ownsClient).toBe(false);
    expect(client.listenerCount('error')).toBe(1);
    await opened.close();
    expect(client.isReady).toBe(true);
  });

  it('takes a client that speaks RESP 3 and decodes text as bytes', async () => {
    const client = createClient({
      url,
      RESP: 3,
      commandOptions: { typeMapping: { 36: Buffer } },
    });
    await client.connect();
    closing.push(() => client.destroy());
    expect(await works(await connectedRedis(client))).toBe(true);
  });

  it('takes a KeyvRedis that has not connected yet, and leaves it open', async () => {
    const keyv = new KeyvRedis<string>(url);
    closing.push(() => keyv.disconnect(true));
    const opened = await connectedRedis(keyv);
    expect(opened.client).toBe(keyv.client);
    expect(await works(opened)).toBe(true);
    await opened.close();
    expect(keyv.client.isOpen).toBe(true);
  });

  it('refuses a KeyvRedis without a client of node-redis', () => {
    const keyv = { client: {}, getClient: () => Promise.resolve() };
    expect(() => openRedis(keyv, { onError: () => undefined })).toThrow(
      'Expected a client of node-redis.',
    );
  });
});

describeWithRedisServers(
  'openRedis, for a client without error listener',
  () => {
    it('hears the errors that would end the process', async () => {
      const redis = await startRedis();
      const client = createClient({ url: redis.server.url });
      await client.connect();
      const errors: unknown[] = [];
      const opened = openRedis(client, {
        onError: error => errors.push(error),
      });
      try {
        await redis.server.kill();
        await until(() => errors.length > 0);
        await expect(opened.commands.reach(['a'])).rejects.toThrow(
          'The client has no connection to Redis at the moment.',
        );
      } finally {
        client.destroy();
        await redis.stop();
      }
    });
  },
);
