import { randomBytes } from 'node:crypto';
import { describe } from '@jest/globals';
import { type INestApplication } from '@nestjs/common';
import {
  type AlkeyModuleOptions,
  type CacheKeyService,
  GLOBAL_WRITE_TOKEN,
  TokenStore,
} from 'nestjs-alkey';
import { type Identifier } from '../../lib/core/identifiers/identifier.js';
import { until } from './redis-servers.js';
import { describeWith } from './suites.js';

/** Options that keep tokens and responses in this place, apart from everybody else's. */
export type StoreOptions = () => AlkeyModuleOptions;

/** Long enough for a busy machine; nothing in these suites is about being late. */
const PATIENT_MS = 5_000;
const MAX_AGE_MS = 1_000;
/** What a suite leaves in a Redis that others use as well is gone a minute later. */
const SHORT_LIFE_MS = 60_000;

/** Runs a suite with tokens in memory, with tokens in Redis, and with copies of these kept near. */
export function describeOnStores(
  title: string,
  body: (options: StoreOptions) => void,
): void {
  describe(`${title}, in memory`, () => {
    body(() => ({ redis: false }));
  });
  describeWith('REDIS_URL', `${title}, in Redis`, url =>
    body(() => inRedis(url)),
  );
  describeWith('REDIS_URL', `${title}, in Redis and near`, url =>
    body(() => ({ ...inRedis(url), near: { maxAgeMs: PATIENT_MS } })),
  );
}

/** A part of this Redis that nobody else uses. */
export function inRedis(redis: string): AlkeyModuleOptions {
  return {
    redis,
    namespace: `alkey-test-${randomBytes(6).toString('hex')}`,
    storeTimeoutMs: PATIENT_MS,
    tokenTtlMs: SHORT_LIFE_MS,
    ttlMs: SHORT_LIFE_MS,
  };
}

/** Where `startApp` keeps things unless it is told: in memory, in the project `near` as that asks for. */
export function storesByDefault(): AlkeyModuleOptions {
  const redis = redisOfNearTokens();
  return redis === undefined
    ? { redis: false }
    : { ...inRedis(redis), near: { maxAgeMs: MAX_AGE_MS } };
}

/** Waits until what is read is kept near, where `storesByDefault` asks for that. */
export async function nearTokensAreKept(app: INestApplication): Promise<void> {
  if (redisOfNearTokens() === undefined) return;
  const store = app.get(TokenStore);
  const everything = [GLOBAL_WRITE_TOKEN as Identifier];
  await until(async () => {
    await store.read(everything).catch(() => undefined);
    return store.peek(everything) !== undefined;
  });
}

/** As `near-environment.js` sets it. */
function redisOfNearTokens(): string | undefined {
  return (globalThis as { readonly redisOfNearTokens?: string })
    .redisOfNearTokens;
}

/** Waits until tokens are kept: the connection is made in the background. */
export async function storeAnswers(keys: CacheKeyService): Promise<void> {
  await until(
    async () =>
      (await keys.token('alkey:*#*')) === (await keys.token('alkey:*#*')),
  );
}
