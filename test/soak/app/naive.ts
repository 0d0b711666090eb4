// The same reads and writes without Alkey: what is answered is put into Redis under a key of its own,
// and whoever writes deletes the keys after the commit.
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Param,
  ParseIntPipe,
  Res,
} from '@nestjs/common';
import KeyvRedis, { createClient } from '@keyv/redis';
import { type Cache, createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { type CrashPoints } from './crash-points.js';
import { type Versions } from './entities.js';
import { type Headers } from './headers.js';
import { type Kind } from './kinds.js';
import { Reads } from './reads.js';
import { AfterCommit } from './writes.controller.js';

const PREFIX: Kind = 'naive';
const TTL_MS = 60_000;
/** A Redis that is frozen must not hang the application any longer. */
const SILENCE_MS = 1_000;

export function naiveCache(url: string): Cache {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    pingInterval: SILENCE_MS / 4,
    socket: { socketTimeout: SILENCE_MS },
  });
  const store = new KeyvRedis(
    client as ConstructorParameters<typeof KeyvRedis>[0],
  );
  const keyv = new Keyv({ store });
  // Redis is away: then nothing is cached.
  keyv.on('error', () => {});
  store.on('error', () => {});
  return createCache({ stores: [keyv] });
}

/** Keys of what shows a row. The numbers of items are those of the load. */
export function keysOf(row: string, items: number): string[] {
  const [table, id] = row.split('#');
  const before = ((Number(id) + items - 2) % items) + 1;
  const after = (Number(id) % items) + 1;
  const pairs = [`pairs/${before}/${id}`, `pairs/${id}/${after}`];
  const paths =
    table === 'blinks'
      ? [`blinks/${id}`, 'blinks', 'all']
      : [`items/${id}`, `cards/${id}`, ...pairs, 'items', 'all'];
  return paths.map(path => `/${PREFIX}/${path}`);
}

@Injectable()
export class DeleteByHand extends AfterCommit {
  constructor(
    private readonly cache: Cache,
    private readonly items: number,
    private readonly points: CrashPoints,
  ) {
    super();
  }

  override async outdate(rows: readonly string[]): Promise<void> {
    const keys = rows.flatMap(row => keysOf(row, this.items));
    await this.cache.mdel([...new Set(keys)]);
    this.points.reach('released');
  }
}

interface Response extends Headers {
  readonly req: { readonly url: string };
}

export const NAIVE_CACHE = Symbol('naive cache');

@Controller(PREFIX)
export class NaiveReadsController {
  constructor(
    @Inject(Reads) private readonly reads: Reads,
    @Inject(NAIVE_CACHE) private readonly cache: Cache,
  ) {}

  @Get('items')
  items(@Res({ passthrough: true }) response: Response): Promise<Versions> {
    return this.cached(response, () => this.reads.items());
  }

  @Get(['items/:id', 'cards/:id'])
  item(
    @Param('id', ParseIntPipe) id: number,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Versions> {
    return this.cached(response, () => this.reads.item(id));
  }

  @Get('pairs/:first/:second')
  pair(
    @Param('first', ParseIntPipe) left: number,
    @Param('second', ParseIntPipe) right: number,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Versions> {
    return this.cached(response, () => this.reads.pair(left, right));
  }

  @Get('blinks')
  blinks(@Res({ passthrough: true }) response: Response): Promise<Versions> {
    return this.cached(response, () => this.reads.blinks());
  }

  @Get('blinks/:id')
  blink(
    @Param('id', ParseIntPipe) id: number,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Versions> {
    return this.cached(response, () => this.reads.blink(id));
  }

  @Get('all')
  all(@Res({ passthrough: true }) response: Response): Promise<Versions> {
    return this.cached(response, async () => ({
      ...(await this.reads.blinks()),
      ...(await this.reads.items()),
    }));
  }

  private async cached(
    response: Response,
    read: () => Promise<Versions>,
  ): Promise<Versions> {
    const key = response.req.url;
    const known = await this.cache.get<Versions>(key);
    response.setHeader(
      'Cache-Status',
      known ? 'naive; hit' : 'naive; fwd=miss',
    );
    if (known) return known;
    const versions = await read();
    await this.cache.set(key, versions, TTL_MS);
    return versions;
  }
}
