import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CACHE_MANAGER,
  CacheInterceptor,
  CacheModule,
} from '@nestjs/cache-manager';
import {
  type CanActivate,
  ClassSerializerInterceptor,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  HttpCode,
  Inject,
  NotFoundException,
  Res,
  Sse,
  StreamableFile,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { type Cache, createCache } from 'cache-manager';
import { Exclude } from 'class-transformer';
import { Keyv } from 'keyv';
import { of } from 'rxjs';
import { type DataSourceOptions } from 'typeorm';
import { CacheKeyed, type CacheKeyedOptions } from 'nestjs-alkey';
import {
  type AdapterName,
  ADAPTERS,
  startApp,
  type StartedApp,
} from '../support/start-app.js';
import { createDatabase, type TestDatabase } from '../support/databases.js';
import { Runs, User } from '../support/shop.js';
import { describeWith } from '../support/suites.js';
import { ask, type RawAnswer, type RawRequest } from './ask.js';

// Each title is a line of the table "Beside @nestjs/cache-manager" of README.md.

const POSTGRES: TestDatabase = { name: 'postgres', service: 'POSTGRES_URL' };
const MAX_BODY_BYTES = 1000;

interface AnyResponse {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
}

class Account {
  @Exclude()
  readonly secret = 'secret';
}

class Doorkeeper implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{
      readonly headers: Readonly<Record<string, string | undefined>>;
    }>();
    return headers['x-banned'] === undefined;
  }
}

/** Runs that end when they are told to. */
class Gate {
  private readonly waiting: (() => void)[] = [];

  pass(): Promise<void> {
    return new Promise(resolve => this.waiting.push(resolve));
  }

  /** Ends them once there are that many. */
  async openFor(count: number): Promise<void> {
    while (this.waiting.length < count) await new Promise(setImmediate);
    for (const go of this.waiting.splice(0)) go();
  }
}

const gates = { ours: new Gate(), theirs: new Gate() };
type Side = keyof typeof gates;

/** The same routes behind either interceptor; most answer the number of their run. */
function routes(
  side: Side,
  cached: (options?: CacheKeyedOptions) => MethodDecorator,
): Type {
  @Controller(side)
  class RoutesController {
    constructor(@Inject(Runs) private readonly runs: Runs) {}

    private count(route: string): number {
      return this.runs.count(`${side}/${route}`);
    }

    @Get('plain')
    @cached()
    plain(): unknown {
      return { run: this.count('plain') };
    }

    @Get('status')
    @HttpCode(202)
    @Header('X-Declared', 'yes')
    @cached({ statuses: [203] })
    status(@Res({ passthrough: true }) response: AnyResponse): unknown {
      response.status(203);
      response.header('X-Set', 'yes');
      return { run: this.count('status') };
    }

    @Get('head')
    @cached()
    head(): unknown {
      return { run: this.count('head') };
    }

    @Get('validated')
    @cached()
    validated(): unknown {
      return { run: this.count('validated') };
    }

    @Get('cookie')
    @cached()
    cookie(@Res({ passthrough: true }) response: AnyResponse): unknown {
      response.header('Set-Cookie', 'session=1');
      return { run: this.count('cookie') };
    }

    @Get('private')
    @cached()
    private(): unknown {
      return { run: this.count('private') };
    }

    @Get('varying')
    @cached({ vary: ['X-Tag'] })
    varying(): unknown {
      return { run: this.count('varying') };
    }

    @Get('hosts')
    @cached()
    hosts(): unknown {
      return { run: this.count('hosts') };
    }

    @Get('paged')
    @cached({ query: ['page', 'limit'] })
    paged(): unknown {
      return { run: this.count('paged') };
    }

    @Get('slow')
    @cached()
    async slow(): Promise<unknown> {
      const run = this.count('slow');
      await gates[side].pass();
      return { run };
    }

    @Get('file')
    @cached()
    file(): StreamableFile {
      return new StreamableFile(Buffer.from(`run ${this.count('file')}`));
    }

    @Get('stream')
    @cached()
    stream(): unknown {
      return Readable.from(['run ', `${this.count('stream')}`]);
    }

    @Sse('events')
    @cached()
    events(): unknown {
      return of({ data: 'first' }, { data: `run ${this.count('events')}` });
    }

    @Get('large')
    @cached()
    large(): unknown {
      return { run: this.count('large'), text: 'x'.repeat(MAX_BODY_BYTES) };
    }

    @Get('null')
    @cached()
    null(): null {
      this.count('null');
      return null;
    }

    @Get('nothing')
    @cached()
    nothing(): void {
      this.count('nothing');
    }

    @Get('missing')
    @cached()
    missing(): never {
      throw new NotFoundException({ run: this.count('missing') });
    }

    // Nest lines up the interceptors of a method from the bottom.
    @Get('account')
    @cached()
    @UseInterceptors(ClassSerializerInterceptor)
    account(): Account {
      return new Account();
    }

    @Get('guarded')
    @UseGuards(Doorkeeper)
    @cached()
    guarded(): unknown {
      return { run: this.count('guarded') };
    }
  }
  return RoutesController;
}

