import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Module,
  Param,
  type Type,
  VersioningType,
} from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import {
  ChildEntity,
  Column,
  DataSource,
  Entity,
  EntitySchema,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  ViewColumn,
  ViewEntity,
} from 'typeorm';
import {
  CacheKeyed,
  GLOBAL_WRITE_TOKEN,
  row,
  rowOf,
  type RouteRef,
} from 'nestjs-alkey';
import { HIT } from '../support/cache-status.js';
import {
  type AdapterName,
  ADAPTERS,
  startApp,
  type StartedApp,
} from '../support/start-app.js';
import {
  createDatabase,
  describeOnEachDatabase,
  type OpenedDatabase,
} from '../support/databases.js';
import { Country, Membership, Order, User } from '../support/shop.js';
import { startRoutes } from './start-routes.js';

interface Gadget {
  id: number;
  name: string;
}
const GadgetSchema = new EntitySchema<Gadget>({
  name: 'Gadget',
  tableName: 'gadgets',
  columns: {
    id: { type: Number, primary: true, generated: true },
    name: { type: String },
  },
});

@Entity('animals')
@TableInheritance({ column: { name: 'kind', type: 'varchar' } })
class Animal {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;
}

@ChildEntity()
class Cat extends Animal {
  @Column({ nullable: true, type: 'int' })
  lives!: number | null;
}

@ChildEntity()
class Dog extends Animal {}

@ViewEntity({
  name: 'user_names',
  expression: 'SELECT id, name FROM users',
})
class UserName {
  @ViewColumn()
  id!: number;

  @ViewColumn()
  name!: string;
}

@Entity('tags')
class Tag {
  @PrimaryColumn({ type: 'varchar' })
  name!: string;

  @Column()
  label!: string;
}

const ENTITIES = [
  User,
  Order,
  Membership,
  Country,
  GadgetSchema,
  Animal,
  Cat,
  Dog,
  UserName,
  Tag,
];

interface AnyRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

const requestOf = (context: ExecutionContext): AnyRequest =>
  context.switchToHttp().getRequest<AnyRequest>();
const idOf = (context: ExecutionContext): number =>
  Number(requestOf(context).params['id']);

/** A route of its own for each list of refs; what it answers never matters here. */
function routes(
  refs: Readonly<Record<string, readonly RouteRef[]>>,
): readonly Type[] {
  return Object.entries(refs).map(([path, list]) => {
    @Controller()
    class RefController {
      @Get(path)
      @CacheKeyed(...list)
      get(): string {
        return 'answer';
      }
    }
    return RefController;
  });
}

const start = (
  adapter: AdapterName,
  controllers: readonly Type[],
  configure: (app: INestApplication) => void = () => undefined,
): Promise<StartedApp> =>
  startRoutes(adapter, controllers, { entities: ENTITIES, configure });

const WRITES: Readonly<Record<string, (app: DataSource) => Promise<unknown>>> =
  {
    user1: ({ manager }) => manager.update(User, 1, { name: 'Ada L.' }),
    user2: ({ manager }) => manager.update(User, 2, { name: 'Grace H.' }),
    gadget: ({ manager }) =>
      manager.update(GadgetSchema, 1, { name: 'changed' }),
    order: ({ manager }) =>
      manager.save(Order, { item: 'tea', user: { id: 1 } as User }),
    membership: ({ manager }) =>
      manager.update(Membership, { userId: 1, groupId: 2 }, { role: 'owner' }),
    cat: ({ manager }) => manager.update(Cat, 1, { lives: 8 }),
    country: ({ manager }) =>
      manager.update(Country, 'IS', { name: 'Iceland' }),
    tag: ({ manager }) => manager.update(Tag, 'a,b/*', { label: 'new' }),
  };

