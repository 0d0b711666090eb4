// https://cacheable.org/docs/cacheable: "Tag Based Invalidation"
import KeyvRedis from '@keyv/redis';
import { Cacheable } from 'cacheable';
import {
  type ComparedCache,
  openDatabase,
  type Surroundings,
  TTL_MS,
} from '../compared-cache.js';

export async function openCacheable(
  around: Surroundings,
): Promise<ComparedCache> {
  const cache = new Cacheable({
    secondary: new KeyvRedis(around.redis),
    tags: true,
    ttl: TTL_MS,
  });
  return {
    dataSource: await openDatabase(around.postgres),
    // `getOrSet` takes no tags.
    async read(id, load) {
      const cached = await cache.get<string>(`note:${id}`);
      if (cached !== undefined) return cached;
      const text = await load();
      await cache.set(`note:${id}`, text, { tags: [tagOf(id)] });
      return text;
    },
    invalidate: id => cache.tags.invalidateTag(tagOf(id)),
  };
}

function tagOf(id: number): string {
  return `notes#${id}`;
}
