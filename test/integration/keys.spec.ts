import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GLOBAL_WRITE_TOKEN, row } from 'nestjs-alkey';
import {
  Column,
  Entity,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type ValueTransformer,
} from 'typeorm';
import {
  createDatabase,
  DATABASES,
  type OpenedDatabase,
} from '../support/databases.js';
import {
  Country,
  Membership,
  Order,
  SHOP_ENTITIES,
  User,
} from '../support/shop.js';
import { startApp, type StartedApp } from '../support/start-app.js';
import {
  describeOnStores,
  storeAnswers,
  type StoreOptions,
} from '../support/stores.js';
import { describeWith } from '../support/suites.js';

const prefixed: ValueTransformer = {
  to: (value: unknown) => (typeof value === 'string' ? `isbn:${value}` : value),
  from: (value: string) => value.slice('isbn:'.length),
};

@Entity('books')
class Book {
  @PrimaryColumn({ type: 'varchar', transformer: prefixed })
  isbn!: string;
}

@Entity('readings')
class Reading {
  @PrimaryColumn({ type: 'real' })
  at!: number;

  @Column()
  value!: number;
}

@Entity('documents')
class PostgresDocument {
  @PrimaryGeneratedColumn('uuid')
  id!: string;
}

class NoEntity {
  readonly id = 1;
}

async function start(alkey: ReturnType<StoreOptions>): Promise<StartedApp> {
  const app = await startApp({
    database: { type: 'sqljs' },
    entities: [...SHOP_ENTITIES, Book, Reading],
    alkey,
  });
  await storeAnswers(app.keys);
  return app;
}

function saveUser({ dataSource }: StartedApp): Promise<User> {
  return dataSource.manager.save(
    dataSource.manager.create(User, { name: 'Ada' }),
  );
}

