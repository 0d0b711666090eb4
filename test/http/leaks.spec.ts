import { describe, expect, it, jest } from '@jest/globals';
import {
  type CallHandler,
  type CanActivate,
  ClassSerializerInterceptor,
  Controller,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Header,
  Inject,
  Injectable,
  Logger,
  Module,
  type NestInterceptor,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { Exclude, Expose } from 'class-transformer';
import { map, type Observable, tap } from 'rxjs';
import { Column, DataSource, Entity, PrimaryGeneratedColumn } from 'typeorm';
import {
  CacheKeyed,
  type CacheKeyedOptions,
  GLOBAL_WRITE_TOKEN,
} from 'nestjs-alkey';
import { HIT, STORED } from '../support/cache-status.js';
import {
  type AdapterName,
  ADAPTERS,
  type StartedApp,
  type StartOptions,
} from '../support/start-app.js';
import { ask, essence } from './ask.js';
import { type AnyRequest, counted, startRoutes } from './start-routes.js';

@Entity('accounts')
class Account {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @Exclude()
  @Column()
  password!: string;

  @Expose()
  get greeting(): string {
    return `Hello ${this.name}`;
  }
}

/** The user that a guard found, from a header that stands for any kind of credentials. */
@Injectable()
class UserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<AnyRequest>();
    const id = request.headers['x-user'];
    if (id === 'banned') throw new ForbiddenException();
    if (id !== undefined) request.user = { id };
    return true;
  }
}

const userOf = (context: ExecutionContext): { id: string } | undefined =>
  context.switchToHttp().getRequest<AnyRequest>().user as
    { id: string } | undefined;

const guarded = (
  options: CacheKeyedOptions,
  ...decorators: readonly MethodDecorator[]
): Type =>
  counted(options, UseGuards(UserGuard) as MethodDecorator, ...decorators);

const start = (
  adapter: AdapterName,
  controllers: readonly Type[],
  more: Partial<StartOptions> = {},
): Promise<StartedApp> =>
  startRoutes(adapter, controllers, {
    ...more,
    alkey: { scope: 'anonymous', ...more.alkey },
  });

