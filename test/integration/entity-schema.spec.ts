import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ChildEntity,
  Column,
  DataSource,
  Entity,
  Generated,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  TableInheritance,
  Tree,
  TreeChildren,
  TreeParent,
  Unique,
  ViewColumn,
  ViewEntity,
} from 'typeorm';

import { tableId } from '../../lib/core/identifiers/identifier.js';
import {
  type Reference,
  type Schema,
} from '../../lib/core/identifiers/schema.js';
import { dialectOf } from '../../lib/typeorm/dialect.js';
import { schemaOf, tableIdOf } from '../../lib/typeorm/entity-schema.js';
import {
  createDatabase,
  DATABASES,
  type OpenedDatabase,
} from '../support/databases.js';
import { describeWith } from '../support/suites.js';

@Entity('users')
@Unique(['slug'])
class User {
  @PrimaryGeneratedColumn({ name: 'user_id' })
  id!: number;

  @Column({ type: 'varchar', length: 20 })
  slug!: string;
}

@Entity('orders')
class Order {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => User, { onDelete: 'CASCADE', onUpdate: 'CASCADE' })
  @JoinColumn({ name: 'owner' })
  user!: Relation<User>;

  @ManyToOne(() => User, { createForeignKeyConstraints: false })
  adviser!: Relation<User>;

  @ManyToOne(() => Order, { onDelete: 'SET NULL' })
  after!: Relation<Order>;
}

@Entity('badges')
class Badge {
  @PrimaryColumn({ type: 'varchar', length: 10 })
  code!: string;

  @ManyToOne(() => User)
  @JoinColumn({ name: 'user_slug', referencedColumnName: 'slug' })
  user!: Relation<User>;
}

@Entity('profiles')
class Profile {
  @PrimaryColumn()
  userId!: number;

  @OneToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'userId' })
  user!: Relation<User>;
}

@Entity('seats')
class Seat {
  @PrimaryColumn({ type: 'varchar', length: 5 })
  hall!: string;

  @PrimaryColumn()
  number!: number;
}

@Entity('tickets')
class Ticket {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @ManyToOne(() => Seat)
  @JoinColumn([
    { name: 'seat_number', referencedColumnName: 'number' },
    { name: 'seat_hall', referencedColumnName: 'hall' },
  ])
  seat!: Relation<Seat>;

  @Column({ default: 1 })
  orderId!: number;

  @ManyToOne(() => Order)
  @JoinColumn({ name: 'orderId' })
  order!: Relation<Order>;

  @ManyToMany(() => Badge)
  @JoinTable({ name: 'ticket_badges' })
  badges!: Relation<Badge>[];
}

@Entity('animals')
@TableInheritance({ column: { name: 'kind', type: 'varchar' } })
class Animal {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => User)
  owner!: Relation<User>;
}

@ChildEntity()
class Dog extends Animal {
  @Column({ nullable: true })
  bark!: string;
}

@ChildEntity()
class Puppy extends Dog {
  @ManyToOne(() => Animal)
  mother!: Relation<Animal>;
}

@Entity('folders')
@Tree('closure-table')
class Folder {
  @PrimaryGeneratedColumn()
  id!: number;

  @TreeParent()
  parent!: Relation<Folder>;

  @TreeChildren()
  children!: Relation<Folder>[];
}

@ViewEntity('busy_users', {
  expression:
    'SELECT users.user_id AS id, log.at AS at FROM users JOIN orders ON orders.owner = users.user_id JOIN log ON log.id = 1',
})
class BusyUser {
  @PrimaryColumn()
  id!: number;

  @ViewColumn()
  at!: string;
}

@ViewEntity('busy_animals', {
  expression: source =>
    source
      .createQueryBuilder()
      .select('busy.id', 'id')
      .from(BusyUser, 'busy')
      .innerJoin(Dog, 'dog', 'dog.ownerId = busy.id'),
})
class BusyAnimal {
  @ViewColumn()
  id!: number;
}

@Entity('things', { schema: 'lab' })
class Thing {
  @PrimaryColumn()
  id!: number;
}

