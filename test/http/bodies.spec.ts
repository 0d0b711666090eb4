import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Header,
  HttpCode,
  type INestApplication,
  type MessageEvent,
  NotFoundException,
  Redirect,
  Render,
  Res,
  Sse,
  StreamableFile,
  type Type,
} from '@nestjs/common';
import { EMPTY, of } from 'rxjs';
import { CacheKeyed, GLOBAL_WRITE_TOKEN } from 'nestjs-alkey';
import {
  type AdapterName,
  ADAPTERS,
  type StartedApp,
} from '../support/start-app.js';
import { ask, essence, type RawAnswer } from './ask.js';
import { startRoutes } from './start-routes.js';

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
}

class Celsius {
  constructor(private readonly degrees: number) {}

  toJSON(): unknown {
    return { text: `${this.degrees} °C` };
  }
}

/** What both frameworks have of a response. */
interface AnyResponse {
  status(code: number): unknown;
  header(name: string, value: string | readonly string[]): unknown;
  removeHeader(name: string): unknown;
  send(body: unknown): unknown;
  readonly raw?: unknown;
}

/** The same routes with a cache and without. */
function bodies(cached: MethodDecorator): Type {
  @Controller('bodies')
  class BodiesController {
    @Get('object')
    @cached
    object(): unknown {
      return { b: 1, a: [true, null, 'ä€😀\u2028'], skipped: undefined };
    }

    @Get('array')
    @cached
    array(): unknown {
      return [1, undefined, { a: 1 }];
    }

    @Get('empty-object')
    @cached
    emptyObject(): unknown {
      return {};
    }

    @Get('string')
    @cached
    string(): string {
      return '<p>ä</p>\nline';
    }

    @Get('empty-string')
    @cached
    emptyString(): string {
      return '';
    }

    @Get('number')
    @cached
    number(): number {
      return 42;
    }

    @Get('zero')
    @cached
    zero(): number {
      return -0;
    }

    @Get('true')
    @cached
    true(): boolean {
      return true;
    }

    @Get('false')
    @cached
    false(): boolean {
      return false;
    }

    @Get('null')
    @cached
    null(): null {
      return null;
    }

    @Get('undefined')
    @cached
    undefined(): void {}

    @Get('date')
    @cached
    date(): Date {
      return new Date(0);
    }

    @Get('dates')
    @cached
    dates(): unknown {
      return { at: new Date(0), never: new Date(Number.NaN) };
    }

    @Get('instance')
    @cached
    instance(): Point {
      return new Point(1, 2);
    }

    @Get('to-json')
    @cached
    toJson(): unknown {
      return { temperature: new Celsius(21), map: new Map([[1, 2]]) };
    }

    @Get('buffer')
    @cached
    buffer(): Buffer {
      return Buffer.from([0, 255, 128]);
    }

    @Get('bytes')
    @cached
    bytes(): Uint8Array {
      return new Uint8Array([0, 255, 128]).subarray(1);
    }

    @Get('typed-buffer')
    @Header('content-type', 'image/png')
    @cached
    typedBuffer(): Buffer {
      return Buffer.from([137, 80]);
    }

    @Get('observable')
    @cached
    observable(): unknown {
      return of(1, { last: true });
    }

    @Get('http-code')
    @HttpCode(202)
    @cached
    httpCode(): unknown {
      return { accepted: true };
    }

    @Get('header')
    @Header('X-Static', 'yes')
    @Header('Content-Type', 'application/vnd.api+json')
    @cached
    header(): unknown {
      return { data: [] };
    }

    @Get('text-type')
    @Header('content-type', 'text/csv')
    @cached
    textType(): string {
      return 'a,b';
    }

    @Get('passthrough')
    @cached
    passthrough(@Res({ passthrough: true }) response: AnyResponse): unknown {
      response.status(203);
      response.header('X-Set', 'by-handler');
      response.header('Link', ['<a>; rel=next', '<b>; rel=prev']);
      response.header('ETag', '"mine"');
      response.header('Vary', 'X-Declared');
      response.removeHeader('X-Powered-By');
      response.removeHeader('X-Before');
      return { ok: true };
    }

    @Get('charset')
    @cached
    charset(@Res({ passthrough: true }) response: AnyResponse): unknown {
      response.header('content-type', 'application/json; charset=utf-8');
      return { ok: true };
    }

    @Get('length')
    @cached
    length(@Res({ passthrough: true }) response: AnyResponse): string {
      response.header('content-length', '4');
      return 'four';
    }

    @Get('error-like')
    @Header('content-type', 'text/plain')
    @cached
    errorLike(): unknown {
      return { statusCode: 404, message: 'as data' };
    }

    @Get('big')
    @cached
    big(): unknown {
      return { text: 'x'.repeat(100_000) };
    }
  }
  return BodiesController;
}