/** What each ref names, and what else touches it; every route is asked twice before. */
const REFS: readonly (readonly [
  path: string,
  asked: string,
  refs: readonly RouteRef[],
  key: string,
  outdatedBy: readonly string[],
])[] = [
  ['class', '', [User], 'alkey:users#*', ['user1', 'user2']],
  ['schema', '', [GadgetSchema], 'alkey:gadgets#*', ['gadget']],
  ['name', '', ['User'], 'alkey:users#*', ['user1', 'user2']],
  [
    'row/:id',
    'row/1',
    [rowOf(User, 'id')],
    'alkey:users#1',
    ['user1', 'order'],
  ],
  [
    'row-by-name/:id',
    'row-by-name/1',
    [rowOf('User', 'id')],
    'alkey:users#1',
    ['user1', 'order'],
  ],
  [
    'schema-row/:id',
    'schema-row/1',
    [rowOf(GadgetSchema, 'id')],
    'alkey:gadgets#1',
    ['gadget'],
  ],
  [
    'composite/:group/:user',
    'composite/2/1',
    [rowOf(Membership, { groupId: 'group', userId: 'user' })],
    'alkey:memberships#1,2',
    ['membership'],
  ],
  [
    'slug/:slug',
    'slug/ada',
    [rowOf(User, { slug: 'slug' })],
    'alkey:users#1',
    ['user1', 'order'],
  ],
  [
    'function/:id',
    'function/1',
    [rowOf(User, context => idOf(context))],
    'alkey:users#1',
    ['user1', 'order'],
  ],
  [
    'function-slug',
    'function-slug',
    [rowOf(User, () => Promise.resolve({ slug: 'grace' }))],
    'alkey:users#2',
    ['user2'],
  ],
  [
    'template/:id',
    'template/01',
    ['alkey:users#:id'],
    'alkey:users#1',
    ['user1', 'order'],
  ],
  [
    'template-composite/:user',
    'template-composite/1',
    ['alkey:memberships#:user,2'],
    'alkey:memberships#1,2',
    ['membership'],
  ],
  ['table-text', '', ['alkey:users#*'], 'alkey:users#*', ['user1', 'user2']],
  ['row-text', '', ['alkey:users#1'], 'alkey:users#1', ['user1', 'order']],
  ['everything', '', [GLOBAL_WRITE_TOKEN], 'alkey:*#*', Object.keys(WRITES)],
  ['none', '', [], 'alkey:*#*', Object.keys(WRITES)],
  [
    'instance/:id',
    'instance/1',
    [context => Object.assign(new User(), { id: idOf(context) })],
    'alkey:users#1',
    ['user1', 'order'],
  ],
  ['unsaved', '', [() => new User()], 'alkey:users#*', ['user1', 'user2']],
  [
    'answers-row-of/:id',
    'answers-row-of/1',
    [() => rowOf(User, 'id')],
    'alkey:users#1',
    ['user1', 'order'],
  ],
  [
    'answers-list',
    '',
    [() => Promise.resolve([row(User, 2), Country, 'alkey:gadgets#1'])],
    'alkey:users#2 alkey:countries#* alkey:gadgets#1',
    ['user2', 'country', 'gadget'],
  ],
  [
    'several/:id',
    'several/1',
    [rowOf(User, 'id'), GadgetSchema],
    'alkey:users#1 alkey:gadgets#*',
    ['user1', 'order', 'gadget'],
  ],
  ['child', '', [Cat], 'alkey:animals#*', ['cat']],
  [
    'child-row/:id',
    'child-row/1',
    [rowOf(Cat, 'id')],
    'alkey:animals#1',
    ['cat'],
  ],
  ['view', '', [UserName], 'alkey:user_names#*', ['user1', 'user2']],
  [
    'text-key/:name',
    'text-key/a%2Cb%2F*',
    [rowOf(Tag, 'name')],
    'alkey:tags#a%2Cb%2F%2A',
    ['tag'],
  ],
];

async function seed({ manager }: DataSource): Promise<void> {
  await manager.save(User, { name: 'Ada', slug: 'ada' });
  await manager.save(User, { name: 'Grace', slug: 'grace' });
  await manager.save(GadgetSchema, { name: 'gadget' });
  await manager.save(Membership, { userId: 1, groupId: 2, role: 'guest' });
  await manager.save(Cat, { name: 'Tom', lives: 9 });
  await manager.save(Country, { code: 'IS', name: 'Island' });
  await manager.save(Tag, { name: 'a,b/*', label: 'old' });
}

