import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fastifyCompress from '@fastify/compress';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  ClassSerializerInterceptor,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  type INestApplication,
  type NestInterceptor,
  Param,
  ParseIntPipe,
  type Type,
  UseFilters,
  UseGuards,
  UseInterceptors,
  Version,
  VERSION_NEUTRAL,
  type VersioningOptions,
  VersioningType,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Exclude } from 'class-transformer';
import compression from 'compression';
import { map, type Observable } from 'rxjs';
import { CacheKeyed, rowOf } from 'nestjs-alkey';
import { HIT, STORED } from '../support/cache-status.js';
import {
  type AdapterName,
  ADAPTERS,
  type StartedApp,
} from '../support/start-app.js';
import { Runs, User } from '../support/shop.js';
import { ask, type RawAnswer } from './ask.js';
import { startRoutes } from './start-routes.js';

const start = (
  adapter: AdapterName,
  controllers: readonly Type[],
  configure: (app: INestApplication) => void = () => undefined,
): Promise<StartedApp> => startRoutes(adapter, controllers, { configure });

/** `users/:id` answers its version and the number of its run. */
function versioned(version: string | typeof VERSION_NEUTRAL): Type {
  @Controller('users')
  class VersionedController {
    constructor(@Inject(Runs) private readonly runs: Runs) {}

    @Get(':id')
    @Version(version)
    @CacheKeyed(rowOf(User, 'id'))
    one(@Param('id', ParseIntPipe) id: number): unknown {
      return { id, version: String(version), run: this.runs.count('one') };
    }
  }
  return VersionedController;
}

const inHeader = (version: string): Readonly<Record<string, string>> => ({
  'x-version': version,
});
const inMediaType = (version: string): Readonly<Record<string, string>> => ({
  accept: `application/json;v=${version}`,
});

describe.each(ADAPTERS)('routes of an application over %s', adapter => {
  it('are cached under a global prefix, and beside it', async () => {
    await using app = await start(adapter, [versioned('1')], nest => {
      nest.setGlobalPrefix('api/:tenant', { exclude: ['health'] });
      nest.enableVersioning({ type: VersioningType.URI });
    });
    const first = await app.get('/api/a/v1/users/1');
    expect(first.cacheStatus).toMatch(STORED);
    expect((await app.get('/api/a/v1/users/1')).body).toBe(first.body);
    expect((await app.get('/api/b/v1/users/1')).body).not.toBe(first.body);
  });

  it.each<
    [
      string,
      VersioningOptions,
      (version: string) => [string, Readonly<Record<string, string>>],
    ]
  >([
    ['address', { type: VersioningType.URI }, v => [`/v${v}/users/1`, {}]],
    [
      'header',
      { type: VersioningType.HEADER, header: 'x-version' },
      v => ['/users/1', inHeader(v)],
    ],
    [
      'media type',
      { type: VersioningType.MEDIA_TYPE, key: 'v=' },
      v => ['/users/1', inMediaType(v)],
    ],
  ])(
    'are told apart by a version in the %s',
    async (_, versioning, requestOf) => {
      await using app = await start(
        adapter,
        [versioned('1'), versioned('2')],
        nest => nest.enableVersioning(versioning),
      );
      for (const version of ['1', '2']) {
        const [path, headers] = requestOf(version);
        const first = await app.get(path, headers);
        const again = await app.get(path, headers);
        expect(JSON.parse(first.body)).toMatchObject({ version });
        expect(first.cacheStatus).toMatch(STORED);
        expect(again.cacheStatus).toMatch(HIT);
        expect(again.body).toBe(first.body);
      }
      const [path, headers] = requestOf('3');
      expect((await app.get(path, headers)).status).toBe(404);
    },
  );

  it('answer every version where they are neutral', async () => {
    await using app = await start(adapter, [versioned(VERSION_NEUTRAL)], nest =>
      nest.enableVersioning({
        type: VersioningType.HEADER,
        header: 'x-version',
      }),
    );
    const first = await app.get('/users/1', inHeader('1'));
    expect((await app.get('/users/1', inHeader('2'))).body).toBe(first.body);
    expect((await app.get('/users/1')).body).toBe(first.body);
  });
});

let admissions = 0;

@Injectable()
class Doorkeeper implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    admissions += 1;
    return !context
      .switchToHttp()
      .getRequest<{ url: string }>()
      .url.includes('rejected');
  }
}