describeOnStores('CacheKeyService', options => {
  let app: StartedApp;
  beforeAll(async () => {
    app = await start(options());
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
  });

  describe('key', () => {
    it.each([
      ['one value', ['a'], ['a']],
      ['nested values', [{ a: [1, { b: 2 }] }], [{ a: [1, { b: 2 }] }]],
      ['properties in any order', [{ a: 1, b: 2 }], [{ b: 2, a: 1 }]],
      ['dates of one moment', [new Date(5)], [new Date(5)]],
    ])('is the same for %s', async (_, left, right) => {
      expect(await app.keys.key(...left)).toBe(await app.keys.key(...right));
    });

    it.each([
      ['a number and its text', [1], ['1']],
      ['texts divided elsewhere', ['a/b', 'c'], ['a', 'b/c']],
      ['a list and its members', [['a', 'b']], ['a', 'b']],
      ['another order', ['a', 'b'], ['b', 'a']],
      ['undefined and null', [undefined], [null]],
      ['undefined and nothing', [undefined], []],
      ['texts beyond ASCII', ['€'], ['€€']],
      [
        'an identifier and its text in a list',
        ['alkey:users#*'],
        [['alkey:users#*']],
      ],
      [
        'a key that no row can have and its value',
        [row(User, 'x')],
        [User, 'x'],
      ],
      ['two keys that no row can have', [row(User, 'x')], [row(User, 'y')]],
      [
        'two identifiers that no row can have',
        ['alkey:users#x'],
        ['alkey:users#y'],
      ],
      ['rows of different tables', [row(User, 1)], [row(Order, 1)]],
      [
        'parts of a composite key',
        [row(Membership, { userId: 1, groupId: 2 })],
        [row(Membership, { userId: 2, groupId: 1 })],
      ],
    ])('differs for %s', async (_, left, right) => {
      expect(await app.keys.key(...left)).not.toBe(
        await app.keys.key(...right),
      );
    });

    it('begins with its format and is as long whatever it names', async () => {
      expect(await app.keys.key()).toMatch(/^alkey:key:1:[\w-]{43}$/);
      expect(await app.keys.key('x'.repeat(10_000), User)).toMatch(
        /^alkey:key:1:[\w-]{43}$/,
      );
    });

    it.each([
      ['a row by another form of its key', row(User, '01'), row(User, 1)],
      ['a row by an identifier', 'alkey:users#1', row(User, 1)],
      [
        'a row by an identifier in another form',
        'alkey:users#01',
        row(User, 1),
      ],
      ['a row by the name of its entity', row('User', 1), row(User, 1)],
      [
        'a composite key in any order',
        row(Membership, { groupId: 2, userId: 1 }),
        'alkey:memberships#1,2',
      ],
      [
        'a key through its transformer',
        row(Book, '42'),
        'alkey:books#isbn%3A42',
      ],
      ['everything by its constant', GLOBAL_WRITE_TOKEN, 'alkey:*#*'],
    ])('names %s', async (_, ref, same) => {
      expect(await app.keys.key(ref)).toBe(await app.keys.key(same));
    });

    it('names an instance as its key does, through the transformer of its column', async () => {
      const book = app.dataSource.manager.create(Book, { isbn: '42' });
      expect(await app.keys.key(book)).toBe(
        await app.keys.key(row(Book, '42')),
      );
    });

    it('tells rows apart that no identifier can name, and changes with their table', async () => {
      const { manager } = app.dataSource;
      const [one, two] = [0.25, 0.5].map(at =>
        manager.create(Reading, { at, value: 1 }),
      );
      const before = await app.keys.key(one);
      expect(before).not.toBe(await app.keys.key(two));
      expect(before).not.toBe(await app.keys.key(Reading));
      expect(await app.keys.key('alkey:readings#0.25')).not.toBe(
        await app.keys.key('alkey:readings#0.5'),
      );
      await manager.insert(Reading, { at: 0.75, value: 1 });
      expect(await app.keys.key(one)).not.toBe(before);
    });

    it('changes a key that no row can have with its table', async () => {
      const before = await app.keys.key(row(User, 'x'));
      expect(await app.keys.key(row(User, 'x'))).toBe(before);
      await saveUser(app);
      expect(await app.keys.key(row(User, 'x'))).not.toBe(before);
    });

    it.each([
      ['a function', () => 1],
      ['a symbol', Symbol('s')],
      ['an instance of no entity', new NoEntity()],
      ['a class that is no entity', NoEntity],
    ])('refuses %s and names its position', async (_, value) => {
      await expect(app.keys.key(User, 'a', value)).rejects.toMatchObject({
        code: 'ALKEY_UNENCODABLE_PART',
        message: expect.stringContaining('argument 3'),
      });
    });

    it('names the place inside a value', async () => {
      const circular: Record<string, unknown> = {};
      circular.self = { circular };
      await expect(app.keys.key(circular)).rejects.toThrow(
        'argument 1 at .self.circular',
      );
    });

    it('counts arguments, whatever stands before them', async () => {
      const parts = [
        row(User, 'x'),
        app.dataSource.manager.create(Reading, { at: 1 }),
        Symbol('s'),
      ];
      await expect(app.keys.key(...parts)).rejects.toThrow('argument 3');
      await expect(app.keys.wrap(parts, async () => 1)).rejects.toThrow(
        'argument 3',
      );
    });

    it.each(['alkey:user#1', 'alkey:user#*'])(
      'refuses %s, whose table nobody has, and says which was meant',
      async identifier => {
        await expect(app.keys.key(identifier)).rejects.toMatchObject({
          code: 'ALKEY_UNKNOWN_TABLE',
          message:
            'No entity of data source "default" has the table "user". Did you mean "users"?',
        });
      },
    );

    it('takes a text that has not quite the form of an identifier as it is', async () => {
      const before = await app.keys.key('alkey:users', 'alkey:users#1#2');
      await saveUser(app);
      expect(await app.keys.key('alkey:users', 'alkey:users#1#2')).toBe(before);
    });
  });

  describe('token', () => {
    it.each([undefined, null, 1, 'users', {}, []])(
      'refuses %p, which names nothing',
      async value => {
        await expect(app.keys.token(value as never)).rejects.toMatchObject({
          code: 'ALKEY_INVALID_REF',
        });
      },
    );

    it('refuses a class that is no entity', async () => {
      await expect(app.keys.token(NoEntity)).rejects.toMatchObject({
        code: 'ALKEY_UNKNOWN_ENTITY',
      });
    });
  });

  describe('setToken', () => {
    it('sets the token of a row alone', async () => {
      const table = await app.keys.token(User);
      await app.keys.setToken(row(User, 7), 'seven');
      expect(await app.keys.token(row(User, 7))).toBe('seven');
      expect(await app.keys.token(row(User, 8))).not.toBe('seven');
      expect(await app.keys.token(User)).toBe(table);
    });

    it.each([
      ['in bulk', () => app.dataSource.query("UPDATE users SET name = 'all'")],
      ['by hand', () => app.keys.invalidate(User)],
    ])('is outdated by a write of the whole table %s', async (_, write) => {
      await app.keys.setToken(row(User, 7), 'seven');
      await write();
      expect(await app.keys.token(row(User, 7))).not.toBe('seven');
    });

    it.each(['', 1, undefined])('refuses %p', async token => {
      const before = await app.keys.token(User);
      await expect(
        app.keys.setToken(User, token as never),
      ).rejects.toMatchObject({ code: 'ALKEY_INVALID_TOKEN' });
      expect(await app.keys.token(User)).toBe(before);
    });

    it('keeps any text', async () => {
      await app.keys.setToken(row(User, 7), '=€ "\n=');
      expect(await app.keys.token(row(User, 7))).toBe('=€ "\n=');
    });
  });

  describe('invalidate', () => {
    const refs = {
      row: row(User, 1),
      sibling: row(User, 2),
      table: User,
      other: Order,
      everything: GLOBAL_WRITE_TOKEN,
    };
    type Name = keyof typeof refs;
    const tokens = async (): Promise<readonly (readonly [Name, string])[]> =>
      Promise.all(
        Object.entries(refs).map(
          async ([name, ref]) =>
            [name as Name, await app.keys.token(ref)] as const,
        ),
      );
    const outdatedBy = async (action: () => Promise<void>): Promise<Name[]> => {
      const before = new Map(await tokens());
      await action();
      return (await tokens())
        .filter(([name, token]) => token !== before.get(name))
        .map(([name]) => name);
    };

    it.each<[string, unknown, readonly Name[]]>([
      ['row()', row(User, 1), ['row', 'table', 'everything']],
      ['an identifier', 'alkey:users#1', ['row', 'table', 'everything']],
      [
        'an instance',
        Object.assign(new User(), { id: 1 }),
        ['row', 'table', 'everything'],
      ],
      ['a class', User, ['row', 'sibling', 'table', 'everything']],
      [
        'a table identifier',
        'alkey:users#*',
        ['row', 'sibling', 'table', 'everything'],
      ],
      ['everything', GLOBAL_WRITE_TOKEN, ['everything']],
    ])('outdates what depends on %s', async (_, ref, outdated) => {
      expect(
        await outdatedBy(() => app.keys.invalidate(ref as object)),
      ).toEqual(outdated);
    });

    it('takes several refs, and none', async () => {
      expect(
        await outdatedBy(() => app.keys.invalidate(row(User, 1), row(User, 2))),
      ).toEqual(['row', 'sibling', 'table', 'everything']);
      expect(await outdatedBy(() => app.keys.invalidate())).toEqual([]);
    });

    it('refuses what names nothing, and outdates nothing', async () => {
      const outdated = await outdatedBy(async () => {
        await expect(
          app.keys.invalidate(User, 'alkey:user#1'),
        ).rejects.toMatchObject({ code: 'ALKEY_UNKNOWN_TABLE' });
      });
      expect(outdated).toEqual([]);
    });

    it('outdates everything at once', async () => {
      expect(await outdatedBy(() => app.keys.invalidateAll())).toEqual(
        Object.keys(refs),
      );
    });
  });
});

