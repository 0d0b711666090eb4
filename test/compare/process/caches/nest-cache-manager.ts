// https://docs.nestjs.com/techniques/caching
import KeyvRedis from '@keyv/redis';
import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import { NestFactory } from '@nestjs/core';
import { type Cache } from 'cache-manager';
import { CacheableMemory } from 'cacheable';
import { Keyv } from 'keyv';
import {
  type ComparedCache,
  openDatabase,
  type Surroundings,
  TTL_MS,
} from '../compared-cache.js';

export async function openNestCacheManager(
  around: Surroundings,
): Promise<ComparedCache> {
  const app = await NestFactory.createApplicationContext(
    CacheModule.registerAsync({
      useFactory: () => ({
        ttl: TTL_MS,
        stores: [
          // Nothing tells it of other processes' writes.
          ...(around.memory
            ? [new Keyv({ store: new CacheableMemory() })]
            : []),
          new Keyv({ store: new KeyvRedis(around.redis) }),
        ],
      }),
    }),
    { logger: ['error'] },
  );
  const cache = app.get<Cache>(CACHE_MANAGER);
  return {
    dataSource: await openDatabase(around.postgres),
    read: (id, load) => cache.wrap(`note:${id}`, load),
    invalidate: id => cache.del(`note:${id}`),
  };
}
