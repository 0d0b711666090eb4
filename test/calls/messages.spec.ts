import { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type CallHandler,
  Controller,
  Get,
  Inject,
  Injectable,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
  UseInterceptors,
} from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import {
  type ClientProxy,
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import {
  concat,
  firstValueFrom,
  lastValueFrom,
  map,
  NEVER,
  type Observable,
  of,
  toArray,
} from 'rxjs';
import { DataSource } from 'typeorm';
import {
  AlkeyEvents,
  type AlkeyEventMap,
  CacheKeyed,
  CacheKeyedInterceptor,
  rowOf,
  SkipCacheKeyed,
} from 'nestjs-alkey';
import { CallAnswers } from '../../lib/nest/call-answers.js';
import { RouteResponses } from '../../lib/nest/route-responses.js';
import { Runs, User } from '../support/shop.js';
import { startApp, type StartedApp } from '../support/start-app.js';
import { until } from '../support/redis-servers.js';

/** Stands behind ours: what it makes is kept. */
@Injectable()
class Wraps implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map(value => ({ value })));
  }
}

@Controller('users')
@CacheKeyed(User)
class UsersController {
  private release: (() => void) | undefined;

  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(Runs) private readonly runs: Runs,
  ) {}

  @MessagePattern('user')
  @CacheKeyed(rowOf(User, 'id'))
  user(@Payload('id') id: number): Promise<User | null> {
    this.runs.count('user');
    return this.dataSource.manager.findOneBy(User, { id: Number(id) });
  }

  @MessagePattern('by-slug')
  @CacheKeyed(rowOf(User, { slug: 'slug' }))
  bySlug(@Payload() { slug }: { slug: string }): Promise<User | null> {
    this.runs.count('by-slug');
    return this.dataSource.manager.findOneBy(User, { slug });
  }

  @MessagePattern(['one', 'other'])
  ofTheClass(@Payload() _payload: unknown): number {
    return this.runs.count('ofTheClass');
  }

  @MessagePattern('skipped')
  @SkipCacheKeyed()
  skipped(): number {
    return this.runs.count('skipped');
  }

  @MessagePattern('observable')
  observable(): Observable<number> {
    return of(this.runs.count('observable'));
  }

  @MessagePattern('many')
  many(): Observable<number> {
    this.runs.count('many');
    return of(1, 2, 3);
  }

  @MessagePattern('endless')
  endless(): Observable<number> {
    return concat(of(this.runs.count('endless')), NEVER);
  }

  @MessagePattern('wrapped')
  @CacheKeyed(User)
  @UseInterceptors(Wraps)
  wrapped(): number {
    return this.runs.count('wrapped');
  }

  @MessagePattern('slow')
  async slow(): Promise<object> {
    const run = this.runs.count('slow');
    await new Promise<void>(resolve => (this.release = resolve));
    return { run };
  }

  @MessagePattern('failing')
  failing(): never {
    throw new RpcException(`failure ${this.runs.count('failing')}`);
  }

  @MessagePattern('function')
  function(): unknown {
    return { list: [() => this.runs.count('function')] };
  }

  @EventPattern('event')
  event(@Payload() _payload: unknown): void {
    this.runs.count('event');
  }

  @Get('both/:id')
  @MessagePattern('both')
  @CacheKeyed(rowOf(User, 'id'))
  both(): number {
    return this.runs.count('both');
  }

  finish(): void {
    this.release?.();
  }
}

