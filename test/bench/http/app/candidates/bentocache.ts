// https://bentocache.dev/docs/multi-tier
import { Controller, Get, Param } from '@nestjs/common';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import { type Article } from '../articles.js';
import { ArticlesController } from '../articles-controller.js';
import { type Candidate, type Surroundings, TTL_MS } from '../candidate.js';

export function openBentocache({ redis }: Surroundings): Candidate {
  const { hostname: host, port, pathname } = new URL(redis);
  const connection = {
    host,
    port: Number(port),
    db: Number(pathname.slice(1)),
  };
  const bento = new BentoCache({
    default: 'multitier',
    ttl: TTL_MS,
    stores: {
      multitier: bentostore()
        .useL1Layer(memoryDriver({ maxSize: '64mb' }))
        .useL2Layer(redisDriver({ connection }))
        .useBus(redisBusDriver({ connection })),
    },
  });

  @Controller('articles')
  class BentocacheController extends ArticlesController {
    @Get(':id')
    one(@Param('id') id: string): Promise<Article> {
      return bento.getOrSet({
        key: `article:${id}`,
        factory: () => this.articles.load(Number(id)),
      });
    }

    protected override async invalidate(id: number): Promise<void> {
      await bento.delete({ key: `article:${id}` });
    }
  }

  return { controller: BentocacheController };
}