/** Answers that are no values: the same with a cache and without, and never from one. */
function untouched(cached: MethodDecorator): Type {
  let runs = 0;

  @Controller('untouched')
  class UntouchedController {
    @Get('stream')
    @cached
    stream(): unknown {
      return Readable.from(['a', 'b', `${++runs}`]);
    }

    @Get('file')
    @cached
    file(): StreamableFile {
      return new StreamableFile(Buffer.from(`file ${++runs}`), {
        type: 'text/plain',
        disposition: 'attachment; filename="a.txt"',
      });
    }

    @Get('generator')
    @cached
    async *generator(): AsyncGenerator<string> {
      yield 'a';
      yield `${++runs}`;
    }

    @Get('web-response')
    @cached
    webResponse(): Response {
      return new Response(`web ${++runs}`, { headers: { 'x-web': '1' } });
    }

    @Sse('events')
    @cached
    events(): unknown {
      return of({ data: `event ${++runs}` } satisfies MessageEvent);
    }

    @Get('own')
    @cached
    own(@Res() response: AnyResponse): void {
      response.status(200);
      response.send(`own ${++runs}`);
    }

    @Get('sent')
    @cached
    sent(@Res({ passthrough: true }) response: AnyResponse): unknown {
      response.send(`sent ${++runs}`);
      return response.raw ? response : undefined;
    }

    @Get('redirect')
    @Redirect('/elsewhere', 302)
    @cached
    redirect(): unknown {
      return { url: `/elsewhere/${++runs}` };
    }

    @Get('not-found')
    @cached
    notFound(): never {
      throw new NotFoundException(`run ${++runs}`);
    }

    @Get('broken')
    @cached
    broken(): Promise<never> {
      return Promise.reject(new Error(`run ${++runs}`));
    }

    @Get('nothing-emitted')
    @cached
    nothingEmitted(): unknown {
      runs += 1;
      return EMPTY;
    }

    @Get('returned-error')
    @cached
    returnedError(): unknown {
      return new Error(`run ${++runs}`);
    }

    @Get('circular')
    @cached
    circular(): unknown {
      const value: Record<string, unknown> = { run: ++runs };
      value['self'] = value;
      return value;
    }

    @Get('bigint-inside')
    @cached
    bigintInside(): unknown {
      return { run: BigInt(++runs) };
    }
  }
  return UntouchedController;
}

const CACHED = CacheKeyed(GLOBAL_WRITE_TOKEN, {
  statuses: [200, 202, 203],
  vary: ['X-Declared'],
}) as MethodDecorator;
const BARE: MethodDecorator = () => undefined;

const BODIES = pathsOf(bodies(BARE));
const UNTOUCHED = pathsOf(untouched(BARE));

function pathsOf(controller: Type): readonly string[] {
  const prototype = controller.prototype as object;
  return Object.getOwnPropertyNames(prototype)
    .filter(name => name !== 'constructor')
    .map(name => Reflect.get(prototype, name) as object)
    .map(handler => Reflect.getMetadata('path', handler) as string);
}

/** Headers that stand before any handler runs. */
function middleware(app: INestApplication): void {
  app.use((_: unknown, response: AnyServerResponse, next: () => void): void => {
    response.setHeader('X-Before', 'middleware');
    response.setHeader('Vary', 'Origin');
    next();
  });
}

interface AnyServerResponse {
  setHeader(name: string, value: string): unknown;
}

const start = (
  adapter: AdapterName,
  cached: MethodDecorator,
  configure: (app: INestApplication) => void = middleware,
): Promise<StartedApp> =>
  startRoutes(adapter, [bodies(cached), untouched(cached)], { configure });

/** Each run has its number. */
function shape(answer: RawAnswer): string {
  return JSON.stringify(essence(answer)).replace(/\d+/g, '0');
}