describe('messages over TCP', () => {
  let app: StartedApp;
  let client: ClientProxy;
  let bypasses: AlkeyEventMap['bypass'][];
  beforeAll(async () => {
    app = await startApp({
      database: { type: 'sqljs' },
      alkey: { scope: 'anonymous' },
      metadata: { controllers: [UsersController] },
    });
    const service = app.app.connectMicroservice({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: 0 },
    });
    await app.app.startAllMicroservices();
    const { port } = service.unwrap<{ address(): AddressInfo }>().address();
    client = ClientProxyFactory.create({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port },
    });
    bypasses = [];
    app.app.get(AlkeyEvents).on('bypass', event => bypasses.push(event));
  });
  afterAll(async () => {
    await client.close();
    await app[Symbol.asyncDispose]();
  });

  const ask = (pattern: string, payload: unknown = {}): Promise<unknown> =>
    lastValueFrom(client.send(pattern, payload));
  const runsOf = (name: string) => app.runs.counts.get(name) ?? 0;
  const repository = () => app.dataSource.getRepository(User);

  it('are answered again until what they name is written', async () => {
    const { id } = await repository().save({ name: 'Ada', slug: null });
    const ada = { id, name: 'Ada', slug: null };
    expect(await ask('user', { id })).toEqual(ada);
    expect(await ask('user', { id })).toEqual(ada);
    expect(runsOf('user')).toBe(1);
    await repository().update(id, { name: 'Grace' });
    expect(await ask('user', { id })).toEqual({ ...ada, name: 'Grace' });
  });

  it('are told apart by their payload, in whatever order its properties come', async () => {
    const first = await ask('one', { a: 1, b: 2 });
    expect(await ask('one', { b: 2, a: 1 })).toBe(first);
    expect(await ask('one', { a: 1, b: '2' })).not.toBe(first);
    expect(await ask('one', [1, 2])).not.toBe(first);
  });

  it('are told apart by the pattern that they came under', async () => {
    const one = await ask('one', 'same');
    expect(await ask('other', 'same')).not.toBe(one);
    expect(await ask('one', 'same')).toBe(one);
  });

  it.each([{}, { id: 'abc' }, { id: { id: 1 } }, { id: null }, 5, [1]])(
    'that name no row, by %j, are not cached',
    async payload => {
      const before = runsOf('both');
      await ask('both', payload);
      await ask('both', payload);
      expect(runsOf('both')).toBe(before + 2);
      expect(bypasses.at(-1)).toMatchObject({
        source: 'call',
        name: 'UsersController.both',
        reason: 'invalid-key',
      });
    },
  );

  it('find a row by a unique column', async () => {
    const { id } = await repository().save({ name: 'Eve', slug: 'eve' });
    await ask('by-slug', { slug: 'eve' });
    expect(await ask('by-slug', { slug: 'eve' })).toMatchObject({ id });
    expect(runsOf('by-slug')).toBe(1);
    await repository().update(id, { slug: 'eva' });
    expect(await ask('by-slug', { slug: 'eve' })).toBeNull();
  });

  it('do not share what HTTP is answered by the same method', async () => {
    const byHttp = await app.get('/users/both/1');
    expect(byHttp.cacheStatus).toMatch(/stored/);
    const byMessage = await ask('both', { id: 1 });
    expect(String(byMessage)).not.toBe(byHttp.body);
    expect(await ask('both', { id: 1 })).toBe(byMessage);
  });

  it('keep what an observable of one value gave, and what an interceptor made', async () => {
    expect(await ask('observable')).toBe(1);
    expect(await ask('observable')).toBe(1);
    expect(await ask('wrapped')).toEqual({ value: 1 });
    expect(await ask('wrapped')).toEqual({ value: 1 });
  });

  it('let observables of many values pass, and those without an end', async () => {
    for (let call = 1; call <= 2; call += 1) {
      const all = client.send<number>('many', {}).pipe(toArray());
      expect(await lastValueFrom(all)).toEqual([1, 2, 3]);
      expect(runsOf('many')).toBe(call);
      expect(await firstValueFrom(client.send('endless', {}))).toBe(call);
      expect(bypasses.at(-1)).toMatchObject({ reason: 'stream' });
    }
  });

  it('share one run', async () => {
    const joined: AlkeyEventMap['miss'][] = [];
    app.app.get(AlkeyEvents).on('miss', event => joined.push(event));
    const asked = [ask('slow'), ask('slow'), ask('slow')];
    await until(async () => joined.length === 3 && runsOf('slow') === 1);
    app.app.get(UsersController).finish();
    expect(await Promise.all(asked)).toEqual([
      { run: 1 },
      { run: 1 },
      { run: 1 },
    ]);
    expect(joined.map(({ collapsed }) => collapsed)).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('keep no failure', async () => {
    await expect(ask('failing')).rejects.toMatchObject({
      message: 'failure 1',
    });
    await expect(ask('failing')).rejects.toMatchObject({
      message: 'failure 2',
    });
  });

  it('fail outside production where the answer cannot be kept', async () => {
    await expect(ask('function')).rejects.toMatchObject({ status: 'error' });
    expect(bypasses.at(-1)).toMatchObject({ reason: 'unencodable' });
  });

  it('pass where their handler is exempt', async () => {
    expect([await ask('skipped'), await ask('skipped')]).toEqual([1, 2]);
  });

  it('that are events pass', async () => {
    await lastValueFrom(client.emit('event', {}), { defaultValue: null });
    await lastValueFrom(client.emit('event', {}), { defaultValue: null });
    await until(() => runsOf('event') > 1);
    expect(runsOf('event')).toBe(2);
  });
});

function handlers(pattern: object, answer: object): Type {
  @Controller()
  class Handlers {
    @MessagePattern(pattern)
    @CacheKeyed(User)
    on(@Payload() _payload: unknown): object {
      return answer;
    }
  }
  return Handlers;
}

it('tells two handlers of one name apart', async () => {
  const [first, other] = [{ of: 'one' }, { of: 'other' }];
  const one = handlers({ on: 1 }, first);
  const two = handlers({ on: 2 }, other);
  await using app = await startApp({
    database: { type: 'sqljs' },
    metadata: { controllers: [one, two] },
  });
  const interceptor = new CacheKeyedInterceptor(
    app.app.get(RouteResponses),
    app.app.get(CallAnswers),
  );
  for (const [type, expected] of [
    [one, first],
    [two, other],
    [one, first],
  ] as const) {
    const prototype = type.prototype as { on: () => object };
    const context = new ExecutionContextHost([{}, {}], type, prototype.on);
    context.setType('rpc');
    const answer = await interceptor.intercept(context, {
      handle: () => of(prototype.on()),
    });
    expect(await lastValueFrom(answer)).toEqual(expected);
  }
});

it('lets other contexts pass', async () => {
  class Handlers {
    @CacheKeyed(User)
    on(): void {}
  }
  await using app = await startApp({ database: { type: 'sqljs' } });
  const interceptor = new CacheKeyedInterceptor(
    app.app.get(RouteResponses),
    app.app.get(CallAnswers),
  );
  for (const type of ['ws', 'rpc', 'graphql']) {
    for (const value of [1, 2]) {
      const context = new ExecutionContextHost(
        [],
        Handlers,
        Handlers.prototype.on,
      );
      context.setType(type);
      const answer = await interceptor.intercept(context, {
        handle: () => of(value),
      });
      expect(await lastValueFrom(answer)).toBe(value);
    }
  }
});
