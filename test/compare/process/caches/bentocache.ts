// https://bentocache.dev/docs/multi-tier and https://bentocache.dev/docs/tagging
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import {
  type ComparedCache,
  openDatabase,
  type Surroundings,
  TTL_MS,
} from '../compared-cache.js';

export async function openBentocache(
  around: Surroundings,
): Promise<ComparedCache> {
  const bento = new BentoCache({
    default: 'multitier',
    ttl: TTL_MS,
    stores: {
      multitier: bentostore()
        .useL1Layer(memoryDriver({ maxSize: '10mb' }))
        .useL2Layer(redisDriver({ connection: addressOf(around.redis) }))
        .useBus(redisBusDriver({ connection: addressOf(around.bus) })),
    },
  });
  return {
    dataSource: await openDatabase(around.postgres),
    read: (id, load) =>
      bento.getOrSet({ key: `note:${id}`, factory: load, tags: [tagOf(id)] }),
    invalidate: id => bento.deleteByTag({ tags: [tagOf(id)] }),
  };
}

function tagOf(id: number): string {
  return `notes#${id}`;
}

function addressOf(url: string): {
  readonly host: string;
  readonly port: number;
} {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
