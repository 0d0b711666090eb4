import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  type CanActivate,
  type ExecutionContext,
  Inject,
  Logger,
  UseGuards,
} from '@nestjs/common';
import {
  Args,
  Context,
  Field,
  GqlExecutionContext,
  GraphQLModule,
  ID,
  Info,
  Int,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import { DataSource } from 'typeorm';
import {
  AlkeyEvents,
  type AlkeyEventMap,
  CacheKeyed,
  rowOf,
} from 'nestjs-alkey';
import { Order, Runs, User } from '../support/shop.js';
import {
  type AdapterName,
  ADAPTERS,
  startApp,
  type StartedApp,
} from '../support/start-app.js';

@ObjectType()
class OrderType {
  @Field()
  item!: string;
}

@ObjectType()
class UserType {
  @Field(() => ID)
  id!: number;

  @Field()
  name!: string;
}

interface WithResponse {
  readonly res: { setHeader?(name: string, value: string): void } & {
    header?(name: string, value: string): void;
  };
}

class Rejects implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { req } = GqlExecutionContext.create(context).getContext<{
      req: { headers: Record<string, string> };
    }>();
    return req.headers['x-rejected'] === undefined;
  }
}

const principalOf = (context: ExecutionContext): string | undefined =>
  GqlExecutionContext.create(context).getContext<{
    req: { headers: Record<string, string | undefined> };
  }>().req.headers['authorization'];

@Resolver(() => UserType)
class UsersResolver {
  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(Runs) private readonly runs: Runs,
  ) {}

  @Query(() => UserType, { nullable: true })
  @CacheKeyed(rowOf(User, 'id'))
  @UseGuards(Rejects)
  user(
    @Args('id', { type: () => ID }) id: string,
    @Args('note', { type: () => String, nullable: true }) _note?: string,
  ): Promise<User | null> {
    this.runs.count('user');
    return this.dataSource.manager.findOneBy(User, { id: Number(id) });
  }

  @Query(() => UserType)
  called(@Args('id') id: number, @Args('name') name: string): User {
    return Object.assign(new User(), { id, name });
  }

  @Query(() => Int)
  @CacheKeyed('alkey:users#:id', { scope: principalOf })
  own(@Args('id', { type: () => Int }) _id: number): number {
    return this.runs.count('own');
  }

  @Query(() => Int)
  @CacheKeyed(User, { vary: ['Accept-Language'], scope: 'shared' })
  translated(): number {
    return this.runs.count('translated');
  }

  @Query(() => UserType)
  @CacheKeyed(User)
  selected(@Info() info: { fieldNodes: unknown[] }): unknown {
    this.runs.count('selected');
    const text = JSON.stringify(info.fieldNodes, (name, value: unknown) =>
      name === 'loc' ? undefined : value,
    );
    return { id: 1, name: text.includes('"value":"id"') ? 'with id' : 'name' };
  }

  @Query(() => Int)
  @CacheKeyed(User)
  cookie(@Context() { res }: WithResponse): number {
    (res.setHeader ?? res.header)?.call(res, 'set-cookie', 'a=b');
    return this.runs.count('cookie');
  }

  @Query(() => Int)
  @CacheKeyed(User)
  failing(): number {
    this.runs.count('failing');
    throw new Error('no answer');
  }

  @Mutation(() => Int)
  @CacheKeyed(User)
  idle(): number {
    return this.runs.count('idle');
  }

  @Mutation(() => UserType)
  @CacheKeyed(rowOf(User, 'id'))
  async rename(
    @Args('id', { type: () => ID }) id: string,
    @Args('name') name: string,
  ): Promise<User> {
    this.runs.count('rename');
    await this.dataSource.manager.update(User, Number(id), { name });
    return this.dataSource.manager.findOneByOrFail(User, { id: Number(id) });
  }

  @ResolveField(() => [OrderType])
  @CacheKeyed(rowOf(User, ctx => (ctx.getArgByIndex(0) as User).id))
  orders(
    @Parent() user: User,
    @Args('from', { type: () => Int, nullable: true }) from = 0,
  ): Promise<Order[]> {
    this.runs.count('orders');
    return this.dataSource.manager.find(Order, {
      where: { user: { id: user.id } },
      order: { id: 'ASC' },
      skip: from,
      take: 10,
    });
  }

  @ResolveField(() => String)
  @CacheKeyed(rowOf(User, ctx => (ctx.getArgByIndex(0) as User).id))
  greeting(@Parent() user: User): string {
    this.runs.count('greeting');
    return `${user instanceof User ? 'Dear' : 'Hello'} ${user.name}`;
  }
}

const ordersOf = (id: number, from = 0): string =>
  `{ user(id: ${id}) { orders(from: ${from}) { item } } }`;

const throughFragment = (fields: string): string =>
  `{ selected { ...loc } } fragment loc on UserType { ${fields} }`;

interface Asked {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string }[];
}