@Entity('kinds')
class Kinds {
  @PrimaryColumn({ type: 'bigint' })
  big!: string;

  @PrimaryColumn({ type: 'decimal', precision: 10, scale: 2 })
  price!: string;

  @PrimaryColumn({ type: 'varchar', length: 4 })
  limited!: string;

  @PrimaryColumn({ type: 'text' })
  text!: string;

  @PrimaryColumn()
  @Generated('uuid')
  uuid!: string;

  @PrimaryColumn()
  when!: Date;
}

const ENTITIES = [
  User,
  Order,
  Badge,
  Profile,
  Seat,
  Ticket,
  Animal,
  Dog,
  Puppy,
  Folder,
  BusyUser,
  BusyAnimal,
  Kinds,
];

/** Text that compares by its characters, but for spaces at its end. */
function text(trailingSpace: string) {
  return { kind: 'text', fold: 'none', trailingSpace };
}

/** A reference in one line: what the child's columns hold, and what follows. */
function lineOf({
  columns,
  parent,
  parentColumns,
  ...rest
}: Reference): string {
  const rules = [
    rest.onDelete === 'none' ? '' : ` delete: ${rest.onDelete}`,
    rest.onUpdate === 'none' ? '' : ` update: ${rest.onUpdate}`,
    rest.hasDefault ? ' default' : '',
  ];
  return `${columns.join()} -> ${parent}.${parentColumns.join()}${rules.join('')}`;
}