describe.each(ADAPTERS)('who is answered over %s', adapter => {
  it.each([
    ['Authorization', { authorization: 'Bearer x' }],
    ['an empty Authorization', { authorization: '' }],
    ['a cookie', { cookie: 'a=1' }],
    ['request.user', { 'x-user': '7' }],
  ])('neither reads nor stores for %s', async (_, headers) => {
    await using app = await start(adapter, [guarded({})]);
    const own = await app.get('/x', headers);
    expect(own.cacheStatus).toBe('alkey; fwd=bypass; detail=credentials');
    expect((await app.get('/x')).cacheStatus).toMatch(STORED);
    const again = await app.get('/x', headers);
    expect(JSON.parse(again.body)).toMatchObject({ run: 3 });
    expect(again.cacheStatus).toMatch(/credentials/);
    expect((await app.get('/x')).cacheStatus).toMatch(HIT);
  });

  it('says once in the log what a bypassed route could declare', async () => {
    const logged = jest
      .spyOn(Logger.prototype, 'warn')
      .mockImplementation(() => undefined);
    try {
      await using app = await start(adapter, [guarded({})]);
      await app.get('/x');
      const about = (): unknown[] =>
        logged.mock.calls
          .flat()
          .filter(text => /credentials/.test(String(text)));
      expect(about()).toEqual([]);
      await app.get('/x', { cookie: 'a=1' });
      await app.get('/x', { authorization: 'Bearer x' });
      expect(about()).toEqual([
        expect.stringMatching(/^CountedController\.get .*`scope`: 'shared'/),
      ]);
    } finally {
      logged.mockRestore();
    }
  });

  it('does not confirm to one what another was given', async () => {
    await using app = await start(adapter, [
      guarded({ scope: context => userOf(context)?.id }),
    ]);
    const { headers } = await app.get('/x', { 'x-user': 'ada' });
    const asked = { 'if-none-match': String(headers.get('etag')) };
    const own = await app.get('/x', { ...asked, 'x-user': 'ada' });
    expect(own.status).toBe(304);
    const bob = { ...asked, 'x-user': 'bob' };
    for (const others of [bob, asked]) {
      const other = await app.get('/x', others);
      expect(other.status).toBe(200);
    }
  });

  it('does not confirm to a user what anybody was given', async () => {
    await using app = await start(adapter, [guarded({})]);
    const { headers } = await app.get('/x');
    const asked = { 'if-none-match': String(headers.get('etag')) };
    expect((await app.get('/x', asked)).status).toBe(304);
    const own = await app.get('/x', { ...asked, 'x-user': 'ada' });
    expect(own.status).toBe(200);
    expect(JSON.parse(own.body)).toMatchObject({ user: { id: 'ada' } });
  });

  it('lets a guard reject before 304', async () => {
    await using app = await start(adapter, [guarded({ scope: 'shared' })]);
    const { headers } = await app.get('/x');
    const asked = { 'if-none-match': String(headers.get('etag')) };
    const banned = { ...asked, 'x-user': 'banned' };
    expect((await app.get('/x', banned)).status).toBe(403);
  });

  it('tells a different Accept apart where the route varies by it, for HEAD as for GET', async () => {
    await using app = await start(adapter, [
      guarded({ scope: 'shared', vary: ['Accept'] }),
    ]);
    const first = await ask(app.url, '/x', {
      headers: { accept: 'text/html' },
    });
    expect(first.headers['vary']).toBe('Accept');
    for (const accept of [undefined, 'application/json', 'text/html, */*']) {
      const answer = await ask(app.url, '/x', {
        method: 'HEAD',
        headers: accept === undefined ? {} : { accept },
      });
      expect(answer.headers['cache-status']).not.toMatch(HIT);
    }
    const same = await ask(app.url, '/x', {
      method: 'HEAD',
      headers: { accept: 'text/html' },
    });
    expect(same.headers['cache-status']).toMatch(HIT);
  });

  it('does not let a proxy’s headers choose the answer of another host', async () => {
    await using app = await start(adapter, [guarded({ scope: 'shared' })]);
    const run = async (headers: Record<string, string>): Promise<number> => {
      const { body } = await ask(app.url, '/x', { headers });
      return (JSON.parse(body.toString()) as { run: number }).run;
    };
    expect(await run({ host: 'a.test' })).toBe(1);
    expect(await run({ host: 'b.test', 'x-forwarded-host': 'a.test' })).toBe(2);
    expect(
      await run({
        host: 'a.test',
        'x-forwarded-host': 'evil.test',
        'x-original-url': '/admin',
      }),
    ).toBe(1);
  });

  it('does not store what an interceptor behind ours made somebody’s own', async () => {
    @Injectable()
    class LateUser implements NestInterceptor {
      intercept(
        context: ExecutionContext,
        next: CallHandler,
      ): Observable<unknown> {
        context.switchToHttp().getRequest<AnyRequest>().user = { id: 'late' };
        return next.handle();
      }
    }
    await using app = await start(adapter, [
      guarded({}, UseInterceptors(LateUser) as MethodDecorator),
    ]);
    expect((await app.get('/x')).cacheStatus).toMatch(
      /fwd=miss;.*detail=credentials/,
    );
    expect((await app.get('/x')).cacheStatus).not.toMatch(HIT);
  });

  it('sees the user that a middleware left', async () => {
    await using app = await start(adapter, [guarded({})], {
      configure: nest =>
        nest.use((request: AnyRequest, _: unknown, next: () => void) => {
          request.user = { id: 'by middleware' };
          next();
        }),
    });
    expect((await app.get('/x')).cacheStatus).toMatch(/credentials/);
  });

  it('gives one answer to all where the scope is shared', async () => {
    await using app = await start(adapter, [guarded({ scope: 'shared' })]);
    await app.get('/x', { authorization: 'Bearer x', cookie: 'a=1' });
    const other = await app.get('/x', { 'x-user': '7' });
    expect(other.cacheStatus).toMatch(HIT);
    expect(JSON.parse(other.body)).toEqual({ run: 1 });
  });

  it('gives each principal its own, and 1 is not "1"', async () => {
    await using app = await start(adapter, [
      guarded({
        scope: context => {
          const id = userOf(context)?.id;
          return id === 'one' ? 1 : id === 'text' ? '1' : id;
        },
      }),
    ]);
    for (const id of ['one', 'text', 'other']) {
      const first = await app.get('/x', { 'x-user': id });
      expect(first.cacheStatus).toMatch(STORED);
      const again = await app.get('/x', { 'x-user': id });
      expect(again.cacheStatus).toMatch(HIT);
      expect(JSON.parse(again.body)).toMatchObject({ user: { id } });
    }
    expect((await app.get('/x')).cacheStatus).toBe(
      'alkey; fwd=bypass; detail=no-principal',
    );
  });

  it.each([
    ['null', () => null],
    ['NaN', () => Number.NaN],
    ['a promise', () => Promise.resolve(1)],
    [
      'an error',
      () => {
        throw new Error('no user');
      },
    ],
  ])('does not cache where the scope answers %s', async (_, scope) => {
    await using app = await start(adapter, [
      guarded({ scope: scope as unknown as () => number }),
    ]);
    for (const run of [1, 2]) {
      const answer = await app.get('/x');
      expect(answer.status).toBe(200);
      expect(answer.cacheStatus).toMatch(/^alkey; fwd=bypass; detail=/);
      expect(JSON.parse(answer.body)).toMatchObject({ run });
    }
  });

  it('lets a guard reject before the cache is asked, for a hit as well', async () => {
    await using app = await start(adapter, [guarded({ scope: 'shared' })]);
    await app.get('/x');
    expect((await app.get('/x')).cacheStatus).toMatch(HIT);
    const rejected = await app.get('/x', { 'x-user': 'banned' });
    expect(rejected.status).toBe(403);
    expect(rejected.cacheStatus).toBeNull();
  });
});

