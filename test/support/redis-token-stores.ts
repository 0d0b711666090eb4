import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  openRedis,
  type OpenedRedis,
  type RedisOption,
} from '../../lib/redis/open-redis.js';
import { RedisTokenStore } from '../../lib/redis/redis-token-store.js';
import { type StoreUnderTest } from '../contract/token-store.contract.js';
import { until } from './redis-servers.js';

export const TEST_NAMESPACE = 'alkey-test';

/** A connection that answers already; errors that follow are the test's own doing. */
export async function connectedRedis(redis: RedisOption): Promise<OpenedRedis> {
  const opened = openRedis(redis, { onError: () => undefined });
  try {
    await until(() => answers(opened));
  } catch (error) {
    await opened.close();
    throw error;
  }
  return opened;
}

/** Whether Redis answers; on a cluster, the nodes of some keys of different slots. */
export async function answers({ commands }: OpenedRedis): Promise<boolean> {
  try {
    await commands.reach(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    return true;
  } catch {
    return false;
  }
}

export function redisTokenStore(
  { commands }: OpenedRedis,
  { tokenTtlMs = 60_000 } = {},
): RedisTokenStore {
  return new RedisTokenStore({
    commands,
    namespace: TEST_NAMESPACE,
    randomBytes,
    tokenTtlMs,
    clock: () => performance.now(),
  });
}

/** Two processes' worth of stores, for the contract. */
export async function redisStoresUnderTest(
  redis: RedisOption,
  options: { readonly tokenTtlMs: number },
): Promise<StoreUnderTest> {
  const opened = await Promise.all([
    connectedRedis(redis),
    connectedRedis(redis),
  ]);
  return {
    store: redisTokenStore(opened[0], options),
    other: redisTokenStore(opened[1], options),
    // Redis ends a life some milliseconds late, never early.
    elapse: ms => sleep(ms + 30),
    close: async () => {
      await Promise.all(opened.map(each => each.close()));
    },
  };
}