for (const database of DATABASES) {
  const suite = (url?: string): void => {
    let opened: OpenedDatabase;
    let source: DataSource;
    let schema: Schema;

    beforeAll(async () => {
      opened = await createDatabase(database, url);
      source = await new DataSource({
        ...opened.options,
        entities: ENTITIES,
      } as DataSource['options']).initialize();
      schema = schemaOf(source, 'default', dialectOf(source)!, () =>
        database.name === 'mariadb' ? 'utf8mb4_bin' : undefined,
      );
    });
    afterAll(async () => {
      await source?.destroy();
      await opened?.drop();
    });

    const references = (table: string): readonly string[] =>
      schema.parentsOf(tableId(table)).map(lineOf).toSorted();
    const key = (table: string) => schema.table(tableId(table))?.key;

    it('has each table once, by its name in the database', () => {
      expect(schema.tables.map(({ id }) => id).toSorted()).toEqual([
        'animals',
        'badges',
        'busy_animals',
        'busy_users',
        'folders',
        'folders_closure',
        'kinds',
        'orders',
        'profiles',
        'seats',
        'ticket_badges',
        'tickets',
        'users',
      ]);
    });

    it('names every class of a hierarchy by its one table', () => {
      for (const target of [Animal, Dog, Puppy]) {
        expect(tableIdOf(source.getMetadata(target), 'default')).toBe(
          'animals',
        );
      }
      expect(references('animals')).toEqual([
        'motherId -> animals.id',
        'ownerId -> users.user_id',
      ]);
    });

    it('names key columns as the database does, and says which it chooses', () => {
      expect(key('users')).toEqual([
        { name: 'user_id', kind: { kind: 'integer' }, generated: true },
      ]);
      expect(
        key('seats')?.map(({ name, generated }) => [name, generated]),
      ).toEqual([
        ['hall', false],
        ['number', false],
      ]);
      expect(key('tickets')).toEqual([
        { name: 'id', kind: { kind: 'uuid' }, generated: true },
      ]);
    });

    it('compares a key that is a reference like the key that it refers to', () => {
      expect(key('profiles')?.[0]?.kind).toEqual({ kind: 'integer' });
      expect(key('ticket_badges')?.map(({ kind }) => kind.kind)).toEqual([
        'uuid',
        'text',
      ]);
    });

    it('holds references with their rules, constrained or not', () => {
      expect(references('orders')).toEqual([
        'adviserId -> users.user_id',
        'afterId -> orders.id delete: set-null',
        'owner -> users.user_id delete: cascade update: cascade',
      ]);
      expect(references('badges')).toEqual(['user_slug -> users.slug']);
      expect(references('profiles')).toEqual([
        'userId -> users.user_id delete: cascade',
      ]);
    });

    it('gives the columns of a reference in the order of the key that they hold', () => {
      expect(references('tickets')).toEqual([
        'orderId -> orders.id default',
        'seat_hall,seat_number -> seats.hall,number',
      ]);
    });

    it('holds the references of junctions and closures', () => {
      expect(references('ticket_badges')).toEqual([
        'badgesCode -> badges.code delete: cascade update: cascade',
        'ticketsId -> tickets.id delete: cascade update: cascade',
      ]);
      expect(references('folders_closure')).toEqual([
        'id_ancestor -> folders.id delete: cascade',
        'id_descendant -> folders.id delete: cascade',
      ]);
      expect(references('folders')).toEqual(['parentId -> folders.id']);
    });

    it('knows the tables that a view reads, through other views and without an entity', () => {
      expect(schema.table(tableId('users'))?.reads).toBeUndefined();
      const reads = (view: string) =>
        schema.table(tableId(view))?.reads?.toSorted();
      expect(reads('busy_users')).toEqual(['log', 'orders', 'users']);
      expect(reads('busy_animals')).toEqual([
        'animals',
        'log',
        'orders',
        'users',
      ]);
    });

    it('names no row of a view, whose tables do not tell which one changes', () => {
      expect(key('busy_users')?.map(({ kind }) => kind)).toEqual([
        { kind: 'opaque' },
      ]);
    });

    it('puts the name of another data source before every table', () => {
      const other = schemaOf(source, 'reports', dialectOf(source)!);
      for (const { id } of other.tables) expect(id).toMatch(/^reports\//);
      for (const { id, reads = [] } of other.tables) {
        for (const { child, parent } of other.parentsOf(id)) {
          expect(
            [child, parent].every(each => each.startsWith('reports/')),
          ).toBe(true);
        }
        for (const read of reads) expect(read).toMatch(/^reports\//);
      }
    });

    it('compares key columns as the database does', () => {
      const kinds = Object.fromEntries(
        (key('kinds') ?? []).map(({ name, kind }) => [name, kind]),
      );
      expect(kinds).toEqual({
        big: { kind: 'integer' },
        uuid: { kind: 'uuid' },
        when: { kind: 'opaque' },
        ...{
          sqlite: {
            price: { kind: 'opaque' },
            limited: text('keep'),
            text: text('keep'),
          },
          postgres: {
            price: { kind: 'decimal', scale: 2 },
            limited: text('refuse'),
            text: text('keep'),
          },
          mariadb: {
            price: { kind: 'decimal', scale: 2, digits: 15 },
            limited: text('refuse'),
            text: text('refuse'),
          },
        }[database.name],
      });
    });

    it('finds names without case unless the database tells them apart', () => {
      expect(schema.named({ name: 'USERS' })).toHaveLength(
        database.name === 'postgres' ? 0 : 1,
      );
    });
  };
  if (database.service === undefined) {
    describe(`the schema of entities on ${database.name}`, () => {
      suite();
    });
  } else {
    describeWith(
      database.service,
      `the schema of entities on ${database.name}`,
      suite,
    );
  }
}

describeWith('POSTGRES_URL', 'tables in schemas on postgres', url => {
  it('are named with the schema that the entity names, not with the default one', async () => {
    const source = await new DataSource({
      type: 'postgres',
      url,
      schema: 'app',
      entities: [User, Thing],
    }).initialize();
    const schema = schemaOf(source, 'default', 'postgres');
    await source.destroy();
    expect(schema.tables.map(({ id }) => id)).toEqual(['users', 'lab.things']);
    const found = (name: string, of?: string) =>
      schema.named({ name, schema: of }).map(({ id }) => id);
    expect(found('users')).toEqual(['users']);
    expect(found('users', 'app')).toEqual(['users']);
    expect(found('users', 'lab')).toEqual([]);
    expect(found('things', 'lab')).toEqual(['lab.things']);
    expect(found('things')).toEqual(['lab.things']);
  });
});