describe.each(ADAPTERS)('what is not stored over %s', adapter => {
  it.each([
    ['set-cookie', { 'x-set-set-cookie': 'session=1' }],
    ['no-store', { 'x-set-cache-control': 'max-age=5, No-Store' }],
    ['private', { 'x-set-cache-control': 'private' }],
    ['vary', { 'x-set-vary': 'Accept-Language' }],
    ['vary', { 'x-set-vary': '*' }],
  ])('refuses %s that a handler set', async (reason, headers) => {
    await using app = await start(adapter, [
      guarded({ scope: 'shared', vary: ['X-Declared'] }),
    ]);
    const first = await app.get('/x', headers);
    expect(first.cacheStatus).toMatch(new RegExp(`detail=${reason}`));
    expect((await app.get('/x')).cacheStatus).toMatch(STORED);
  });

  it.each([
    ['no-store', Header('Cache-Control', 'no-store')],
    ['set-cookie', Header('Set-Cookie', 'a=1')],
    ['vary', Header('Vary', 'Accept-Language')],
    ['vary', Header('Vary', () => 'X-Declared')],
  ])('refuses %s that @Header set', async (reason, decorator) => {
    await using app = await start(adapter, [
      guarded({ scope: 'shared', vary: ['X-Declared'] }, decorator),
    ]);
    await app.get('/x');
    expect((await app.get('/x')).cacheStatus).toMatch(
      new RegExp(`detail=${reason}`),
    );
  });

  it('stores private for a principal', async () => {
    await using app = await start(adapter, [
      guarded({ scope: context => userOf(context)?.id }),
    ]);
    const headers = { 'x-user': '1', 'x-set-cache-control': 'private' };
    await app.get('/x', headers);
    const again = await app.get('/x', headers);
    expect(again.cacheStatus).toMatch(HIT);
    expect(again.headers.get('cache-control')).toBe('private');
  });

  it('keeps the Vary and the origin of each request, as CORS set them', async () => {
    await using app = await start(
      adapter,
      [guarded({ scope: 'shared', vary: ['X-Declared'] })],
      {
        configure: nest =>
          nest.enableCors({ origin: true, exposedHeaders: ['x-a'] }),
      },
    );
    const set = { 'x-set-vary': 'X-Declared' };
    const first = await app.get('/x', {
      origin: 'http://a.test',
      ...set,
    });
    expect(first.cacheStatus).toMatch(STORED);
    const other = await app.get('/x', {
      origin: 'http://b.test',
      ...set,
    });
    expect(other.cacheStatus).toMatch(HIT);
    expect(other.headers.get('access-control-allow-origin')).toBe(
      'http://b.test',
    );
    const names = (other.headers.get('vary') ?? '').split(/, */).toSorted();
    expect(names).toEqual(['Origin', 'X-Declared']);
  });

  it('does not give one request’s own headers to another', async () => {
    let ids = 0;
    await using app = await start(adapter, [guarded({ scope: 'shared' })], {
      configure: nest =>
        nest.use(
          (
            _: unknown,
            response: { setHeader(name: string, value: string): void },
            next: () => void,
          ) => {
            response.setHeader('X-Request-Id', `${++ids}`);
            next();
          },
        ),
    });
    const first = await ask(app.url, '/x', {
      headers: { 'x-set-keep-alive': 'timeout=99', 'x-set-x-kept': 'yes' },
    });
    const again = await ask(app.url, '/x');
    expect(again.headers['cache-status']).toMatch(HIT);
    expect(first.headers['x-request-id']).toBe('1');
    expect(again.headers['x-request-id']).toBe('2');
    expect(again.headers['x-kept']).toBe('yes');
    expect(again.headers['keep-alive']).toBeUndefined();
  });

  it('lets requests with a body pass', async () => {
    await using app = await start(adapter, [guarded({ scope: 'shared' })]);
    await ask(app.url, '/x');
    for (const [name, value] of [
      ['content-length', '2'],
      ['transfer-encoding', 'chunked'],
    ] as const) {
      const answer = await ask(app.url, '/x', {
        headers: { [name]: value, 'content-type': 'application/json' },
        body: '{}',
      });
      expect(answer.headers['cache-status']).toBe(
        'alkey; fwd=bypass; detail=request-body',
      );
    }
  });

  it('tells hosts apart, whatever their case', async () => {
    await using app = await start(adapter, [guarded({ scope: 'shared' })]);
    const from = async (host: string): Promise<unknown> => {
      const { body } = await ask(app.url, '/x', { headers: { host } });
      return (JSON.parse(body.toString()) as { run: number }).run;
    };
    expect(await from('a.test')).toBe(1);
    expect(await from('b.test')).toBe(2);
    expect(await from('A.test')).toBe(1);
    expect(await from('a.test:8080')).toBe(3);
  });
});