@Catch()
class Teapot implements ExceptionFilter {
  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  catch(error: Error, host: ArgumentsHost): void {
    const { message } = error;
    const response = host.switchToHttp().getResponse<unknown>();
    this.host.httpAdapter.reply(response, { teapot: message }, 418);
  }
}

@Injectable()
class Outer implements NestInterceptor {
  private seen = 0;

  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map(inner => ({ outer: ++this.seen, inner })));
  }
}

@Injectable()
class Inner implements NestInterceptor {
  private seen = 0;

  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map(value => [{ inner: ++this.seen }, value]));
  }
}

class Account {
  @Exclude()
  readonly secret = 'secret';

  constructor(readonly run: number) {}
}

@Controller('around')
class AroundController {
  private isBroken = true;

  constructor(@Inject(Runs) private readonly runs: Runs) {}

  @Get('guarded')
  @UseGuards(Doorkeeper)
  @CacheKeyed(User)
  guarded(): unknown {
    return { run: this.runs.count('guarded') };
  }

  @Get('broken')
  @UseFilters(Teapot)
  @CacheKeyed(User)
  broken(): unknown {
    const run = this.runs.count('broken');
    if (this.isBroken) throw new Error(`run ${run}`);
    return { run };
  }

  // Nest lines up the interceptors of a method as decorators are run: from the bottom.
  @Get('both-sides')
  @UseInterceptors(Inner)
  @CacheKeyed(User)
  @UseInterceptors(Outer)
  bothSides(): unknown {
    return { run: this.runs.count('bothSides') };
  }

  @Get('serialized-outside')
  @CacheKeyed(User)
  @UseInterceptors(ClassSerializerInterceptor)
  serializedOutside(): Account {
    return new Account(this.runs.count('serializedOutside'));
  }

  @Get('serialized-inside')
  @UseInterceptors(ClassSerializerInterceptor)
  @CacheKeyed(User)
  serializedInside(): Account {
    return new Account(this.runs.count('serializedInside'));
  }

  mend(): void {
    this.isBroken = false;
  }
}

describe.each(ADAPTERS)('what stands around a handler over %s', adapter => {
  it('is guarded before each answer, and a rejected request never reaches the cache', async () => {
    await using app = await start(adapter, [AroundController]);
    const before = admissions;
    await app.get('/around/guarded');
    expect((await app.get('/around/guarded')).cacheStatus).toMatch(HIT);
    const rejected = await app.get('/around/guarded?rejected');
    expect(rejected.status).toBe(403);
    expect(rejected.cacheStatus).toBeNull();
    expect(admissions).toBe(before + 3);
    expect(app.runs.counts.get('guarded')).toBe(1);
  });

  it('lets a filter answer each failure, and caches once there is none', async () => {
    await using app = await start(adapter, [AroundController]);
    for (const run of [1, 2]) {
      const { status, body } = await app.get('/around/broken');
      expect([status, body]).toEqual([418, `{"teapot":"run ${run}"}`]);
    }
    app.app.get(AroundController).mend();
    expect((await app.get('/around/broken')).cacheStatus).toMatch(STORED);
    expect((await app.get('/around/broken')).body).toBe('{"run":3}');
  });

  it('runs an interceptor outside on hits, and keeps what one inside made', async () => {
    await using app = await start(adapter, [AroundController]);
    for (const outer of [1, 2]) {
      const { body } = await app.get('/around/both-sides');
      const inner = [{ inner: 1 }, { run: 1 }];
      expect(JSON.parse(body)).toEqual({ outer, inner });
    }
  });

  it.each(['outside', 'inside'])(
    'never shows what ClassSerializerInterceptor hides, %s',
    async side => {
      await using app = await start(adapter, [AroundController]);
      const answers = [
        await app.get(`/around/serialized-${side}`),
        await app.get(`/around/serialized-${side}`),
      ];
      expect(answers.map(({ body }) => body)).toEqual([
        '{"run":1}',
        '{"run":1}',
      ]);
      expect(answers[1]?.cacheStatus).toMatch(HIT);
    },
  );
});

@Controller('large')
class LargeController {
  @Get()
  @CacheKeyed(User)
  large(): unknown {
    return { text: 'ä'.repeat(5000) };
  }
}

/** What each framework's users take. */
function compressing(adapter: AdapterName): (app: INestApplication) => void {
  return app => {
    if (adapter === 'express') app.use(compression());
    else void (app as NestFastifyApplication).register(fastifyCompress);
  };
}