function start(
  adapter: AdapterName,
  fieldResolverEnhancers: ApolloDriverConfig['fieldResolverEnhancers'] = [
    'interceptors',
  ],
): Promise<StartedApp> {
  return startApp({
    database: { type: 'sqljs' },
    adapter,
    alkey: { scope: 'anonymous' },
    metadata: {
      imports: [
        GraphQLModule.forRoot<ApolloDriverConfig>({
          driver: ApolloDriver,
          autoSchemaFile: true,
          graphiql: false,
          fieldResolverEnhancers,
          context: (first: { req?: object; res?: object }, reply?: object) =>
            first.req
              ? { req: first.req, res: first.res }
              : { req: first, res: reply },
        }),
      ],
      controllers: [],
      providers: [UsersResolver],
    },
  });
}

describe.each(ADAPTERS)('GraphQL over %s', adapter => {
  let app: StartedApp;
  let runs: Runs;
  let bypasses: AlkeyEventMap['bypass'][];
  beforeAll(async () => {
    app = await start(adapter);
    runs = app.runs;
    bypasses = [];
    app.app.get(AlkeyEvents).on('bypass', event => bypasses.push(event));
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
  });

  async function query(
    text: string,
    headers: Readonly<Record<string, string>> = {},
    variables: Readonly<Record<string, unknown>> = {},
  ): Promise<Asked> {
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query: text, variables }),
    });
    return (await response.json()) as Asked;
  }
  const saveUser = (name = 'Ada') =>
    app.dataSource.manager.save(app.dataSource.manager.create(User, { name }));
  const runsOf = (name: string) => runs.counts.get(name) ?? 0;
  /** How often `name` runs while `task` does. */
  const during = async (name: string, task: () => Promise<unknown>) => {
    const before = runsOf(name);
    await task();
    return runsOf(name) - before;
  };

  it('answers a query again until its row is written, by a mutation that always runs', async () => {
    const { id } = await saveUser();
    const text = `{ user(id: ${id}) { id name } }`;
    const first = await query(text);
    expect(first).toEqual({ data: { user: { id: `${id}`, name: 'Ada' } } });
    expect(
      await during('user', async () => {
        expect(await query(text)).toEqual(first);
        expect(await query(`{ user(id: "0${id}") { name } }`)).toEqual({
          data: { user: { name: 'Ada' } },
        });
      }),
    ).toBe(1);

    const renaming = `mutation { rename(id: ${id}, name: "Grace") { name } }`;
    expect(
      await during('rename', async () => {
        await query(renaming);
        await query(renaming);
      }),
    ).toBe(2);
    expect(await query(text)).toEqual({
      data: { user: { id: `${id}`, name: 'Grace' } },
    });
  });

  it('keeps null, and no row that is none of its table', async () => {
    const absent = '{ user(id: 999999) { name } }';
    expect(
      await during('user', async () => {
        expect(await query(absent)).toEqual({ data: { user: null } });
        expect(await query(absent)).toEqual({ data: { user: null } });
      }),
    ).toBe(1);
    const invalid = '{ user(id: "abc") { name } }';
    expect(
      await during('user', async () => {
        await query(invalid);
        await query(invalid);
      }),
    ).toBe(2);
    expect(bypasses.at(-1)).toMatchObject({
      source: 'call',
      name: 'UsersResolver.user',
      reason: 'invalid-key',
    });
  });

  it('tells arguments apart by their values, not by how they were written', async () => {
    const { id } = await saveUser();
    const written = `{ user(id: "${id}", note: "a") { name } }`;
    const asVariables = `query ($n: String, $i: ID!) { user(note: $n, id: $i) { id } }`;
    expect(
      await during('user', async () => {
        await query(written);
        await query(asVariables, {}, { i: `${id}`, n: 'a' });
      }),
    ).toBe(1);
    expect(
      await during('user', () =>
        query(asVariables, {}, { i: `${id}`, n: 'b' }),
      ),
    ).toBe(1);
  });

  it('resolves fields from what is kept for their parent and arguments', async () => {
    const { manager } = app.dataSource;
    const ada = await saveUser();
    const eve = await saveUser('Eve');
    await manager.save(
      manager.create(Order, { item: 'tea', user: { id: ada.id } as User }),
    );
    const tea = { data: { user: { orders: [{ item: 'tea' }] } } };
    expect(await query(ordersOf(ada.id))).toEqual(tea);
    expect(
      await during('orders', async () => {
        expect(await query(ordersOf(ada.id))).toEqual(tea);
      }),
    ).toBe(0);
    expect(await query(ordersOf(eve.id))).toEqual({
      data: { user: { orders: [] } },
    });
    expect(await query(ordersOf(ada.id, 1))).toEqual({
      data: { user: { orders: [] } },
    });
    await manager.save(
      manager.create(Order, { item: 'milk', user: { id: ada.id } as User }),
    );
    expect(await query(ordersOf(ada.id))).toEqual({
      data: { user: { orders: [{ item: 'tea' }, { item: 'milk' }] } },
    });
  });

  it('hands the parent of a hit on as an instance, and tells parents apart by all they hold', async () => {
    const { id } = await saveUser();
    const text = `{ user(id: ${id}) { greeting } }`;
    const greeting = { data: { user: { greeting: 'Dear Ada' } } };
    expect(await query(text)).toEqual(greeting);
    expect(await during('greeting', () => query(text))).toBe(0);
    const called = (name: string) =>
      query(`{ called(id: ${id}, name: "${name}") { greeting } }`);
    await called('Eve');
    expect(await called('Bob')).toEqual({
      data: { called: { greeting: 'Dear Bob' } },
    });
  });

  it('runs a mutation each time, even where it writes nothing', async () => {
    expect(
      await during('idle', async () => {
        await query('mutation { idle }');
        await query('mutation { idle }');
      }),
    ).toBe(2);
  });

  it('tells selections apart by their variables', async () => {
    const text =
      'query ($id: Boolean!) { selected { name id @include(if: $id) } }';
    expect(
      await during('selected', async () => {
        for (const id of [true, false, true]) await query(text, {}, { id });
      }),
    ).toBe(2);
  });

  it('tells selections apart for a resolver that takes them, and for no other', async () => {
    const named = { data: { selected: { name: 'name' } } };
    const both = { data: { selected: { id: '1', name: 'with id' } } };
    expect(
      await during('selected', async () => {
        expect(await query('{ selected { name } }')).toEqual(named);
        expect(await query('{  selected {  name } }')).toEqual(named);
        expect(await query('{ selected { id name } }')).toEqual(both);
        // The fields of its node alone are looked at.
        expect(await query(throughFragment('name'))).toEqual(named);
        expect(await query(throughFragment('id'))).toEqual({
          data: { selected: { id: '1' } },
        });
      }),
    ).toBe(4);
  });

  it('shares one run among calls at the same time, each with its own copy', async () => {
    const { id } = await saveUser();
    const alias = (name: string) =>
      `${name}: user(id: ${id}) { name greeting }`;
    const answer = { name: 'Ada', greeting: 'Dear Ada' };
    expect(
      await during('user', async () => {
        expect(await query(`{ ${alias('a')} ${alias('b')} }`)).toEqual({
          data: { a: answer, b: answer },
        });
      }),
    ).toBe(1);
  });

  it.each([
    ['Authorization', 'Bearer x'],
    ['Cookie', 'session=x'],
  ])(
    'does not cache a request with %s where nobody said whose it is',
    async (name, value) => {
      const { id } = await saveUser();
      const text = `{ user(id: ${id}) { name } }`;
      await query(text);
      expect(await during('user', () => query(text, { [name]: value }))).toBe(
        1,
      );
      expect(bypasses.at(-1)).toMatchObject({ reason: 'credentials' });
    },
  );

  it('keeps one answer per principal, and none for nobody', async () => {
    const text = '{ own(id: 7) }';
    const asked = async (authorization?: string) => {
      const headers: Record<string, string> =
        authorization === undefined ? {} : { authorization };
      return (await query(text, headers)).data?.['own'];
    };
    const ada = await asked('ada');
    expect(await asked('eve')).not.toBe(ada);
    expect(await asked('ada')).toBe(ada);
    const nobody = await asked();
    expect(nobody).not.toBe(ada);
    expect(await asked()).not.toBe(nobody);
  });

  it('tells apart the headers that an answer varies by', async () => {
    const french = await query('{ translated }', { 'accept-language': 'fr' });
    const german = await query('{ translated }', { 'accept-language': 'de' });
    expect(german).not.toEqual(french);
    expect(await query('{ translated }', { 'accept-language': 'fr' })).toEqual(
      french,
    );
  });

  it('runs guards before the cache is asked', async () => {
    const { id } = await saveUser();
    const text = `{ user(id: ${id}) { name } }`;
    await query(text);
    const { data, errors } = await query(text, { 'x-rejected': 'yes' });
    expect(data).toEqual({ user: null });
    expect(errors?.[0]?.message).toMatch(/Forbidden/);
  });

  it.each(['cookie', 'failing'])('keeps nothing of %s', async name => {
    expect(
      await during(name, async () => {
        await query(`{ ${name} }`);
        await query(`{ ${name} }`);
      }),
    ).toBe(2);
  });
});

describe('a wrong @CacheKeyed on a resolver', () => {
  it('is found at start', async () => {
    @Resolver()
    class WrongResolver {
      @Query(() => Int)
      @CacheKeyed('alkey:user#:id')
      wrong(): number {
        return 1;
      }
    }
    await expect(
      startApp({
        database: { type: 'sqljs' },
        metadata: { controllers: [], providers: [WrongResolver] },
      }),
    ).rejects.toMatchObject({ code: 'ALKEY_UNKNOWN_TABLE' });
  });

  it('is named where Nest would run no interceptor', async () => {
    const warn = jest
      .spyOn(Logger.prototype, 'warn')
      .mockImplementation(() => {});
    try {
      await using app = await start('express', []);
      void app;
      const warnings = warn.mock.calls.map(([message]) => String(message));
      expect(warnings.filter(text => text.includes('fieldRes'))).toEqual([
        expect.stringMatching(
          /^@CacheKeyed on UsersResolver.orders does nothing/,
        ),
        expect.stringMatching(
          /^@CacheKeyed on UsersResolver.greeting does nothing/,
        ),
      ]);
    } finally {
      warn.mockRestore();
    }
  });
});