describe.each(ADAPTERS)('refs over %s', adapter => {
  let app: StartedApp;
  beforeAll(async () => {
    app = await start(
      adapter,
      routes(Object.fromEntries(REFS.map(([path, , refs]) => [path, refs]))),
    );
    await seed(app.dataSource);
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
  });

  it.each(REFS)(
    '%s: depends on what it names and on nothing else',
    async (path, asked, _, key, outdatedBy) => {
      const url = `/${asked || path}`;
      await app.get(url);
      const hit = await app.get(url);
      expect(hit.cacheStatus?.replace(/ttl=\d+; /, '')).toBe(
        `alkey; hit; key="${key}"`,
      );
      const outdating: string[] = [];
      for (const [name, write] of Object.entries(WRITES)) {
        await write(app.dataSource);
        const { cacheStatus } = await app.get(url);
        if (!HIT.test(cacheStatus ?? '')) outdating.push(name);
        expect((await app.get(url)).cacheStatus).toMatch(HIT);
      }
      expect(outdating.toSorted()).toEqual([...outdatedBy].toSorted());
    },
  );
});

describe.each(ADAPTERS)('requests that name nothing over %s', adapter => {
  it.each<readonly [string, string, RouteRef, string]>([
    [
      'an unknown slug',
      'x/:slug',
      rowOf(User, { slug: 'slug' }),
      'invalid-key',
    ],
    ['no instance', 'x/:slug', () => undefined, 'invalid-key'],
    ['null', 'x/:slug', () => null, 'invalid-key'],
    ['an empty list', 'x/:slug', () => [], 'invalid-key'],
    [
      'a list with a gap',
      'x/:slug',
      () => [User, row(User, 'x')],
      'invalid-key',
    ],
    [
      'an error',
      'x/:slug',
      () => {
        throw new Error('no');
      },
      'declaration-error',
    ],
    [
      'a promise that fails',
      'x/:slug',
      () => Promise.reject(new Error('no')),
      'declaration-error',
    ],
    [
      'an unknown table',
      'x/:slug',
      () => 'alkey:nowhere#1',
      'declaration-error',
    ],
    [
      'a column that is not unique',
      'x/:slug',
      rowOf(User, () => ({ name: 'Ada' })),
      'declaration-error',
    ],
  ])('are answered without the cache: %s', async (_, path, ref, reason) => {
    await using app = await start(adapter, routes({ [path]: [ref] }));
    for (let request = 0; request < 2; request += 1) {
      const answer = await app.get('/x/unknown');
      expect(answer.status).toBe(200);
      expect(answer.cacheStatus).toBe(`alkey; fwd=bypass; detail=${reason}`);
    }
  });
});

const withRefs = (path: string, ...list: readonly RouteRef[]): Type =>
  routes({ [path]: list })[0]!;
const withOptions = (value: unknown): Type => {
  @Controller()
  class WrongOptions {
    @Get('x')
    @CacheKeyed(User, value as object)
    get(): void {}
  }
  return WrongOptions;
};