const plainText = ({ headers, body }: RawAnswer): string =>
  (headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();

describe.each(ADAPTERS)('compression over %s', adapter => {
  it('is agreed on with each client, for one stored answer', async () => {
    await using app = await start(
      adapter,
      [LargeController],
      compressing(adapter),
    );
    const text = JSON.stringify({ text: 'ä'.repeat(5000) });
    const statuses: unknown[] = [];
    const varied = new Set<string>();
    for (const encoding of ['gzip', 'identity', 'gzip', undefined]) {
      const headers = {
        host: 'shop.example',
        ...(encoding && { 'accept-encoding': encoding }),
      };
      const answer = await ask(app.url, '/large', { headers });
      const { 'cache-status': status, vary } = answer.headers;
      statuses.push(status);
      varied.add(String(vary).toLowerCase());
      expect(plainText(answer)).toBe(text);
      expect(answer.headers['content-encoding'] === 'gzip').toBe(
        encoding === 'gzip',
      );
      expect(answer.headers['content-type']).toBe(
        'application/json; charset=utf-8',
      );
    }
    expect(statuses).toEqual([
      expect.stringMatching(STORED),
      expect.stringMatching(HIT),
      expect.stringMatching(HIT),
      expect.stringMatching(HIT),
    ]);
    // Never a name twice, as a stored Vary would bring it.
    expect([...varied]).toContain('accept-encoding');
    expect([...varied].filter(names => names.includes(','))).toEqual([]);
  });
});

describe.each(ADAPTERS)('CORS over %s', adapter => {
  it('answers each origin for itself, and preflights by itself', async () => {
    const origins = ['https://a.example', 'https://b.example'];
    await using app = await start(adapter, [LargeController], nest =>
      nest.enableCors({ origin: origins, credentials: true }),
    );
    for (const origin of [...origins, ...origins, 'https://evil.example']) {
      const { headers } = await ask(app.url, '/large', {
        headers: { host: 'shop.example', origin },
      });
      const allowed = headers['access-control-allow-origin'];
      expect(allowed).toBe(origins.includes(origin) ? origin : undefined);
      expect(String(headers['vary'])).toMatch(/origin/i);
    }
    const preflight = await ask(app.url, '/large', {
      method: 'OPTIONS',
      headers: {
        host: 'shop.example',
        origin: 'https://a.example',
        'access-control-request-method': 'GET',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers).not.toHaveProperty('cache-status');
  });
});

class Temperature {
  readonly #isCold: boolean;

  constructor(readonly degrees: number) {
    this.#isCold = degrees <= 0;
  }

  get fahrenheit(): number {
    return this.#isCold ? 32 : this.degrees * 1.8 + 32;
  }
}

const VALUES: Readonly<Record<string, unknown>> = {
  date: { at: new Date(5), list: [new Date(Number.NaN)] },
  map: new Map([['a', 1]]),
  set: { of: new Set([1]) },
  instance: [new Temperature(20)],
  numbers: [Number.NaN, -0, Infinity, 1e21],
  text: { lone: '\uD800', line: '\u2028', html: '</script>' },
  bigint: { at: 1n },
  bare: 5n,
  symbol: { [Symbol('hidden')]: 1, shown: Symbol('gone') },
  function: { call: () => 1, kept: true },
  getter: Object.defineProperty({}, 'asked', {
    enumerable: true,
    get: () => 7,
  }),
};

function values(cached: MethodDecorator): Type {
  @Controller('values')
  class ValuesController {
    @Get(':name')
    @cached
    value(@Param('name') name: string): unknown {
      return VALUES[name];
    }
  }
  return ValuesController;
}

describe.each(ADAPTERS)('values over %s', adapter => {
  it.each(Object.keys(VALUES))(
    'of the kind %s come to the client as without a cache, to the byte',
    async name => {
      await using bare = await start(adapter, [values(() => undefined)]);
      await using app = await start(adapter, [
        values(CacheKeyed(User) as MethodDecorator),
      ]);
      const sent = async ({ url }: StartedApp): Promise<unknown> => {
        const { status, headers, body } = await ask(url, `/values/${name}`, {
          headers: { host: 'shop.example' },
        });
        return [status, headers['content-type'], body.toString('latin1')];
      };
      const plain = await sent(bare);
      expect(await sent(app)).toEqual(plain);
      expect(await sent(app)).toEqual(plain);
    },
  );
});
