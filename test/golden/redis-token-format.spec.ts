import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createClient } from '@keyv/redis';
import { type Identifier } from '../../lib/core/identifiers/identifier.js';
import { chosenToken, HELD, type Holder } from '../../lib/core/tokens/token.js';
import { type OpenedRedis } from '../../lib/redis/open-redis.js';
import { type RedisTokenStore } from '../../lib/redis/redis-token-store.js';
import {
  connectedRedis,
  redisTokenStore,
  TEST_NAMESPACE,
} from '../support/redis-token-stores.js';
import { describeWith } from '../support/suites.js';

const FAR = 9_999_999_999_999;

// Processes of two versions share one Redis while a deploy is under way. A format that changes
// begins with another letter, so that the other version takes it for held instead of misreading it.
describeWith('REDIS_URL', 'the format of tokens in Redis', url => {
  const client = createClient({ url });
  let opened: OpenedRedis;
  let store: RedisTokenStore;
  let row = 0;
  let epoch = '';

  beforeAll(async () => {
    await client.connect();
    const info = await client.sendCommand(['INFO', 'replication']);
    epoch = /master_replid:(.{10})/.exec(String(info))![1]!;
    opened = await connectedRedis(url);
    store = redisTokenStore(opened, { tokenTtlMs: 60_000 });
  });
  afterAll(async () => {
    client.destroy();
    await opened.close();
  });

  const place = () => {
    const name = `golden-${randomBytes(6).toString('hex')}#${++row}`;
    return {
      id: `alkey:${name}` as Identifier,
      key: `${TEST_NAMESPACE}:${name}`,
    };
  };
  const [ann, bob] = ['ann', 'bob'] as Holder[];

  it("is `T`, the beginning of the server's replication ID, and the token", async () => {
    const { id, key } = place();
    await store.write(id, chosenToken('t;é:\n'));
    expect(await client.get(key)).toBe(`T${epoch}:t;é:\n`);
    expect(await client.pTTL(key)).toBeGreaterThan(59_000);
    expect(await client.pTTL(key)).toBeLessThanOrEqual(60_000);
  });

  it('ends in 96 bits in base64url where the token was minted', async () => {
    const { id, key } = place();
    const [token] = await store.read([id]);
    expect(token).toMatch(/^[\w-]{16}$/);
    expect(await client.get(key)).toBe(`T${epoch}:${String(token)}`);
  });

  it('is `H`, the token from before, and each hold with its deadline', async () => {
    const { id, key } = place();
    await store.write(id, chosenToken('clé'));
    const earliest = (await redisNowMs()) + 20_000;
    await store.hold([id], ann!, 20_000);
    await store.hold([id], bob!, 10_000);
    const latest = (await redisNowMs()) + 20_000;
    const value = (await client.get(key)) ?? '';
    expect(value.replaceAll(/\d{13}/g, '<deadline>')).toBe(
      `H15:${epoch}:clé;<deadline>@3:ann;<deadline>@3:bob;`,
    );
    const [ofAnn, ofBob] = value.match(/\d{13}/g)!.map(Number);
    expect(ofAnn).toBeGreaterThanOrEqual(earliest);
    expect(ofAnn).toBeLessThanOrEqual(latest);
    expect(ofAnn! - ofBob!).toBeGreaterThan(0);
    // The key goes with the latest deadline, which is not the last one.
    const ttlMs = await client.pTTL(key);
    expect(ttlMs).toBeGreaterThan(10_000);
    expect(ttlMs).toBeLessThanOrEqual(20_000);
  });

  it('has `-` in place of the token from before where there is none', async () => {
    const { id, key } = place();
    await store.hold([id], ann!, 20_000);
    expect(await client.get(key)).toMatch(/^H-;\d{13}@3:ann;$/);
    await store.write(id, chosenToken('x'));
    expect(await client.get(key)).toMatch(
      new RegExp(`^H12:${epoch}:x;\\d{13}@3:ann;$`),
    );
    await store.replace([id]);
    expect(await client.get(key)).toMatch(/^H-;\d{13}@3:ann;$/);
  });

  it('is read as it was written by a process before this one', async () => {
    const { id, key } = place();
    await client.set(key, `H14:${epoch}:a;b;${FAR}@3:ann;${FAR - 1}@3:bob;`);
    expect(await store.read([id])).toEqual([HELD]);
    await store.release([id], ann!, 'unchanged');
    expect(await client.get(key)).toBe(`H14:${epoch}:a;b;${FAR - 1}@3:bob;`);
    await store.release([id], bob!, 'unchanged');
    expect(await client.get(key)).toBe(`T${epoch}:a;b`);
    expect(await store.read([id])).toEqual(['a;b']);
  });

  it('leaves nothing behind after a change', async () => {
    const { id, key } = place();
    await store.read([id]);
    await store.hold([id], ann!, 20_000);
    await store.release([id], ann!, 'changed');
    expect(await client.exists(key)).toBe(0);
    await store.read([id]);
    await store.replace([id]);
    expect(await client.exists(key)).toBe(0);
  });

  it.each([
    'x',
    'Tx',
    'H',
    'H3:ab;',
    'H-;12@',
    'H-;12@3:ann',
    't1',
    'h-;',
    '',
    `H-;${FAR}@9:ann;`,
  ])(
    'is held until it expires where it is of another version: %j',
    async value => {
      const { id, key } = place();
      await client.set(key, value, { PX: 60_000 });
      expect(await store.read([id])).toEqual([HELD]);
      expect(await client.get(key)).toBe(value);
      await client.persist(key);
      expect(await store.read([id])).toEqual([expect.any(String)]);
    },
  );

  it('has a ledger of what is held until when, and of since when it is complete', async () => {
    const ledger = `${TEST_NAMESPACE}:@holds`;
    const { id, key } = place();
    await store.read([id]);
    await store.hold([id], ann!, 20_000);
    const [deadline] = /\d{13}/.exec((await client.get(key)) ?? '')!;
    expect(await client.zScore(ledger, key)).toBe(Number(deadline));
    const [mark, ...others] = await client.zRangeByScoreWithScores(
      ledger,
      '-inf',
      '(0',
    );
    expect(others).toEqual([]);
    expect(mark?.value).toBe(`@${epoch}`);
    expect(-mark!.score).toBeGreaterThan(1_600_000_000_000);
    expect(-mark!.score).toBeLessThanOrEqual(await redisNowMs());
    expect(await client.pTTL(ledger)).toBeGreaterThan(3_590_000);
    await store.release([id], ann!, 'changed');
    expect(await client.zScore(ledger, key)).toBeNull();
  });

  async function redisNowMs(): Promise<number> {
    const [seconds, microseconds] = (await client.sendCommand([
      'TIME',
    ])) as unknown as [string, string];
    return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
  }
});
