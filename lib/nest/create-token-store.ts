import { randomBytes } from 'node:crypto';
import { AlkeyError, describeValue } from '../core/errors.js';
import { GuardedTokenStore } from '../core/tokens/guarded-token-store.js';
import { MemoryTokenStore } from '../core/tokens/memory-token-store.js';
import { NearTokenStore } from '../core/tokens/near-token-store.js';
import { systemClock, systemTimers } from '../core/tokens/timers.js';
import { type TokenStore } from '../core/tokens/token-store.js';
import { type OpenedRedis } from '../redis/open-redis.js';
import { RedisTokenChanges } from '../redis/redis-token-changes.js';
import { RedisTokenStore } from '../redis/redis-token-store.js';
import { type ResolvedOptions } from './alkey.options.js';
import { type StoreLog } from './store-log.js';

/** Tokens kept in memory where there is no Redis; one that goes makes its readers miss once. */
const MAX_TOKENS_IN_MEMORY = 100_000;

/**
 * Where the application's tokens live.
 *
 * @throws AlkeyError `ALKEY_INVALID_OPTION` where near tokens are asked for and no one Redis server
 * could tell of their changes
 */
export function createTokenStore(
  options: ResolvedOptions,
  redis: OpenedRedis | undefined,
  log: StoreLog,
): TokenStore {
  const { namespace, near, storeTimeoutMs, tokenTtlMs } = options;
  if (!redis) {
    if (near) throw nearWithout('Redis', near);
    const maxTokens = MAX_TOKENS_IN_MEMORY;
    return new MemoryTokenStore({
      clock: systemClock,
      randomBytes,
      tokenTtlMs,
      maxTokens,
    });
  }
  const { commands } = redis;
  const far = new RedisTokenStore({
    commands,
    namespace,
    randomBytes,
    tokenTtlMs,
    clock: systemClock,
  });
  return new GuardedTokenStore({
    store: near ? nearStore(far, near.maxAgeMs, redis, options, log) : far,
    storeTimeoutMs,
    clock: systemClock,
    timers: systemTimers,
    onEvent: event => log.tokenStore(event),
  });
}

function nearStore(
  store: TokenStore,
  maxAgeMs: number,
  redis: OpenedRedis,
  { namespace, near }: ResolvedOptions,
  log: StoreLog,
): TokenStore {
  const client = redis.invalidations();
  if (!client) throw nearWithout('one Redis server', near);
  return new NearTokenStore({
    store,
    maxAgeMs,
    clock: systemClock,
    listen: listener =>
      new RedisTokenChanges({
        client,
        namespace,
        listener,
        onError: error => log.connectionFailed(error),
      }),
  });
}

function nearWithout(what: string, near: unknown): AlkeyError {
  return new AlkeyError(
    'ALKEY_INVALID_OPTION',
    `Expected \`near\` to be false without ${what} that tells which tokens change, got ${describeValue(near)}.`,
  );
}
