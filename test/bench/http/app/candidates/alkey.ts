import { Controller, Get, Param } from '@nestjs/common';
import {
  AlkeyModule,
  type AlkeyModuleOptions,
  CacheKeyed,
  rowOf,
} from 'nestjs-alkey';
import { type Article, ARTICLES } from '../articles.js';
import { ArticlesController } from '../articles-controller.js';
import { type Candidate, type Surroundings, TTL_MS } from '../candidate.js';

// A busy machine is no Redis that is away.
const PATIENCE_MS = 10_000;

@Controller('articles')
class AlkeyController extends ArticlesController {
  @Get(':id')
  @CacheKeyed(rowOf(ARTICLES, 'id'))
  one(@Param('id') id: string): Promise<Article> {
    return this.articles.load(Number(id));
  }
}

export const openStrict = ({ redis }: Surroundings): Candidate =>
  candidate({ redis: patient(redis) });

export const openNear = ({ redis }: Surroundings): Candidate =>
  candidate({ redis: patient(redis), near: { maxAgeMs: 1000 } });

export const openMemory = (): Candidate => candidate({ redis: false });

function patient(url: string) {
  return { url, socket: { socketTimeout: PATIENCE_MS } };
}

function candidate(options: AlkeyModuleOptions): Candidate {
  return {
    imports: [
      AlkeyModule.forRoot({
        ...options,
        ttlMs: TTL_MS,
        storeTimeoutMs: PATIENCE_MS,
      }),
    ],
    controller: AlkeyController,
  };
}
