// The reads of `KeyedReadsController` once more, where nothing says what they depend on.
import {
  Controller,
  Get,
  Inject,
  Param,
  ParseIntPipe,
  Res,
  UseInterceptors,
} from '@nestjs/common';
import { CacheKeyed, CacheKeyService, SkipCacheKeyed } from 'nestjs-alkey';
import { type Versions } from './entities.js';
import { type Headers } from './headers.js';
import { QueryHits } from './query-hits.js';
import { CachedReads, Reads } from './reads.js';

abstract class UnnamedReads {
  constructor(protected readonly reads: Reads) {}

  @Get('items')
  items(): Promise<Versions> {
    return this.reads.items();
  }

  @Get(['items/:id', 'cards/:id'])
  item(@Param('id', ParseIntPipe) id: number): Promise<Versions> {
    return this.reads.item(id);
  }

  @Get('pairs/:first/:second')
  pair(
    @Param('first', ParseIntPipe) left: number,
    @Param('second', ParseIntPipe) right: number,
  ): Promise<Versions> {
    return this.reads.pair(left, right);
  }

  @Get('blinks')
  blinks(): Promise<Versions> {
    return this.reads.blinks();
  }

  @Get('blinks/:id')
  blink(@Param('id', ParseIntPipe) id: number): Promise<Versions> {
    return this.reads.blink(id);
  }

  @Get('all')
  async all(): Promise<Versions> {
    return { ...(await this.reads.blinks()), ...(await this.reads.items()) };
  }
}

/** Answers are kept until what their handlers read is written. */
abstract class Recorded extends UnnamedReads {
  constructor(
    reads: Reads,
    private readonly keys: CacheKeyService,
  ) {
    super(reads);
  }

  @Get('items/:id')
  override item(@Param('id', ParseIntPipe) id: number): Promise<Versions> {
    return super.item(id);
  }

  /** A value of `wrap` whose parts name nothing. */
  @Get('cards/:id')
  @SkipCacheKeyed()
  async card(
    @Param('id', ParseIntPipe) id: number,
    @Res({ passthrough: true }) response: Headers,
  ): Promise<Versions> {
    let isHit = true;
    const card = await this.keys.wrap([this.constructor.name, id], () => {
      isHit = false;
      return this.reads.item(id);
    });
    response.setHeader('Cache-Status', isHit ? 'wrap; hit' : 'wrap; fwd=miss');
    return card;
  }
}

@Controller('recorded')
@CacheKeyed()
export class RecordedReadsController extends Recorded {
  constructor(
    @Inject(Reads) reads: Reads,
    @Inject(CacheKeyService) keys: CacheKeyService,
  ) {
    super(reads, keys);
  }
}

@Controller('recorded-queries')
@CacheKeyed()
export class RecordedQueriesController extends Recorded {
  constructor(
    @Inject(CachedReads) reads: Reads,
    @Inject(CacheKeyService) keys: CacheKeyService,
  ) {
    super(reads, keys);
  }
}

/** Nothing is cached but the queries. */
@Controller('queries')
@UseInterceptors(QueryHits)
export class QueriesController extends UnnamedReads {
  constructor(@Inject(CachedReads) reads: Reads) {
    super(reads);
  }
}
