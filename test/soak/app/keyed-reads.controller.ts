import {
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Param,
  ParseIntPipe,
  Res,
} from '@nestjs/common';
import {
  CacheKeyed,
  CacheKeyService,
  GLOBAL_WRITE_TOKEN,
  row,
  rowOf,
} from 'nestjs-alkey';
import { Blink, Item, Note, type Versions } from './entities.js';
import { type Headers } from './headers.js';
import { Reads } from './reads.js';

function second(context: ExecutionContext): number {
  const { params } = context
    .switchToHttp()
    .getRequest<{ readonly params: Readonly<Record<string, string>> }>();
  return Number(params['second']);
}

/** Reads, cached by every kind of ref. */
@Controller('keyed')
export class KeyedReadsController {
  constructor(
    @Inject(Reads) private readonly reads: Reads,
    @Inject(CacheKeyService) private readonly keys: CacheKeyService,
  ) {}

  @Get('items')
  @CacheKeyed(Item)
  items(): Promise<Versions> {
    return this.reads.items();
  }

  @Get('items/:id')
  @CacheKeyed(rowOf(Item, 'id'))
  item(@Param('id', ParseIntPipe) id: number): Promise<Versions> {
    return this.reads.item(id);
  }

  @Get('pairs/:first/:second')
  @CacheKeyed(rowOf(Item, 'first'), context => [
    row(Item, second(context)),
    row(Note, second(context)),
  ])
  pair(
    @Param('first', ParseIntPipe) left: number,
    @Param('second', ParseIntPipe) right: number,
  ): Promise<Versions> {
    return this.reads.pair(left, right);
  }

  @Get('cards/:id')
  async card(
    @Param('id', ParseIntPipe) id: number,
    @Res({ passthrough: true }) response: Headers,
  ): Promise<Versions> {
    let isHit = true;
    const card = await this.keys.wrap([row(Item, id), 'card'], () => {
      isHit = false;
      return this.reads.item(id);
    });
    response.setHeader('Cache-Status', isHit ? 'wrap; hit' : 'wrap; fwd=miss');
    return card;
  }

  @Get('blinks')
  @CacheKeyed(Blink)
  blinks(): Promise<Versions> {
    return this.reads.blinks();
  }

  @Get('blinks/:id')
  @CacheKeyed(rowOf(Blink, 'id'))
  blink(@Param('id', ParseIntPipe) id: number): Promise<Versions> {
    return this.reads.blink(id);
  }

  @Get('all')
  @CacheKeyed(GLOBAL_WRITE_TOKEN)
  async all(): Promise<Versions> {
    return { ...(await this.reads.blinks()), ...(await this.reads.items()) };
  }
}
