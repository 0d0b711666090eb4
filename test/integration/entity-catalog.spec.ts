import { describe, expect, it } from '@jest/globals';
import {
  Column,
  DataSource,
  Entity,
  EntitySchema,
  PrimaryColumn,
} from 'typeorm';
import { EntityCatalog } from '../../lib/typeorm/entity-catalog.js';
import { schemaOf } from '../../lib/typeorm/entity-schema.js';
import { KnownTargets } from '../../lib/typeorm/known-targets.js';

@Entity('users')
class User {
  @PrimaryColumn({ type: 'integer' })
  id!: number;
}

let prefix = 'a';

@Entity('tags')
class Tag {
  @PrimaryColumn({
    type: 'varchar',
    transformer: {
      to: (value: string) => `${prefix}-${value}`,
      from: (value: string) => value.slice(2),
    },
  })
  name!: string;
}

@Entity('members')
class Member {
  @PrimaryColumn({ type: 'integer' })
  userId!: number;

  @PrimaryColumn({ type: 'integer' })
  groupId!: number;

  @Column({ type: 'varchar' })
  role!: string;
}

type Entities = readonly (EntitySchema | (abstract new () => object))[];

async function addTo(
  catalog: EntityCatalog,
  name: string,
  entities: Entities,
): Promise<void> {
  const dataSource = await new DataSource({
    type: 'sqljs',
    name,
    entities: [...entities] as EntitySchema[],
  } as DataSource['options']).initialize();
  const schema = schemaOf(dataSource, name, 'sqlite');
  catalog.add({ name, dataSource, schema });
}

async function catalogOf(entities: Entities): Promise<EntityCatalog> {
  const catalog = new EntityCatalog();
  await addTo(catalog, 'default', entities);
  return catalog;
}

describe('EntityCatalog', () => {
  it('answers for a row asked for again what it answered before', async () => {
    const catalog = await catalogOf([User]);
    const first = catalog.onRow(User, 7);
    expect(first?.map(({ identifier }) => identifier)).toEqual([
      'alkey:users#7',
    ]);
    expect(catalog.onRow(User, 7)).toBe(first);
    expect(catalog.onInstance(Object.assign(new User(), { id: 7 }))).toBe(
      first,
    );
    expect(catalog.onRow(User, '07')).toEqual(first);
    expect(catalog.onRow(User, '7a')).toBeUndefined();
    expect(catalog.onRow('User', '7')).toEqual(first);
  });

  it('knows in what has been added since what it did not know before', async () => {
    const catalog = await catalogOf([User]);
    expect(catalog.onInstance(new Tag())).toBeUndefined();
    expect(catalog.onRow(User, 1)).toHaveLength(1);
    const before = catalog.revision;
    await addTo(catalog, 'reports', [User, Tag]);
    expect(catalog.revision).not.toBe(before);
    expect(catalog.onInstance(new Tag())).toHaveLength(1);
    expect(catalog.onRow(User, 1)).toHaveLength(2);
    expect(catalog.onEntity('User')).toHaveLength(2);
  });

  it('forgets what a data source said that is added anew', async () => {
    const byNumber = new EntitySchema({
      name: 'Thing',
      tableName: 'things',
      columns: { id: { type: 'integer', primary: true } },
    });
    const byText = new EntitySchema({
      name: 'Thing',
      tableName: 'things',
      columns: { id: { type: 'varchar', primary: true } },
    });
    const catalog = await catalogOf([byNumber]);
    expect(catalog.onRow('Thing', '01')?.[0]?.identifier).toBe(
      'alkey:things#1',
    );
    const identifier = 'alkey:things#01';
    expect(catalog.onIdentifier(identifier)?.identifier).toBe('alkey:things#1');
    await addTo(catalog, 'default', [byText]);
    expect(catalog.onIdentifier(identifier)?.identifier).toBe(identifier);
    expect(catalog.onRow('Thing', '01')?.[0]?.identifier).toBe(
      'alkey:things#01',
    );
  });

  it('asks the transformer of a key each time', async () => {
    const catalog = await catalogOf([Tag]);
    const tag = Object.assign(new Tag(), { name: 'x' });
    expect(catalog.onRow(Tag, 'x')?.[0]?.identifier).toBe('alkey:tags#a-x');
    expect(catalog.onInstance(tag)?.[0]?.identifier).toBe('alkey:tags#a-x');
    prefix = 'b';
    expect(catalog.onRow(Tag, 'x')?.[0]?.identifier).toBe('alkey:tags#b-x');
    expect(catalog.onInstance(tag)?.[0]?.identifier).toBe('alkey:tags#b-x');
  });

  it('tells the rows of a composite key apart by all of its columns', async () => {
    const catalog = await catalogOf([Member]);
    const member = Object.assign(new Member(), { userId: 1, groupId: 2 });
    expect(catalog.onInstance(member)?.[0]?.identifier).toBe(
      'alkey:members#1,2',
    );
    member.groupId = 3;
    expect(catalog.onInstance(member)?.[0]?.identifier).toBe(
      'alkey:members#1,3',
    );
    expect(() => catalog.onRow(Member, 1)).toThrow('as a record');
  });
});

describe('KnownTargets', () => {
  it('forgets all rows where they are too many, and keeps none whose key is long', async () => {
    const catalog = await catalogOf([User]);
    const known = new KnownTargets(2);
    const target = known.keep(User, catalog.entitiesOf(User));
    const row = catalog.onRow(User, 1)!;
    known.keepRow(target, 1, row);
    known.keepRow(target, 'x'.repeat(65), row);
    known.keepRow(target, { id: 1 }, row);
    known.keepRow(target, 2, row);
    expect([...known.get(User)!.rows!.keys()]).toEqual([1, 2]);
    known.keepRow(target, 3, row);
    expect(known.get(User)).toBeUndefined();
    const [short, long] = ['alkey:users#1', `alkey:users#${'0'.repeat(64)}1`];
    known.keepIdentifier(short, row[0]!);
    known.keepIdentifier(long, row[0]!);
    expect(known.getIdentifier(short)).toBe(row[0]);
    expect(known.getIdentifier(long)).toBeUndefined();
    known.keepIdentifier('alkey:users#01', row[0]!);
    expect(known.getIdentifier(short)).toBeUndefined();
  });
});