describe('a wrong @CacheKeyed is found at start', () => {
  @Controller('things')
  @CacheKeyed(rowOf(User, 'id'))
  class WithoutParameter {
    @Get()
    list(): void {}
  }
  class NoEntity {}

  it.each<readonly [string, RegExp, Type]>([
    [
      'ALKEY_UNKNOWN_TABLE',
      /Did you mean "users"/,
      withRefs('x/:id', 'alkey:user#:id'),
    ],
    ['ALKEY_UNKNOWN_TABLE', /"user"/, withRefs('x', 'alkey:user#*')],
    ['ALKEY_UNKNOWN_ENTITY', /NoEntity/, withRefs('x', NoEntity)],
    [
      'ALKEY_UNKNOWN_ENTITY',
      /NoEntity/,
      withRefs('x/:id', rowOf(NoEntity, 'id')),
    ],
    [
      'ALKEY_UNKNOWN_ROUTE_PARAMETER',
      /RefController\.get has no parameter "is"\. Did you mean "id"/,
      withRefs('x/:id', rowOf(User, 'is')),
    ],
    [
      'ALKEY_UNKNOWN_ROUTE_PARAMETER',
      /"slug"/,
      withRefs('x/:id', rowOf(User, { slug: 'slug' })),
    ],
    [
      'ALKEY_UNKNOWN_ROUTE_PARAMETER',
      /"user"/,
      withRefs('x/:id', 'alkey:users#:user'),
    ],
    [
      'ALKEY_UNKNOWN_ROUTE_PARAMETER',
      /WithoutParameter\.list/,
      WithoutParameter,
    ],
    [
      'ALKEY_INVALID_REF',
      /unique/,
      withRefs('x/:id', rowOf(User, { name: 'id' })),
    ],
    ['ALKEY_INVALID_REF', /userId/, withRefs('x/:id', rowOf(Membership, 'id'))],
    [
      'ALKEY_INVALID_REF',
      /1 key values of "users", got 2/,
      withRefs('x/:id', 'alkey:users#:id,2'),
    ],
    ['ALKEY_INVALID_REF', /number/, withRefs('x', 42 as unknown as RouteRef)],
    ['ALKEY_INVALID_OPTION', /`ttlMs`/, withOptions({ ttlMs: 0 })],
    [
      'ALKEY_INVALID_OPTION',
      /`staleIfErrorMs` .* an integer from 0 to 2147483647, got `-1`/,
      withOptions({ staleIfErrorMs: -1 }),
    ],
    [
      'ALKEY_INVALID_OPTION',
      /`staleWhileRevalidateMs` .*got `"1m"`/,
      withOptions({ staleWhileRevalidateMs: '1m' as never }),
    ],
    [
      'ALKEY_INVALID_OPTION',
      /`vary`/,
      withOptions({ vary: 'Accept-Language' }),
    ],
    ['ALKEY_INVALID_OPTION', /`scope`/, withOptions({ scope: 'private' })],
    ['ALKEY_INVALID_OPTION', /`statuses`/, withOptions({ statuses: 200 })],
    ['ALKEY_INVALID_OPTION', /`query`/, withOptions({ query: 'none' })],
    [
      'ALKEY_INVALID_OPTION',
      /has no option `ttlSec`.*`ttlMs`/,
      withOptions({ ttlSec: 1 }),
    ],
  ])('%s %p', async (code, message, controller) => {
    await expect(start('express', [controller])).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});

describe.each(ADAPTERS)('parameters of a route over %s', adapter => {
  // Fastify has no names for wildcards.
  const wildcard = adapter === 'express' ? 'name' : '*';
  const wild = adapter === 'express' ? '*name' : '*';

  @Controller({ path: 'users/:user', version: '2' })
  class NestedController {
    @Get(['tags', 'tags/:name'])
    @CacheKeyed(rowOf(Tag, 'name'))
    optional(@Param('name') name?: string): string {
      return `${name}`;
    }

    @Get(`wild/${wild}`)
    @CacheKeyed(rowOf(Tag, wildcard))
    wild(): string {
      return 'wild';
    }

    @Get('in')
    @CacheKeyed(
      rowOf(User, 'tenant'),
      rowOf(User, 'module'),
      rowOf(User, 'user'),
    )
    all(): string {
      return 'all';
    }
  }

  @Module({ controllers: [NestedController] })
  class NestedModule {}

  it('may stand in a global prefix, a module’s path, a controller’s, be absent or wild', async () => {
    await using app = await startRoutes(adapter, [], {
      entities: ENTITIES,
      metadata: {
        imports: [
          NestedModule,
          RouterModule.register([{ path: 'm/:module', module: NestedModule }]),
        ],
      },
      configure: nest =>
        nest
          .setGlobalPrefix('api/:tenant')
          .enableVersioning({ type: VersioningType.URI }),
    });
    const url = '/api/1/v2/m/2/users/3';
    await app.get(`${url}/in`);
    expect((await app.get(`${url}/in`)).cacheStatus).toContain(
      'key="alkey:users#1 alkey:users#2 alkey:users#3"',
    );
    await app.get(`${url}/tags/a`);
    expect((await app.get(`${url}/tags/a`)).cacheStatus).toContain(
      'key="alkey:tags#a"',
    );
    await app.get(`${url}/wild/a/b`);
    expect((await app.get(`${url}/wild/a/b`)).cacheStatus).toContain(
      'key="alkey:tags#a%2Fb"',
    );
    expect((await app.get(`${url}/tags`)).cacheStatus).toBe(
      'alkey; fwd=bypass; detail=invalid-key',
    );
  });
});

it('may be optional, or a wildcard without a name, in a route of Express', async () => {
  await using app = await start(
    'express',
    routes({ 'tags{/:name}': [rowOf(Tag, 'name')], '*': [rowOf(Tag, 'path')] }),
  );
  const statuses: unknown[] = [];
  for (const path of ['/tags/a', '/tags/a', '/tags', '/other/b', '/other/b']) {
    statuses.push((await app.get(path)).cacheStatus?.replace(/ttl=\d+; /, ''));
  }
  expect(statuses).toEqual([
    'alkey; fwd=miss; stored; key="alkey:tags#a"',
    'alkey; hit; key="alkey:tags#a"',
    'alkey; fwd=bypass; detail=invalid-key',
    'alkey; fwd=miss; stored; key="alkey:tags#other%2Fb"',
    'alkey; hit; key="alkey:tags#other%2Fb"',
  ]);
});

@Controller()
class SlugController {
  constructor(private readonly dataSource: DataSource) {}

  @Get('by-slug/:slug')
  @CacheKeyed(rowOf(User, { slug: 'slug' }))
  bySlug(@Param('slug') slug: string): Promise<User | null> {
    return this.dataSource.getRepository(User).findOneBy({ slug });
  }
}

describeOnEachDatabase('unique columns', (database, url) => {
  let opened: OpenedDatabase;
  beforeAll(async () => {
    opened = await createDatabase(database, url);
  });
  afterAll(() => opened.drop());

  it('finds the row once for as long as it is not written', async () => {
    const queries: string[] = [];
    await using app = await startApp({
      database: {
        ...opened.options,
        logger: {
          logQuery: (sql: string) => queries.push(sql),
          logQueryError: () => undefined,
          logQuerySlow: () => undefined,
          logSchemaBuild: () => undefined,
          logMigration: () => undefined,
          log: () => undefined,
        },
        logging: true,
      } as OpenedDatabase['options'],
      metadata: { controllers: [SlugController] },
    });
    await app.dataSource.manager.save(User, { name: 'Ada', slug: 'ada' });
    const counts: number[] = [];
    for (let request = 0; request < 3; request += 1) {
      queries.length = 0;
      await app.get('/by-slug/ada');
      counts.push(queries.filter(sql => sql.startsWith('SELECT')).length);
    }
    // The look-up and the handler's own query, then nothing.
    expect(counts).toEqual([2, 0, 0]);
  });

  // SQLite's one connection shows readers what a transaction has not committed.
  if (database.service === undefined) return;

  it('never answers with another row while slugs are swapped', async () => {
    await using app = await startApp({
      database: opened.options,
      metadata: { controllers: [SlugController] },
    });
    const { manager } = app.dataSource;
    await manager.clear(Order).catch(() => undefined);
    const one = await manager.save(User, { name: 'v0', slug: 'one' });
    const two = await manager.save(User, { name: 'v0', slug: 'two' });
    let owner = { one: one.id, two: two.id };
    let version = 0;
    const reading = new AbortController();
    /** What is true when a request begins, or later; each swap gives both names a new version. */
    let settled = { ...owner, version };
    let reads = 0;
    const reader = async (slug: 'one' | 'two'): Promise<void> => {
      while (!reading.signal.aborted) {
        const before = settled;
        const { body } = await app.get(`/by-slug/${slug}`);
        const user = JSON.parse(body) as { slug: string; name: string };
        expect(user.slug).toBe(slug);
        expect(Number(user.name.slice(1))).toBeGreaterThanOrEqual(
          before.version,
        );
        reads += 1;
      }
    };
    const readers = (['one', 'two', 'one', 'two'] as const).map(reader);
    for (let swap = 0; swap < 8; swap += 1) {
      version += 1;
      const name = `v${version}`;
      const swapped = { one: owner.two, two: owner.one };
      await app.dataSource.transaction(async tx => {
        await tx.update(User, owner.one, { slug: 'none' });
        await tx.update(User, swapped.one, { slug: 'one', name });
        await tx.update(User, swapped.two, { slug: 'two', name });
      });
      owner = swapped;
      settled = { ...owner, version };
      for (const slug of ['one', 'two']) {
        expect(JSON.parse((await app.get(`/by-slug/${slug}`)).body)).toEqual({
          id: owner[slug as 'one' | 'two'],
          slug,
          name,
        });
      }
    }
    reading.abort();
    await Promise.all(readers);
    expect(reads).toBeGreaterThan(8);
  }, 60_000);
});