const SIDES = [
  routes('ours', options => CacheKeyed(User, options ?? {}) as MethodDecorator),
  routes('theirs', () => UseInterceptors(CacheInterceptor)),
];

function start(
  adapter: AdapterName,
  {
    cache = createCache(),
    stores = [new Keyv()],
    database = { type: 'sqljs' },
  }: {
    readonly cache?: Cache;
    readonly stores?: Keyv[];
    readonly database?: DataSourceOptions;
  } = {},
): Promise<StartedApp> {
  return startApp({
    database,
    adapter,
    alkey: { scope: 'anonymous', maxBodyBytes: MAX_BODY_BYTES, cache },
    metadata: {
      imports: [CacheModule.register({ isGlobal: true, ttl: 60_000, stores })],
      controllers: SIDES,
    },
  });
}

type Asked = readonly [path: string, request?: RawRequest];

/** The answers of one side to requests that are sent one after the other. */
async function answers(
  { url }: StartedApp,
  side: Side,
  ...asked: readonly Asked[]
): Promise<readonly RawAnswer[]> {
  const given: RawAnswer[] = [];
  for (const [path, request] of asked) {
    given.push(await ask(url, `/${side}/${path}`, request));
  }
  return given;
}

const runOf = ({ body }: RawAnswer): unknown =>
  (JSON.parse(body.toString()) as { readonly run: unknown }).run;

/** The runs that answered those requests, on either side. */
async function runsOn(
  app: StartedApp,
  ...asked: readonly Asked[]
): Promise<Readonly<Record<Side, readonly unknown[]>>> {
  return {
    ours: (await answers(app, 'ours', ...asked)).map(runOf),
    theirs: (await answers(app, 'theirs', ...asked)).map(runOf),
  };
}

const sent = (path: string, name: string, value: string): Asked => [
  path,
  { headers: { [name]: value } },
];

/** What the second of two requests is answered. */
async function again(
  app: StartedApp,
  side: Side,
  path: string,
): Promise<string> {
  const [, second] = await answers(app, side, [path], [path]);
  return String(second?.body);
}

/** Revalidates an answer while it is stored, and when it is gone; then tells how often the handler ran. */
async function revalidated(
  app: StartedApp,
  cache: Cache,
  side: Side,
): Promise<readonly unknown[]> {
  const [first] = await answers(app, side, ['validated']);
  const headers = { 'If-None-Match': String(first?.headers['etag']) };
  const revalidate = (): Promise<readonly RawAnswer[]> =>
    answers(app, side, ['validated', { headers }]);
  const [stored] = await revalidate();
  await cache.clear();
  await app.app.get<Cache>(CACHE_MANAGER).clear();
  const [gone] = await revalidate();
  return [
    stored?.status,
    gone?.status,
    app.runs.counts.get(`${side}/validated`),
  ];
}

/** Two requests, of which that many are let into the handler. */
async function together(
  app: StartedApp,
  side: Side,
  inside: number,
): Promise<unknown> {
  const asked = Promise.all([
    answers(app, side, ['slow']),
    answers(app, side, ['slow']),
  ]);
  await gates[side].openFor(inside);
  return (await asked).flat().map(runOf).toSorted();
}