it('tells apart what a middleware of Express made of one address', async () => {
  await using app = await start('express', [guarded({ scope: 'shared' })], {
    configure: nest =>
      nest.use(
        (
          request: { url: string } & AnyRequest,
          _: unknown,
          next: () => void,
        ) => {
          const tenant = request.headers['x-tenant'];
          if (tenant !== undefined) request.url += `?tenant=${tenant}`;
          next();
        },
      ),
  });
  const runs: unknown[] = [];
  for (const tenant of ['a', 'b', 'a']) {
    const { body } = await app.get('/x', { 'x-tenant': tenant });
    runs.push((JSON.parse(body) as { run: number }).run);
  }
  expect(runs).toEqual([1, 2, 1]);
});

function accounts(...decorators: readonly MethodDecorator[]): Type {
  @Controller('accounts')
  class AccountsController {
    constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

    @Get()
    list(): Promise<Account[]> {
      return this.dataSource.getRepository(Account).find();
    }
  }
  for (const decorate of decorators.toReversed()) {
    decorate(
      AccountsController.prototype,
      'list',
      Object.getOwnPropertyDescriptor(AccountsController.prototype, 'list')!,
    );
  }
  return AccountsController;
}

@Injectable()
class Wrapping implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map(data => ({ data })));
  }
}

const seen: unknown[] = [];

@Injectable()
class Logging implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(tap(value => seen.push(value)));
  }
}

const keyed = CacheKeyed(Account) as MethodDecorator;
const wrapping = UseInterceptors(Wrapping) as MethodDecorator;
const serializing = UseInterceptors(
  ClassSerializerInterceptor,
) as MethodDecorator;

const twinController = (path: string, hidden: 'a' | 'b'): Type => {
  class Twin {
    a = 'A';
    b = 'B';
  }
  Exclude()(Twin.prototype, hidden);
  @Controller(path)
  class TwinController {
    @Get()
    @CacheKeyed(GLOBAL_WRITE_TOKEN)
    get(): Twin {
      return new Twin();
    }
  }
  return TwinController;
};

const sameController = (path: string, answer: string): Type => {
  @Controller(path)
  class SameController {
    @Get('x')
    @CacheKeyed(GLOBAL_WRITE_TOKEN)
    get(): string {
      return answer;
    }
  }
  return SameController;
};