describe.each(ADAPTERS)('bodies over %s', adapter => {
  let bare: StartedApp;
  let app: StartedApp;
  beforeAll(async () => {
    bare = await start(adapter, BARE);
    app = await start(adapter, CACHED);
  });
  afterAll(async () => {
    await bare[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
  });

  /** The answers without a cache, to the first request, and to the second. */
  async function three(
    path: string,
    method = 'GET',
  ): Promise<readonly [RawAnswer, RawAnswer, RawAnswer]> {
    // The same Host for both apps; it is part of the resource.
    const headers = { host: 'shop.example' };
    return [
      await ask(bare.url, path, { method, headers }),
      await ask(app.url, path, { method, headers }),
      await ask(app.url, path, { method, headers }),
    ];
  }

  it.each(BODIES.filter(path => path !== 'passthrough'))(
    'answers %s as without a cache, first and again',
    async path => {
      const [plain, miss, hit] = await three(`/bodies/${path}`);
      expect(plain.status).toBeLessThan(300);
      expect(miss.headers['cache-status']).toMatch(/^alkey; fwd=miss; stored/);
      expect(hit.headers['cache-status']).toMatch(/^alkey; hit/);
      expect(essence(miss)).toEqual(essence(plain));
      expect(essence(hit)).toEqual(essence(plain));
    },
  );

  it.each(BODIES)('answers HEAD of %s as without a cache', async path => {
    const stored = await ask(app.url, `/bodies/${path}?for=head`);
    const [plain, first] = await three(`/bodies/${path}?for=head`, 'HEAD');
    expect(first.body).toHaveLength(0);
    expect(essence(first)).toEqual(essence(plain));
    expect(stored.status).toBe(plain.status);
  });

  it('gives status and headers that the handler set, took away or added to', async () => {
    const [plain, miss, hit] = await three('/bodies/passthrough');
    expect(plain.status).toBe(203);
    expect(miss.headers['cache-status']).toMatch(/^alkey; fwd=miss; stored/);
    expect(hit.headers['cache-status']).toMatch(/^alkey; hit/);
    expect(essence(miss)).toEqual(essence(plain));
    expect(hit.headers).not.toHaveProperty('x-before');
    // The handler replaced what a middleware had said; a hit keeps both.
    expect(hit.headers['vary']).toBe('Origin, X-Declared');
    expect(essence(hit)).toEqual(essence(plain));
  });

  it.each(UNTOUCHED)(
    'lets %s pass as without a cache, each time anew',
    async path => {
      const [plain, first, second] = await three(`/untouched/${path}`);
      expect(`${String(first.headers['cache-status'])}`).not.toMatch(/hit/);
      expect(`${String(second.headers['cache-status'])}`).not.toMatch(/hit/);
      expect(`${String(first.headers['cache-status'])}`).not.toMatch(/stored/);
      expect(shape(first)).toEqual(shape(plain));
      expect(shape(second)).toEqual(shape(plain));
    },
  );

  it('sends an answer larger than maxBodyBytes, and does not store it', async () => {
    await using small = await startRoutes(adapter, bodies(CACHED), {
      alkey: { maxBodyBytes: 1000 },
    });
    const first = await small.get('/bodies/big');
    expect(first.body).toHaveLength(100_011);
    expect(first.cacheStatus).toMatch(/fwd=miss;.*detail=too-large/);
    expect((await small.get('/bodies/big')).cacheStatus).toMatch(/too-large/);
    expect((await small.get('/bodies/object')).cacheStatus).toMatch(/stored/);
  });
});

interface ExpressSettings {
  set(name: string, value: unknown): void;
}
interface FastifyHooks {
  addHook(name: string, hook: (...parameters: never[]) => unknown): void;
  setReplySerializer(serializer: (payload: unknown) => string): void;
}

async function same(
  adapter: AdapterName,
  configure: (app: INestApplication) => void,
  paths: readonly string[],
): Promise<readonly string[]> {
  await using bare = await start(adapter, BARE, configure);
  await using app = await start(adapter, CACHED, configure);
  const headers = { host: 'shop.example' };
  const texts: string[] = [];
  for (const path of paths) {
    const plain = await ask(bare.url, path, { headers });
    const miss = await ask(app.url, path, { headers });
    const hit = await ask(app.url, path, { headers });
    expect(hit.headers['cache-status']).toMatch(/^alkey; hit/);
    expect(essence(miss)).toEqual(essence(plain));
    expect(essence(hit)).toEqual(essence(plain));
    texts.push(hit.body.toString());
  }
  return texts;
}

describe('what an application does to bodies', () => {
  it.each(['json spaces', 'json replacer', 'json escape'])(
    "keeps Express's `%s`",
    async setting => {
      const value =
        setting === 'json spaces'
          ? 4
          : setting === 'json escape'
            ? true
            : (key: string, member: unknown) => (key === 'b' ? 'B' : member);
      const [text] = await same(
        'express',
        app => (app as unknown as ExpressSettings).set(setting, value),
        ['/bodies/object', '/bodies/dates', '/bodies/string'],
      );
      expect(text).toMatch(/"b": 1|"B"|ä/);
    },
  );

  it('lets a middleware that replaced res.json see every value', async () => {
    const [text] = await same(
      'express',
      app =>
        app.use(
          (
            _: unknown,
            response: { json: (value: unknown) => unknown },
            next: () => void,
          ) => {
            const json = response.json.bind(response);
            response.json = value => json({ wrapped: value });
            next();
          },
        ),
      ['/bodies/array'],
    );
    expect(text).toBe('{"wrapped":[1,null,{"a":1}]}');
  });

  it('lets a preSerialization hook of Fastify see every value', async () => {
    const [text] = await same(
      'fastify',
      app =>
        (app.getHttpAdapter().getInstance() as unknown as FastifyHooks).addHook(
          'preSerialization',
          (_request: never, _reply: never, payload: never) =>
            Promise.resolve({ wrapped: payload }),
        ),
      ['/bodies/array', '/bodies/instance'],
    );
    expect(text).toBe('{"wrapped":[1,null,{"a":1}]}');
  });

  it("keeps an application's serializer of Fastify", async () => {
    const [text] = await same(
      'fastify',
      app =>
        (
          app.getHttpAdapter().getInstance() as unknown as FastifyHooks
        ).setReplySerializer(payload => JSON.stringify({ by: 'me', payload })),
      ['/bodies/empty-object'],
    );
    expect(text).toBe('{"by":"me","payload":{}}');
  });

  it('keeps what the schema of a Fastify route lets out', async () => {
    const [text] = await same(
      'fastify',
      app =>
        (app.getHttpAdapter().getInstance() as unknown as FastifyHooks).addHook(
          'onRoute',
          (route: { schema?: unknown } & never) => {
            Object.assign(route, {
              schema: {
                response: {
                  200: {
                    type: 'object',
                    properties: { x: { type: 'string' } },
                  },
                },
              },
            });
          },
        ),
      ['/bodies/instance'],
    );
    expect(text).toBe('{"x":"1"}');
  });
});

function pages(cached: MethodDecorator): Type {
  @Controller()
  class PagesController {
    @Get('page')
    @Render('page')
    @cached
    page(): unknown {
      return { title: 'A & B', at: new Date(0) };
    }
  }
  return PagesController;
}

function view(options: { title: string; at: Date }): string {
  return `<h1>${options.title}</h1>${options.at.getTime()}`;
}

describe.each(ADAPTERS)('a template over %s', adapter => {
  const configure = (app: INestApplication): void => {
    const server = app.getHttpAdapter().getInstance() as unknown as {
      engine(
        extension: string,
        render: (
          path: string,
          options: never,
          done: (error: null, text: string) => void,
        ) => void,
      ): void;
      set(name: string, value: unknown): void;
      decorateReply(name: string, method: unknown): void;
    };
    if (adapter === 'fastify') {
      server.decorateReply(
        'view',
        function (
          this: AnyResponse,
          _page: string,
          options: { title: string; at: Date },
        ) {
          this.header('content-type', 'text/html; charset=utf-8');
          return this.send(view(options));
        },
      );
      return;
    }
    server.engine('html', (_path, options, done) => done(null, view(options)));
    server.set('view engine', 'html');
    server.set(
      'view',
      class {
        readonly path = 'page.html';
        readonly name = 'page';
        render(
          options: never,
          done: (error: null, text: string) => void,
        ): void {
          done(null, view(options));
        }
      },
    );
  };

  const startPages = (cached: MethodDecorator): Promise<StartedApp> =>
    startRoutes(adapter, pages(cached), { configure });

  it('is rendered from what was stored as from what the handler returned', async () => {
    await using bare = await startPages(BARE);
    await using app = await startPages(CACHED);
    const plain = await ask(bare.url, '/page');
    const miss = await ask(app.url, '/page');
    const hit = await ask(app.url, '/page');
    expect(plain.body.toString()).toBe('<h1>A & B</h1>0');
    expect(hit.headers['cache-status']).toMatch(/^alkey; hit/);
    expect(essence(miss)).toEqual(essence(plain));
    expect(essence(hit)).toEqual(essence(plain));
  });
});
