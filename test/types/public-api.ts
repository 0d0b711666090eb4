// Compiled, never run: `tsc` says whether the public types accept and refuse what they should.
import { type ExecutionContext } from '@nestjs/common';
import { type Cache } from 'cache-manager';
import {
  type AlkeyErrorCode,
  type AlkeyEventMap,
  type AlkeyEvents,
  AlkeyModule,
  type AlkeyModuleOptions,
  CacheKey,
  CacheKeyed,
  type CacheKeyedOptions,
  type CacheKeyService,
  GLOBAL_WRITE_TOKEN,
  type KeyFunction,
  row,
  rowOf,
  SkipCacheKeyed,
  type TokenStore,
  type ValueSerializer,
} from 'nestjs-alkey';
import {
  AlkeyTestingModule,
  type AlkeyTestingOptions,
  expectTouched,
  expectUntouched,
  FaultyTokenStore,
} from 'nestjs-alkey/testing';
import { EntitySchema } from 'typeorm';

type Equal<Left, Right> =
  (<T>() => T extends Left ? 1 : 2) extends <T>() => T extends Right ? 1 : 2
    ? true
    : false;
type IsAny<T> = 0 extends 1 & T ? true : false;
/** The names of the members of `T` that are `any`, or functions that take or answer it. */
type Leaks<T> = {
  [Name in keyof T]-?: true extends
    | IsAny<T[Name]>
    | (T[Name] extends (...parameters: infer Parameters) => infer Answer
        ? IsAny<Answer> | IsAny<Awaited<Answer>> | IsAny<Parameters[number]>
        : false)
    ? Name
    : never;
}[keyof T];
function proves<_Proof extends true>(): void {}

declare const keys: CacheKeyService;
declare const events: AlkeyEvents;
declare const cache: Cache;
declare const late: () => Promise<string>;
declare const context: ExecutionContext;
class User {
  readonly id!: number;
}
const Tag = new EntitySchema<{ readonly id: number }>({
  name: 'Tag',
  columns: {},
});

export function noAnyLeaks(): void {
  proves<Equal<Leaks<CacheKeyService>, never>>();
  proves<Equal<Leaks<Required<AlkeyModuleOptions>>, never>>();
  proves<Equal<Leaks<Required<CacheKeyedOptions>>, never>>();
  proves<Equal<Leaks<Required<AlkeyTestingOptions>>, never>>();
  proves<Equal<Leaks<AlkeyEventMap>, never>>();
  proves<Equal<Leaks<AlkeyEvents>, never>>();
  proves<Equal<Leaks<TokenStore>, never>>();
  proves<Equal<Leaks<FaultyTokenStore>, never>>();
  proves<Equal<IsAny<ReturnType<typeof row>>, false>>();
  proves<Equal<IsAny<ReturnType<typeof rowOf>>, false>>();
  proves<Equal<IsAny<ReturnType<typeof AlkeyModule.forRoot>>, false>>();
}

export function modules(): void {
  AlkeyModule.forRoot();
  AlkeyModule.forRoot({});
  AlkeyModule.forRoot({ redis: 'redis://localhost', isGlobal: false });
  AlkeyModule.forRoot({ redis: { socket: { host: 'localhost' } } });
  AlkeyModule.forRoot({ redis: { rootNodes: [{ url: 'redis://a' }] } });
  AlkeyModule.forRoot({ redis: false, cache, dataSources: ['reports'] });
  AlkeyModule.forRoot({ scope: ({ getClass }) => getClass().name });
  AlkeyModule.forRoot({ ttlMs: undefined, release: undefined });
  const serializer: ValueSerializer = {
    serialize: value => JSON.stringify(value),
    deserialize: text => JSON.parse(text) as unknown,
  };
  AlkeyModule.forRoot({ serializer });
  AlkeyModule.forRootAsync({ useFactory: async () => ({ ttlMs: 1 }) });
  AlkeyModule.forRootAsync({
    inject: [User],
    isGlobal: false,
    useFactory: (user: User) => ({ maxRowsPerTable: user.id }),
  });
  class Settings {
    createAlkeyOptions(): AlkeyModuleOptions {
      return { consistency: 'commit' };
    }
  }
  AlkeyModule.forRootAsync({ useClass: Settings });
  AlkeyModule.forRootAsync({ useExisting: Settings });

  // @ts-expect-error -- no number
  AlkeyModule.forRoot({ ttlMs: '60' });
  // @ts-expect-error -- one of two words
  AlkeyModule.forRoot({ consistency: 'eventual' });
  // @ts-expect-error -- false or a place, never true
  AlkeyModule.forRoot({ redis: true });
  // @ts-expect-error -- a text is asked for, at once
  AlkeyModule.forRoot({ serializer: { ...serializer, serialize: late } });
  // @ts-expect-error -- no such option
  AlkeyModule.forRoot({ maxRowPerTable: 5 });
  // @ts-expect-error -- makes no options
  AlkeyModule.forRootAsync({ useClass: User });
  // @ts-expect-error -- options with a wrong value
  AlkeyModule.forRootAsync({ useFactory: () => ({ ttlMs: '60' }) });
}