const [, postgres, mariadb] = DATABASES;

describeWith(
  ['POSTGRES_URL', 'MARIADB_URL'],
  'CacheKeyService on servers',
  (postgresUrl, mariadbUrl) => {
    let documents: OpenedDatabase;
    let shop: OpenedDatabase;
    beforeAll(async () => {
      documents = await createDatabase(postgres!, postgresUrl);
      shop = await createDatabase(mariadb!, mariadbUrl);
    });
    afterAll(() => Promise.all([documents.drop(), shop.drop()]));

    it('takes a UUID in any form for one row on PostgreSQL', async () => {
      await using app = await startApp({
        database: documents.options,
        entities: [PostgresDocument],
        metadata: { controllers: [] },
      });
      const { manager } = app.dataSource;
      const { id } = await manager.save(manager.create(PostgresDocument));
      const before = await app.keys.key(row(PostgresDocument, id));
      const shouted = row(PostgresDocument, id.toUpperCase());
      expect(await app.keys.key(shouted)).toBe(before);
      await manager.delete(PostgresDocument, id);
      expect(await app.keys.key(shouted)).not.toBe(before);
    });

    it('tells rows apart on MariaDB whose texts only a collation can compare', async () => {
      await using app = await startApp({ database: shop.options });
      const named = (code: string) => app.keys.key(row(Country, code));
      expect(await named('no')).toBe(await named('NO'));
      expect(await named('é')).not.toBe(await named('è'));
    });
  },
);