describe.each(ADAPTERS)('beside CacheInterceptor over %s', adapter => {
  const cache = createCache();
  let app: StartedApp;
  beforeAll(async () => {
    app = await start(adapter, { cache });
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
  });

  it('is outdated by a write to the database', async () => {
    await runsOn(app, ['plain']);
    await app.dataSource.getRepository(User).save({ name: 'Ada' });
    expect(await runsOn(app, ['plain'])).toEqual({ ours: [2], theirs: [1] });
  });

  it('gives back the status and the headers that a handler set', async () => {
    const [, ours] = await answers(app, 'ours', ['status'], ['status']);
    expect([ours?.status, ours?.headers]).toMatchObject([
      203,
      { 'x-declared': 'yes', 'x-set': 'yes' },
    ]);
    const [, theirs] = await answers(app, 'theirs', ['status'], ['status']);
    expect([theirs?.status, theirs?.headers]).toMatchObject([
      202,
      { 'x-declared': 'yes' },
    ]);
    expect(theirs?.headers).not.toHaveProperty('x-set');
    expect(runOf(theirs!)).toBe(1);
  });

  it('answers HEAD from what GET stored', async () => {
    for (const side of ['ours', 'theirs'] as const) {
      await answers(app, side, ['head'], ['head', { method: 'HEAD' }]);
    }
    expect(app.runs.counts.get('ours/head')).toBe(1);
    expect(app.runs.counts.get('theirs/head')).toBe(2);
  });

  it('answers If-None-Match without the handler and without the stored answer', async () => {
    expect(await revalidated(app, cache, 'ours')).toEqual([304, 304, 1]);
    // Express compares the body that it was about to send.
    expect(await revalidated(app, cache, 'theirs')).toEqual([
      adapter === 'express' ? 304 : 200,
      200,
      2,
    ]);
  });

  it('gives no answer to a request with credentials to another', async () => {
    expect(
      await runsOn(
        app,
        sent('private', 'Authorization', 'Bearer ada'),
        sent('private', 'Authorization', 'Bearer bob'),
        ['private'],
      ),
    ).toEqual({
      ours: [1, 2, 3],
      theirs: [1, 1, 1],
    });
  });

  it('stores no answer that sets a cookie', async () => {
    const [, ours] = await answers(app, 'ours', ['cookie'], ['cookie']);
    expect(runOf(ours!)).toBe(2);
    expect(ours?.headers['set-cookie']).toEqual(['session=1']);
    const [, theirs] = await answers(app, 'theirs', ['cookie'], ['cookie']);
    expect(runOf(theirs!)).toBe(1);
    expect(theirs?.headers['set-cookie']).toBeUndefined();
  });

  it('tells apart the headers that a route varies by', async () => {
    expect(
      await runsOn(
        app,
        sent('varying', 'X-Tag', 'a'),
        sent('varying', 'X-Tag', 'b'),
        sent('varying', 'X-Tag', 'a'),
      ),
    ).toEqual({
      ours: [1, 2, 1],
      theirs: [1, 1, 1],
    });
  });

  it('tells hosts apart', async () => {
    expect(
      await runsOn(
        app,
        sent('hosts', 'Host', 'a.example'),
        sent('hosts', 'Host', 'b.example'),
      ),
    ).toEqual({
      ours: [1, 2],
      theirs: [1, 1],
    });
  });

  it('counts the query parameters that a route names, in any order', async () => {
    expect(
      await runsOn(
        app,
        ['paged?page=1&limit=2'],
        ['paged?limit=2&page=1'],
        ['paged?page=1&limit=2&from=mail'],
        ['paged?page=2&limit=2'],
      ),
    ).toEqual({ ours: [1, 1, 1, 2], theirs: [1, 2, 3, 4] });
  });

  it('runs a handler once for requests that miss at once', async () => {
    expect(await together(app, 'ours', 1)).toEqual([1, 1]);
    expect(await together(app, 'theirs', 2)).toEqual([1, 2]);
  });

  it('lets files, streams and server-sent events pass', async () => {
    expect(await again(app, 'ours', 'file')).toBe('run 2');
    expect(await again(app, 'theirs', 'file')).toBe('run 2');
    expect(await again(app, 'ours', 'stream')).toBe('run 2');
    expect(await again(app, 'theirs', 'stream')).toMatch(/^\{.*_readableState/);
    expect(await again(app, 'ours', 'events')).toMatch(/first[^]*run 2/);
    expect(await again(app, 'theirs', 'events')).toMatch(
      /^(?!.*first)[^]*run 1/,
    );
  });

  it('passes a body over a limit on, and does not store it', async () => {
    expect(await runsOn(app, ['large'], ['large'])).toEqual({
      ours: [1, 2],
      theirs: [1, 1],
    });
  });

  it('keeps null and undefined like any other answer', async () => {
    for (const side of ['ours', 'theirs'] as const) {
      await answers(app, side, ['null'], ['null'], ['nothing'], ['nothing']);
    }
    expect(Object.fromEntries(app.runs.counts)).toMatchObject({
      'ours/null': 1,
      'ours/nothing': 1,
      'theirs/null': 2,
      'theirs/nothing': 2,
    });
  });

  it('stores no failure', async () => {
    expect(await runsOn(app, ['missing'], ['missing'])).toEqual({
      ours: [1, 2],
      theirs: [1, 2],
    });
  });

  it('hides on a hit what ClassSerializerInterceptor outside hides', async () => {
    expect(await again(app, 'ours', 'account')).toBe('{}');
    expect(await again(app, 'theirs', 'account')).toBe('{"secret":"secret"}');
  });

  it('asks guards before each answer', async () => {
    const asked: readonly Asked[] = [
      ['guarded'],
      ['guarded', { headers: { 'X-Banned': 'yes' } }],
    ];
    for (const side of ['ours', 'theirs'] as const) {
      const given = await answers(app, side, ...asked);
      expect(given.map(({ status }) => status)).toEqual([200, 403]);
    }
  });

  it('says in a header whether it was a hit', async () => {
    const [, ours] = await answers(app, 'ours', ['plain'], ['plain']);
    expect(ours?.headers['cache-status']).toMatch(/^alkey; hit/);
    const [, theirs] = await answers(app, 'theirs', ['plain'], ['plain']);
    expect(theirs?.headers['x-cache']).toBe('HIT');
  });
});

/** A store whose reads are what `get` says. */
function readingBy(get: () => Promise<unknown>): Keyv {
  const keyv = new Keyv({
    store: { get, set: () => true, delete: () => true, clear: () => undefined },
    throwOnErrors: true,
  });
  keyv.on('error', () => undefined);
  return keyv;
}

describe.each(ADAPTERS)('a store of either over %s', adapter => {
  it('answers though the store fails', async () => {
    const failing = readingBy(() => Promise.reject(new Error('down')));
    await using app = await start(adapter, {
      cache: createCache({ stores: [failing] }),
      stores: [failing],
    });
    expect(await runsOn(app, ['plain'], ['plain'])).toEqual({
      ours: [1, 2],
      theirs: [1, 2],
    });
  });

  it('answers though the store is silent', async () => {
    const gate = new Gate();
    const silent = readingBy(() => gate.pass());
    await using app = await start(adapter, {
      cache: createCache({ stores: [silent] }),
      stores: [silent],
    });
    let isAnswered = false;
    const theirs = answers(app, 'theirs', ['plain']).then(given => {
      isAnswered = true;
      return given;
    });
    const [ours] = await answers(app, 'ours', ['plain']);
    expect(ours?.status).toBe(200);
    expect(isAnswered).toBe(false);
    await gate.openFor(2);
    expect((await theirs)[0]?.status).toBe(200);
  });
});

// SQLite lets others read what is taken back, so there a rollback outdates as well.
describeWith('POSTGRES_URL', 'a transaction on PostgreSQL', url => {
  describe.each(ADAPTERS)('beside CacheInterceptor over %s', adapter => {
    it('is not outdated by a transaction that is rolled back', async () => {
      const database = await createDatabase(POSTGRES, url);
      try {
        await using app = await start(adapter, { database: database.options });
        await runsOn(app, ['plain']);
        const { dataSource } = app;
        const rolledBack = dataSource.transaction(async manager => {
          await manager.getRepository(User).save({ name: 'Ada' });
          throw new Error('taken back');
        });
        await expect(rolledBack).rejects.toThrow('taken back');
        expect(await runsOn(app, ['plain'])).toEqual({
          ours: [1],
          theirs: [1],
        });
        await dataSource.getRepository(User).save({ name: 'Ada' });
        expect(await runsOn(app, ['plain'])).toEqual({
          ours: [2],
          theirs: [1],
        });
      } finally {
        await database.drop();
      }
    });
  });
});