describe.each(ADAPTERS)('interceptors over %s', adapter => {
  const globally = (interceptor: Type): Partial<StartOptions> => ({
    entities: [Account],
    metadata: {
      providers: [{ provide: APP_INTERCEPTOR, useClass: interceptor }],
    },
  });
  const locally: Partial<StartOptions> = { entities: [Account] };
  const cases: readonly (readonly [
    string,
    readonly MethodDecorator[],
    Partial<StartOptions>,
  ])[] = [
    ['a global serializer', [], globally(ClassSerializerInterceptor)],
    ['a serializer before ours', [serializing], locally],
    ['a global wrapper', [], globally(Wrapping)],
    ['a wrapper before ours', [wrapping], locally],
    ['a global logger', [], globally(Logging)],
  ];
  it.each([
    ...cases.map(
      ([title, before, more]) => [title, [...before, keyed], more] as const,
    ),
    ['a serializer after ours', [keyed, serializing], locally] as const,
    ['a wrapper after ours', [keyed, wrapping], locally] as const,
    [
      'a serializer after, a wrapper before ours',
      [wrapping, keyed, serializing],
      locally,
    ] as const,
  ])('answers as without a cache with %s', async (title, decorators, more) => {
    const controllers = (cached: boolean): Type[] => [
      accounts(...decorators.filter(each => cached || each !== keyed)),
    ];
    await using bare = await start(adapter, controllers(false), more);
    await using app = await start(adapter, controllers(true), more);
    for (const { dataSource } of [bare, app]) {
      await dataSource
        .getRepository(Account)
        .save({ name: 'Ada', password: 'secret' });
    }
    const headers = { host: 'shop.example' };
    const plain = await ask(bare.url, '/accounts', { headers });
    const miss = await ask(app.url, '/accounts', { headers });
    const hit = await ask(app.url, '/accounts', { headers });
    expect(hit.headers['cache-status']).toMatch(HIT);
    expect(essence(miss)).toEqual(essence(plain));
    expect(essence(hit)).toEqual(essence(plain));
    const serialised = title.includes('serializer');
    expect(hit.body.includes('secret')).toBe(!serialised);
    expect(hit.body.includes('Hello Ada')).toBe(serialised);
  });

  it('hands a hit to a logger outside as an instance again', async () => {
    await using app = await start(
      adapter,
      [accounts(keyed)],
      globally(Logging),
    );
    await app.dataSource
      .getRepository(Account)
      .save({ name: 'Ada', password: 'secret' });
    seen.length = 0;
    await app.get('/accounts');
    await app.get('/accounts');
    expect(seen).toHaveLength(2);
    expect(seen[1]).toEqual(seen[0]);
    expect((seen[1] as unknown[])[0]).toBeInstanceOf(Account);
  });

  it('does not take one class for another of its name', async () => {
    await using app = await start(
      adapter,
      [twinController('one', 'a'), twinController('other', 'b')],
      globally(ClassSerializerInterceptor),
    );
    for (const pattern of [STORED, HIT]) {
      const one = await app.get('/one');
      const other = await app.get('/other');
      expect([one.body, other.body]).toEqual(['{"b":"B"}', '{"a":"A"}']);
      expect(one.cacheStatus).toMatch(pattern);
      expect(other.cacheStatus).toMatch(pattern);
    }
  });

  it('does not store an instance whose private members it cannot see', async () => {
    class Vault {
      #secret = 'kept';

      @Expose()
      get hint(): string {
        return this.#secret.slice(0, 1);
      }
    }
    @Controller('vault')
    class VaultController {
      @Get()
      @CacheKeyed(GLOBAL_WRITE_TOKEN)
      get(): Vault {
        return new Vault();
      }
    }
    await using app = await start(
      adapter,
      [VaultController],
      globally(ClassSerializerInterceptor),
    );
    for (let request = 0; request < 2; request += 1) {
      const answer = await app.get('/vault');
      expect(answer.body).toBe('{"hint":"k"}');
      expect(answer.cacheStatus).toMatch(/detail=unencodable/);
    }
  });

  it('tells two controllers of one name apart', async () => {
    @Module({ controllers: [sameController('first', 'one')] })
    class First {}
    @Module({ controllers: [sameController('second', 'two')] })
    class Second {}
    await using app = await startRoutes(adapter, [], {
      metadata: { imports: [First, Second] },
    });
    for (let request = 0; request < 2; request += 1) {
      expect((await app.get('/first/x')).body).toBe('one');
      expect((await app.get('/second/x')).body).toBe('two');
    }
  });
});
