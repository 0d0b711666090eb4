import { Controller, Get, Param, type Type } from '@nestjs/common';
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

/** Finds out that the answer depends on a row and on the table of comments. */
@Controller('articles')
class RecordedController extends ArticlesController {
  @Get(':id')
  @CacheKeyed()
  one(@Param('id') id: string): Promise<Article> {
    return this.articles.load(Number(id));
  }
}

const NEAR = { maxAgeMs: 1000 };

export const openStrict = ({ redis }: Surroundings): Candidate =>
  candidate({ redis: patient(redis) });

export const openNear = ({ redis }: Surroundings): Candidate =>
  candidate({ redis: patient(redis), near: NEAR });

export const openMemory = (): Candidate => candidate({ redis: false });

export const openRecorded = ({ redis }: Surroundings): Candidate =>
  candidate({ redis: patient(redis) }, RecordedController);

export const openRecordedNear = ({ redis }: Surroundings): Candidate =>
  candidate({ redis: patient(redis), near: NEAR }, RecordedController);

function patient(url: string) {
  return { url, socket: { socketTimeout: PATIENCE_MS } };
}

function candidate(
  options: AlkeyModuleOptions,
  controller: Type = AlkeyController,
): Candidate {
  return {
    imports: [
      AlkeyModule.forRoot({
        ...options,
        ttlMs: TTL_MS,
        storeTimeoutMs: PATIENCE_MS,
      }),
    ],
    controller,
  };
}
