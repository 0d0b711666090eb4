// https://docs.nestjs.com/techniques/caching
import KeyvRedis from '@keyv/redis';
import {
  CACHE_MANAGER,
  CacheInterceptor,
  CacheModule,
} from '@nestjs/cache-manager';
import {
  Controller,
  Get,
  Inject,
  Param,
  UseInterceptors,
} from '@nestjs/common';
import { type Cache } from 'cache-manager';
import { CacheableMemory } from 'cacheable';
import { Keyv } from 'keyv';
import { type Article, Articles } from '../articles.js';
import { ArticlesController } from '../articles-controller.js';
import { type Candidate, type Surroundings, TTL_MS } from '../candidate.js';

@Controller('articles')
class CacheManagerController extends ArticlesController {
  constructor(
    @Inject(Articles) articles: Articles,
    @Inject(CACHE_MANAGER) private readonly cache: Cache,
  ) {
    super(articles);
  }

  @Get(':id')
  @UseInterceptors(CacheInterceptor)
  one(@Param('id') id: string): Promise<Article> {
    return this.articles.load(Number(id));
  }

  protected override async invalidate(id: number): Promise<void> {
    await this.cache.del(`/articles/${id}`);
  }
}

export const openCacheManagerOnRedis = ({ redis }: Surroundings): Candidate =>
  candidate(() => new Keyv({ store: new KeyvRedis(redis) }));

export const openCacheManagerInMemory = (): Candidate =>
  candidate(() => new Keyv({ store: new CacheableMemory() }));

function candidate(openStore: () => Keyv): Candidate {
  return {
    imports: [
      CacheModule.registerAsync({
        useFactory: () => ({ ttl: TTL_MS, stores: [openStore()] }),
      }),
    ],
    controller: CacheManagerController,
  };
}