export async function service(): Promise<void> {
  proves<Equal<ReturnType<typeof keys.key>, Promise<string>>>();
  await keys.key();
  await keys.key(new User(), User, Tag, 'alkey:users#1', 1, null, { a: [] });
  await keys.token(new User());
  await keys.token(row(User, 42));
  await keys.token(GLOBAL_WRITE_TOKEN);
  await keys.setToken(User, 'by hand');
  await keys.invalidate();
  await keys.invalidate(
    User,
    Tag,
    new User(),
    'alkey:users#1',
    row('User', 1n),
  );
  await keys.dependsOn();
  const waited: void = await keys.dependsOn(
    User,
    row(User, 1),
    'alkey:users#1',
  );
  void waited;
  await keys.invalidateAll();
  const user = await keys.wrap([User], async () => new User());
  proves<Equal<typeof user, User>>();
  const nothing = await keys.wrap([], async () => undefined, { ttlMs: 5 });
  proves<Equal<typeof nothing, undefined>>();
  proves<
    Equal<KeyFunction, (...parts: readonly unknown[]) => Promise<string>>
  >();

  // @ts-expect-error a ref names something
  await keys.dependsOn(undefined);
  // @ts-expect-error -- names nothing
  await keys.token(1);
  // @ts-expect-error -- names nothing
  await keys.invalidate(undefined);
  // @ts-expect-error -- a token is a text
  await keys.setToken(User, 1);
  // @ts-expect-error -- parts come in a list
  await keys.wrap(User, async () => 1);
  // @ts-expect-error -- a promise is asked for
  await keys.wrap([User], () => 1);
  // @ts-expect-error -- no such option
  await keys.wrap([User], async () => 1, { ttl: 5 });
}

export function refs(): void {
  row(User, 1);
  row(User, '01');
  row(Tag, new Date());
  row('User', { tenantId: 1, id: 2 });
  rowOf(User, 'id');
  rowOf(User, { slug: 'slug' });
  rowOf(User, ctx => ctx.getArgs().length);
  rowOf(User, async () => undefined);

  // @ts-expect-error -- no key at all
  row(User);
  // @ts-expect-error -- no row has such a key
  row(User, null);
  // @ts-expect-error -- no entity
  row(1, 1);
  // @ts-expect-error -- the name of a parameter, a record of such, or a function
  rowOf(User, 1);
}

export class Decorated {
  @CacheKeyed()
  everything(): void {}

  @CacheKeyed(User, Tag, rowOf(User, 'id'), row(User, 1), 'alkey:users#:id')
  many(): void {}

  @CacheKeyed(User, { ttlMs: 5, scope: 'shared', vary: ['accept-language'] })
  options(): void {}

  @CacheKeyed({ scope: () => undefined, query: ['page'], statuses: [200, 404] })
  onlyOptions(): void {}

  @CacheKeyed(async (ctx: ExecutionContext) => [new User(), ctx.getClass()])
  asked(): void {}

  @SkipCacheKeyed()
  skipped(@CacheKey() key: KeyFunction): Promise<string> {
    return key(context);
  }

  // @ts-expect-error -- a number names nothing
  @CacheKeyed(5)
  number(): void {}

  // @ts-expect-error -- options come last
  @CacheKeyed({ ttlMs: 5 }, User)
  optionsFirst(): void {}

  // @ts-expect-error -- no such option
  @CacheKeyed(User, { ttl: 5 })
  unknownOption(): void {}
}

export function listeners(): void {
  const stop = events.on('hit', event => {
    proves<Equal<typeof event, AlkeyEventMap['hit']>>();
  });
  stop();
  events.on('store-error', ({ operation, error }) => [operation, error]);
  proves<Equal<AlkeyEventMap['store-error']['error'], unknown>>();
  proves<
    Equal<Extract<AlkeyErrorCode, 'ALKEY_UNKNOWN_TABLE'>, 'ALKEY_UNKNOWN_TABLE'>
  >();

  // @ts-expect-error -- no such event
  events.on('hits', () => undefined);
  // @ts-expect-error -- a hit has no error
  events.on('hit', ({ error }) => error);
}

export async function testing(): Promise<void> {
  const tokenStore = new FaultyTokenStore();
  tokenStore.failOn('hold', 2, 'late');
  AlkeyTestingModule.forRoot({ tokenStore, ttlMs: 5, isGlobal: false });
  const app = { get: () => undefined as never };
  const answer = await expectTouched(app, [User, row(User, 1)], async () => 5);
  proves<Equal<typeof answer, number>>();
  await expectUntouched(app, 'alkey:*#*', () => undefined);

  // @ts-expect-error -- no such operation
  tokenStore.failOn('get');
  // @ts-expect-error -- always in memory
  AlkeyTestingModule.forRoot({ redis: 'redis://localhost' });
  // @ts-expect-error -- an action is asked for
  await expectTouched(app, User);
}
