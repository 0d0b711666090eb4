import {
  Between,
  type DataSource,
  In,
  MoreThan,
  Not,
  type QueryRunner,
} from 'typeorm';
import { DOC_IDS } from './seed.js';
import {
  Cart,
  CartItem,
  Category,
  Code,
  Animal,
  Doc,
  Dog,
  Ledger,
  LegacyRow,
  Membership,
  Natural,
  NestedNode,
  Order,
  OrderLine,
  PathNode,
  Person,
  Post,
  Profile,
  SoftParent,
  Tag,
  User,
} from './zoo.js';
import { type TestDatabase } from '../support/databases.js';

export interface Operation {
  readonly name: string;
  readonly run: (dataSource: DataSource) => Promise<unknown>;
  /** Databases that have it; all by default. */
  readonly only?: readonly TestDatabase['name'][];
  /** It fails in the application as well. */
  readonly fails?: true;
}

const operations: Operation[] = [];

function op(
  name: string,
  run: Operation['run'],
  rest: Omit<Operation, 'name' | 'run'> = {},
): void {
  operations.push({ name, run, ...rest });
}

const PG = { only: ['postgres'] } as const;
const PG_LITE = { only: ['postgres', 'sqlite'] } as const;
const PG_MARIA = { only: ['postgres', 'mariadb'] } as const;
const MARIA = { only: ['mariadb'] } as const;
const MARIA_LITE = { only: ['mariadb', 'sqlite'] } as const;

// save
op('save new', ds => ds.manager.save(User, { email: 'n' }));
op('save new without reload', ds =>
  ds.manager.save(User, { email: 'n' }, { reload: false }),
);
op('save existing, changed', async ds => {
  const user = await ds.manager.findOneByOrFail(User, { id: 1 });
  user.name = 'x';
  await ds.manager.save(user);
});
op('save existing, unchanged', async ds => {
  await ds.manager.save(await ds.manager.findOneByOrFail(User, { id: 1 }));
});
op('save many new', ds =>
  ds.manager.save(User, [{ email: 'a' }, { email: 'b' }]),
);
op('save many, new and changed', async ds => {
  const user = await ds.manager.findOneByOrFail(User, { id: 2 });
  user.name = 'x';
  await ds.manager.save(User, [{ email: 'a' }, user]);
});
op('save many in chunks', ds =>
  ds.manager.save(User, [{ email: 'a' }, { email: 'b' }], { chunk: 1 }),
);
op('save partial', ds => ds.manager.save(User, { id: 1, name: 'x' }));
op('save with children', ds =>
  ds.manager.save(User, {
    email: 'a',
    orders: [{ item: 'x', lines: [{ quantity: 1 }] }, { item: 'y' }],
  }),
);
op('save with version and update date', async ds => {
  const post = await ds.manager.findOneByOrFail(Post, { id: 1 });
  post.title = 'x';
  await ds.manager.save(post);
});
op('save without transaction', ds =>
  ds.manager.save(User, { id: 1, name: 'x' }, { transaction: false }),
);
op('save new without transaction', ds =>
  ds.manager.save(User, { email: 'n' }, { transaction: false }),
);
op('save with children without transaction', ds =>
  ds.manager.save(
    User,
    { email: 'a', orders: [{ item: 'x' }] },
    { transaction: false },
  ),
);
op('save without listeners', ds =>
  ds.manager.save(User, { id: 1, name: 'x' }, { listeners: false }),
);
op('save new without listeners', ds =>
  ds.manager.save(User, { email: 'n' }, { listeners: false }),
);
op('active record: save', async ds => {
  User.useDataSource(ds);
  const user = await User.findOneByOrFail({ id: 1 });
  user.name = 'x';
  await user.save();
});
op('active record: remove', async ds => {
  User.useDataSource(ds);
  await (await User.findOneByOrFail({ id: 3 })).remove();
});
op('save child under another parent, relation loaded', async ds => {
  const order = await ds.manager.findOneOrFail(Order, {
    where: { id: 1 },
    relations: { user: true },
  });
  order.user = await ds.manager.findOneByOrFail(User, { id: 3 });
  await ds.manager.save(order);
});
op('save child under another parent, relation not loaded', async ds => {
  const order = await ds.manager.findOneByOrFail(Order, { id: 1 });
  order.user = { id: 3 } as User;
  await ds.manager.save(order);
});
op('save child, its own column only', async ds => {
  const order = await ds.manager.findOneByOrFail(Order, { id: 1 });
  order.item = 'x';
  await ds.manager.save(order);
});
op('save child under another parent by its key column', async ds => {
  const post = await ds.manager.findOneByOrFail(Post, { id: 1 });
  post.authorId = 3;
  await ds.manager.save(post);
});
op('save child without parent', async ds => {
  const order = await ds.manager.findOneOrFail(Order, {
    where: { id: 1 },
    relations: { user: true },
  });
  order.user = null;
  await ds.manager.save(order);
});
op('save parent, a child dropped', async ds => {
  const user = await ds.manager.findOneOrFail(User, {
    where: { id: 1 },
    relations: { orders: true },
  });
  user.orders = user.orders.slice(1);
  await ds.manager.save(user);
});
op('save parent, a child taken from another', async ds => {
  const user = await ds.manager.findOneOrFail(User, {
    where: { id: 2 },
    relations: { orders: true },
  });
  user.orders = [
    ...user.orders,
    await ds.manager.findOneByOrFail(Order, { id: 1 }),
  ];
  await ds.manager.save(user);
});
op('save parent, an orphan deleted', async ds => {
  const cart = await ds.manager.findOneOrFail(Cart, {
    where: { id: 1 },
    relations: { items: true },
  });
  cart.items = cart.items.slice(1);
  await ds.manager.save(cart);
});
op('save parent, an orphan soft-deleted', async ds => {
  const parent = await ds.manager.findOneOrFail(SoftParent, {
    where: { id: 1 },
    relations: { children: true },
  });
  parent.children = parent.children.slice(1);
  await ds.manager.save(parent);
});
op('save many-to-many, one added and one dropped', async ds => {
  const post = await ds.manager.findOneOrFail(Post, {
    where: { id: 1 },
    relations: { tags: true },
  });
  post.tags = [...post.tags.slice(0, 1), { label: 'new' } as Tag];
  await ds.manager.save(post);
});
op('save many-to-many from the other side', async ds => {
  const tag = await ds.manager.findOneOrFail(Tag, {
    where: { id: 1 },
    relations: { posts: true },
  });
  tag.posts = [...tag.posts, await ds.manager.findOneByOrFail(Post, { id: 2 })];
  await ds.manager.save(tag);
});
op('save many-to-many, all dropped', async ds => {
  const post = await ds.manager.findOneOrFail(Post, {
    where: { id: 1 },
    relations: { tags: true },
  });
  post.tags = [];
  await ds.manager.save(post);
});
op('save one-to-one from its owner', async ds => {
  const profile = await ds.manager.findOneOrFail(Profile, {
    where: { id: 1 },
    relations: { user: true },
  });
  profile.user = { id: 2 } as User;
  await ds.manager.save(profile);
});
op('save one-to-one from the other side', async ds => {
  const user = await ds.manager.findOneOrFail(User, {
    where: { id: 2 },
    relations: { profile: true },
  });
  user.profile = { id: 2 } as Profile;
  await ds.manager.save(user);
});
op('save inside a transaction', ds =>
  ds.transaction(async tx => {
    const user = await tx.findOneByOrFail(User, { id: 1 });
    user.name = 'x';
    await tx.save(user);
  }),
);

// remove, soft-remove, recover
op('remove', async ds =>
  ds.manager.remove(await ds.manager.findOneByOrFail(OrderLine, { id: 1 })),
);
op('remove with cascades in the database', async ds =>
  ds.manager.remove(await ds.manager.findOneByOrFail(User, { id: 1 })),
);
op('remove many', async ds =>
  ds.manager.remove(await ds.manager.findBy(OrderLine, { id: In([1, 2]) })),
);
op('remove what is not there', ds =>
  ds.manager.remove(OrderLine, { id: 999 } as OrderLine),
);
op('remove without listeners', async ds =>
  ds.manager.remove(await ds.manager.findOneByOrFail(OrderLine, { id: 1 }), {
    listeners: false,
  }),
);
op('remove without transaction', async ds =>
  ds.manager.remove(await ds.manager.findOneByOrFail(OrderLine, { id: 1 }), {
    transaction: false,
  }),
);
op('remove a many-to-many owner', async ds =>
  ds.manager.remove(
    await ds.manager.findOneOrFail(Post, {
      where: { id: 1 },
      relations: { tags: true },
    }),
  ),
);
op('soft-remove', async ds =>
  ds.manager.softRemove(await ds.manager.findOneByOrFail(Post, { id: 1 })),
);
op('soft-remove with children', async ds =>
  ds.manager.softRemove(
    await ds.manager.findOneOrFail(SoftParent, {
      where: { id: 1 },
      relations: { children: true },
    }),
  ),
);
op('recover', async ds => {
  const post = await ds.manager.findOneByOrFail(Post, { id: 1 });
  await ds.manager.softRemove(post);
  await ds.manager.recover(post);
});
op('softDelete by key', ds => ds.manager.softDelete(Post, 1));
op('softDelete by another column', ds =>
  ds.manager.softDelete(Post, { title: 'p1' }),
);
op('restore by key', async ds => {
  await ds.manager.softDelete(Post, 1);
  await ds.manager.restore(Post, 1);
});

// insert
op('insert one', ds => ds.manager.insert(User, { email: 'n' }));
op('insert many', ds =>
  ds.manager.insert(User, [{ email: 'a' }, { email: 'b' }]),
);
op('insert a child', ds =>
  ds.manager.insert(Order, { item: 'x', user: { id: 2 } }),
);
op('insert with a composite key', ds =>
  ds.manager.insert(Membership, { userKey: 9, groupKey: 9 }),
);
op('insert with a uuid', ds => ds.manager.insert(Doc, { title: 'x' }));
op('insert many with uuids', ds =>
  ds.manager.insert(Doc, [{ title: 'x' }, { title: 'y' }]),
);
op('insert with a key of its own', ds =>
  ds.manager.insert(Natural, { key: 'n9', label: 'x' }),
);
op('insert that violates', ds => ds.manager.insert(User, { email: 'u1' }), {
  fails: true,
});

// update
op('update by key', ds => ds.manager.update(User, 1, { name: 'x' }));
op('update by key as text', ds => ds.manager.update(User, '1', { name: 'x' }));
op('update by criteria of the key', ds =>
  ds.manager.update(User, { id: 1 }, { name: 'x' }),
);
op('update by several keys', ds =>
  ds.manager.update(User, [1, 2], { name: 'x' }),
);
op('update by In', ds =>
  ds.manager.update(User, { id: In([1, 2]) }, { name: 'x' }),
);
op('update by another column', ds =>
  ds.manager.update(User, { email: 'u1' }, { name: 'x' }),
);
op('update by key and more', ds =>
  ds.manager.update(User, { id: 1, email: 'u1' }, { name: 'x' }),
);
op('update of no row', ds => ds.manager.update(User, 999, { name: 'x' }));
op('update by MoreThan', ds =>
  ds.manager.update(User, { id: MoreThan(1) }, { name: 'x' }),
);
op('update by Not', ds =>
  ds.manager.update(User, { id: Not(1) }, { name: 'x' }),
);
op('update by Between', ds =>
  ds.manager.update(User, { id: Between(1, 2) }, { name: 'x' }),
);
op('update of a child under another parent', ds =>
  ds.manager.update(Order, 1, { user: { id: 3 } }),
);
op('update of a child, its own column', ds =>
  ds.manager.update(Order, 1, { item: 'x' }),
);
op('update by the parent', ds =>
  ds.manager.update(Order, { user: { id: 1 } }, { item: 'x' }),
);
op('update by a composite key', ds =>
  ds.manager.update(Membership, { userKey: 1, groupKey: 2 }, { role: 'x' }),
);
op('update by a part of a composite key', ds =>
  ds.manager.update(Membership, { userKey: 1 }, { role: 'x' }),
);
op('updateAll', ds => ds.manager.updateAll(User, { name: 'x' }));
op('increment', ds => ds.manager.increment(User, { id: 1 }, 'score', 1));
op('decrement by another column', ds =>
  ds.manager.decrement(User, { email: 'u1' }, 'score', 1),
);
op('update that changes a key, followed by children', ds =>
  ds.manager.update(Natural, 'n1', { key: 'n9' }),
);
op(
  'update that sets the key it has',
  ds => ds.manager.update(User, 1, { id: 1, name: 'x' }),
  MARIA_LITE,
);
op('update in a transaction by another column', ds =>
  ds.transaction(tx => tx.update(User, { email: 'u1' }, { name: 'x' })),
);
op('update in a transaction of a child', ds =>
  ds.transaction(tx => tx.update(Order, 1, { item: 'x' })),
);
op('update in a transaction of a child under another parent', ds =>
  ds.transaction(tx => tx.update(Order, 1, { user: { id: 3 } })),
);

// delete
op('delete by key', ds => ds.manager.delete(OrderLine, 1));
op('delete by several keys', ds => ds.manager.delete(OrderLine, [1, 2]));
op('delete by another column', ds =>
  ds.manager.delete(OrderLine, { quantity: 1 }),
);
op('delete by the parent', ds =>
  ds.manager.delete(OrderLine, { order: { id: 1 } }),
);
op('delete by a composite key', ds =>
  ds.manager.delete(Membership, { userKey: 1, groupKey: 1 }),
);
op('delete with cascades in the database', ds => ds.manager.delete(User, 1));
op('delete of a many-to-many owner', ds => ds.manager.delete(Post, 1));
op('delete of the other side of a many-to-many', ds =>
  ds.manager.delete(Tag, 1),
);
op('deleteAll', ds => ds.manager.deleteAll(OrderLine));
op('delete of no row', ds => ds.manager.delete(OrderLine, 999));
op('delete in a transaction of a child', ds =>
  ds.transaction(tx => tx.delete(OrderLine, 1)),
);
op('clear', ds => ds.getRepository(OrderLine).clear());
op(
  'clear with cascade',
  ds => ds.getRepository(User).clear({ cascade: true }),
  PG,
);

// upsert
op('upsert that inserts', ds =>
  ds.manager.upsert(Natural, { key: 'n9', label: 'x' }, ['key']),
);
op('upsert that updates', ds =>
  ds.manager.upsert(Natural, { key: 'n1', label: 'x' }, ['key']),
);
op('upsert by a unique column that updates', ds =>
  ds.manager.upsert(User, { email: 'u1', name: 'x' }, ['email']),
);
op('upsert by a unique column that inserts', ds =>
  ds.manager.upsert(User, { email: 'n', name: 'x' }, ['email']),
);
op('upsert many', ds =>
  ds.manager.upsert(
    User,
    [
      { email: 'u1', name: 'x' },
      { email: 'n', name: 'y' },
    ],
    ['email'],
  ),
);
op(
  'upsert of what is the same',
  ds =>
    ds.manager.upsert(
      User,
      { email: 'u1', name: 'u1' },
      { conflictPaths: ['email'], skipUpdateIfNoValuesChanged: true },
    ),
  PG,
);
op(
  'upsert of a child under another parent',
  ds => ds.manager.upsert(Post, { id: 1, title: 'x', authorId: 3 }, ['id']),
  MARIA_LITE,
);

// query builder
const builder = (ds: DataSource) => ds.createQueryBuilder();
op('builder: insert', ds =>
  builder(ds).insert().into(User).values({ email: 'n' }).execute(),
);
op('builder: insert without listeners', ds =>
  builder(ds)
    .insert()
    .into(User)
    .values({ email: 'n' })
    .callListeners(false)
    .execute(),
);
op('builder: insert without updating the entity', ds =>
  builder(ds)
    .insert()
    .into(User)
    .values({ email: 'n' })
    .updateEntity(false)
    .execute(),
);
op('builder: insert in a transaction', ds =>
  builder(ds)
    .insert()
    .into(User)
    .values({ email: 'n' })
    .useTransaction(true)
    .execute(),
);
op('builder: insert by table name', ds =>
  builder(ds)
    .insert()
    .into('users', ['email'])
    .values({ email: 'n' })
    .execute(),
);
op('builder: insert orIgnore, ignored', ds =>
  builder(ds).insert().into(User).values({ email: 'u1' }).orIgnore().execute(),
);
op('builder: insert orIgnore, inserted', ds =>
  builder(ds).insert().into(User).values({ email: 'n' }).orIgnore().execute(),
);
op('builder: insert orUpdate', ds =>
  builder(ds)
    .insert()
    .into(User)
    .values({ email: 'u1', name: 'x' })
    .orUpdate(['name'], ['email'])
    .execute(),
);
op('builder: insert from a select', ds =>
  builder(ds)
    .insert()
    .into(Tag, ['label'])
    .valuesFromSelect(qb => qb.select('u.name').from(User, 'u'))
    .execute(),
);
op('builder: update by keys', ds =>
  builder(ds).update(User).set({ name: 'x' }).whereInIds([1, 2]).execute(),
);
op('builder: update by composite keys', ds =>
  builder(ds)
    .update(Membership)
    .set({ role: 'x' })
    .whereInIds([
      { userKey: 1, groupKey: 1 },
      { userKey: 2, groupKey: 1 },
    ])
    .execute(),
);
op('builder: update where', ds =>
  builder(ds)
    .update(User)
    .set({ name: 'x' })
    .where('id = :id', { id: 1 })
    .execute(),
);
op('builder: update where in', ds =>
  builder(ds)
    .update(User)
    .set({ name: 'x' })
    .where('id IN (:...ids)', { ids: [1, 2] })
    .execute(),
);
op('builder: update where, reversed', ds =>
  builder(ds)
    .update(User)
    .set({ name: 'x' })
    .where(':id = id', { id: 1 })
    .execute(),
);
op('builder: update where, or all', ds =>
  builder(ds)
    .update(User)
    .set({ name: 'x' })
    .where('id = :id OR 1=1', { id: 1 })
    .execute(),
);
op('builder: update where not', ds =>
  builder(ds)
    .update(User)
    .set({ name: 'x' })
    .where('NOT (id = :id)', { id: 1 })
    .execute(),
);
op('builder: update by a subquery', ds =>
  builder(ds)
    .update(User)
    .set({ name: 'x' })
    .where('id = (SELECT MIN(user_id) FROM orders)')
    .execute(),
);
op('builder: update to an expression', ds =>
  builder(ds)
    .update(User)
    .set({ score: () => 'score + 1' })
    .where('id = :id', { id: 1 })
    .execute(),
);
op(
  'builder: update returning',
  ds =>
    builder(ds)
      .update(User)
      .set({ name: 'x' })
      .where('score = 0')
      .returning('*')
      .execute(),
  PG,
);
op('builder: update without listeners', ds =>
  builder(ds)
    .update(User)
    .set({ name: 'x' })
    .where('id = 1')
    .callListeners(false)
    .execute(),
);
op('builder: update with a comment', ds =>
  builder(ds)
    .update(User)
    .set({ name: 'x' })
    .where('id = 1')
    .comment('; DELETE FROM tags')
    .execute(),
);
op(
  'builder: update with a limit',
  ds =>
    builder(ds)
      .update(User)
      .set({ name: 'x' })
      .orderBy('id')
      .limit(1)
      .execute(),
  MARIA,
);
op('builder: delete where', ds =>
  builder(ds).delete().from(OrderLine).where('id = 1').execute(),
);
op(
  'builder: delete returning',
  ds =>
    builder(ds)
      .delete()
      .from(OrderLine)
      .where('quantity = 1')
      .returning('*')
      .execute(),
  PG_MARIA,
);
op('builder: delete by a subquery', ds =>
  builder(ds)
    .delete()
    .from(OrderLine)
    .where("order_id IN (SELECT id FROM orders WHERE item = 'o1')")
    .execute(),
);
op('builder: soft-delete', ds =>
  builder(ds).softDelete().from(Post).where('id = 1').execute(),
);
op('builder: relation add', ds =>
  builder(ds).relation(User, 'orders').of(3).add(1),
);
op('builder: relation remove', ds =>
  builder(ds).relation(User, 'orders').of(1).remove(1),
);
op('builder: relation set', ds =>
  builder(ds).relation(Order, 'user').of(1).set(3),
);
op('builder: relation set to none', ds =>
  builder(ds).relation(Order, 'user').of(1).set(null),
);
op('builder: many-to-many add', ds =>
  builder(ds).relation(Post, 'tags').of(2).add(1),
);
op('builder: many-to-many remove', ds =>
  builder(ds).relation(Post, 'tags').of(1).remove(1),
);
op('builder: many-to-many from the other side', ds =>
  builder(ds).relation(Tag, 'posts').of(1).add(2),
);
op('builder: one-to-one from the other side', ds =>
  builder(ds).relation(User, 'profile').of(2).set(2),
);

// keys of every kind
op('composite key: save', ds =>
  ds.manager.save(Membership, { userKey: 1, groupKey: 1, role: 'x' }),
);
op('composite key: remove', async ds =>
  ds.manager.remove(
    await ds.manager.findOneByOrFail(Membership, { userKey: 1, groupKey: 1 }),
  ),
);
op('composite key: remove many', async ds =>
  ds.manager.remove(await ds.manager.find(Membership)),
);
op('uuid: save new', ds => ds.manager.save(Doc, { title: 'x' }));
op('uuid: save', ds => ds.manager.save(Doc, { id: DOC_IDS[0], title: 'x' }));
op(
  'uuid: update in upper case',
  ds => ds.manager.update(Doc, DOC_IDS[1].toUpperCase(), { title: 'x' }),
  PG,
);
op('bigint: save new', ds => ds.manager.save(Ledger, { note: 'x' }), PG_MARIA);
op(
  'bigint: update',
  ds => ds.manager.update(Ledger, '2', { note: 'x' }),
  PG_MARIA,
);
op('transformed key: save', ds =>
  ds.manager.save(Code, { code: 'A', label: 'x' }),
);
op('transformed key: update', ds =>
  ds.manager.update(Code, 'A', { label: 'x' }),
);
op('transformed key: delete', ds => ds.manager.delete(Code, 'A'));
op('text key in another case', ds =>
  ds.manager.update(Natural, 'N1', { label: 'x' }),
);
op('named key column: save', ds =>
  ds.manager.save(LegacyRow, { id: 1, label: 'x' }),
);
op('named key column: insert', ds =>
  ds.manager.insert(LegacyRow, { label: 'x' }),
);
op('named key column: delete', ds => ds.manager.delete(LegacyRow, 1));
op('embedded: update', ds =>
  ds.manager.update(Person, 1, { name: { first: 'x' } }),
);
op('inheritance: save a child', ds => ds.manager.save(Dog, { name: 'x' }));
op('inheritance: update by the parent', ds =>
  ds.manager.update(Animal, 1, { name: 'x' }),
);
op('inheritance: update by the child', ds =>
  ds.manager.update(Dog, 1, { name: 'x' }),
);
op('inheritance: update of a sibling', ds =>
  ds.manager.update(Dog, 2, { name: 'x' }),
);
op('inheritance: delete by the child', ds => ds.manager.delete(Dog, 1));

// trees
op('closure tree: save under a parent', async ds => {
  const repository = ds.getTreeRepository(Category);
  const parent = await repository.findOneByOrFail({ name: 'left' });
  await repository.save({ name: 'new', parent });
});
op('closure tree: move', async ds => {
  const repository = ds.getTreeRepository(Category);
  const node = await repository.findOneByOrFail({ name: 'leaf' });
  node.parent = await repository.findOneByOrFail({ name: 'right' });
  await repository.save(node);
});
op('closure tree: remove', async ds => {
  const repository = ds.getTreeRepository(Category);
  await repository.remove(await repository.findOneByOrFail({ name: 'leaf' }));
});
op('closure tree: delete', ds => ds.manager.delete(Category, { name: 'left' }));
op('path tree: save under a parent', async ds => {
  const repository = ds.getTreeRepository(PathNode);
  const parent = await repository.findOneByOrFail({ name: 'left' });
  await repository.save({ name: 'new', parent });
});
op('path tree: move', async ds => {
  const repository = ds.getTreeRepository(PathNode);
  const node = await repository.findOneByOrFail({ name: 'left' });
  node.parent = await repository.findOneByOrFail({ name: 'right' });
  await repository.save(node);
});
op('nested set: save under a parent', async ds => {
  const repository = ds.getTreeRepository(NestedNode);
  const parent = await repository.findOneByOrFail({ name: 'left' });
  await repository.save({ name: 'new', parent });
});
op('nested set: remove', async ds => {
  const repository = ds.getTreeRepository(NestedNode);
  await repository.remove(await repository.findOneByOrFail({ name: 'leaf' }));
});

// raw SQL
op('raw: insert', ds => ds.query("INSERT INTO users (email) VALUES ('n')"));
op('raw: update by key', ds =>
  ds.query("UPDATE users SET name = 'x' WHERE id = 1"),
);
op('raw: update of all', ds => ds.query("UPDATE users SET name = 'x'"));
op('raw: delete', ds => ds.query('DELETE FROM order_lines WHERE id = 1'));
op('raw: truncate', ds => ds.query('TRUNCATE TABLE order_lines'), PG_MARIA);
op(
  'raw: truncate with cascade',
  ds => ds.query('TRUNCATE users, tags CASCADE'),
  PG,
);
op('raw: by a runner', async ds =>
  withRunner(ds, runner =>
    runner.query("UPDATE users SET name = 'x' WHERE id = 1"),
  ),
);
op('raw: by the manager', ds =>
  ds.manager.query("UPDATE users SET name = 'x' WHERE id = 1"),
);
op(
  'raw: by the sql tag',
  ds => ds.sql`UPDATE users SET name = ${'x'} WHERE id = ${1}`,
);
op('raw: insert from a select', ds =>
  ds.query('INSERT INTO tags (label) SELECT name FROM users'),
);
op(
  'raw: writing CTEs',
  ds =>
    ds.query(
      "WITH gone AS (DELETE FROM order_lines RETURNING order_id) UPDATE orders SET item = 'x' WHERE id IN (SELECT order_id FROM gone)",
    ),
  PG,
);
op(
  'raw: an update behind a CTE',
  ds =>
    ds.query(
      "WITH x AS (SELECT 1 AS id) UPDATE users SET name = 'x' WHERE id IN (SELECT id FROM x)",
    ),
  PG_LITE,
);
op(
  'raw: several statements',
  ds =>
    ds.query(
      "UPDATE users SET name = 'x' WHERE id = 1; UPDATE orders SET item = 'x' WHERE id = 1",
    ),
  PG,
);
op(
  'raw: update with a join',
  ds =>
    ds.query(
      "UPDATE orders JOIN users ON users.id = orders.user_id SET orders.item = 'x', users.name = 'x' WHERE users.id = 1",
    ),
  MARIA,
);
op(
  'raw: update from',
  ds =>
    ds.query(
      "UPDATE orders SET item = 'x' FROM users WHERE users.id = orders.user_id AND users.id = 1",
    ),
  PG_LITE,
);
op(
  'raw: replace',
  ds => ds.query("REPLACE INTO naturals (`key`, label) VALUES ('n2', 'x')"),
  MARIA_LITE,
);
op(
  'raw: merge',
  ds =>
    ds.query(
      "MERGE INTO users u USING (SELECT 1 AS id) s ON u.id = s.id WHEN MATCHED THEN UPDATE SET name = 'x'",
    ),
  PG,
);
op(
  'raw: a do block',
  ds => ds.query("DO $$ BEGIN UPDATE users SET name = 'x'; END $$"),
  PG,
);
op(
  'raw: update through a view',
  ds => ds.query("UPDATE user_view SET name = 'x' WHERE id = 1"),
  PG_MARIA,
);
op(
  'raw: on conflict',
  ds =>
    ds.query(
      "INSERT INTO users (email, name) VALUES ('u1', 'x') ON CONFLICT (email) DO UPDATE SET name = excluded.name",
    ),
  PG_LITE,
);
op(
  'raw: on duplicate key',
  ds =>
    ds.query(
      "INSERT INTO users (email, name) VALUES ('u1', 'x') ON DUPLICATE KEY UPDATE name = 'x'",
    ),
  MARIA,
);
op(
  'raw: any of an array',
  ds => ds.query("UPDATE users SET name = 'x' WHERE id = ANY($1)", [[1, 2]]),
  PG,
);
op(
  'raw: a list as one parameter',
  ds => ds.query("UPDATE users SET name = 'x' WHERE id IN (?)", [[1, 2]]),
  MARIA,
);

// transactions
op('transaction that commits', ds =>
  ds.transaction(async tx => {
    await tx.update(User, 1, { name: 'x' });
    await tx.save(User, { email: 'n' });
  }),
);
op(
  'transaction that fails',
  ds =>
    ds.transaction(async tx => {
      await tx.update(User, 1, { name: 'x' });
      throw new Error('no');
    }),
  { fails: true },
);
op('nested: both commit', ds =>
  ds.transaction(async tx => {
    await tx.update(User, 1, { name: 'x' });
    await tx.transaction(inner => inner.update(User, 2, { name: 'x' }));
  }),
);
op('nested: the inner fails', ds =>
  ds.transaction(async tx => {
    await tx.update(User, 1, { name: 'x' });
    await tx
      .transaction(async inner => {
        await inner.update(User, 2, { name: 'x' });
        throw new Error('no');
      })
      .catch(() => {});
    await tx.update(User, 3, { name: 'x' });
  }),
);
op(
  'nested: the outer fails',
  ds =>
    ds.transaction(async tx => {
      await tx.transaction(inner => inner.update(User, 2, { name: 'x' }));
      throw new Error('no');
    }),
  { fails: true },
);
op('nested in three levels, the second fails', ds =>
  ds.transaction(async tx => {
    await tx.update(User, 1, { name: 'x' });
    await tx
      .transaction(async second => {
        await second.transaction(third => third.update(User, 3, { name: 'x' }));
        throw new Error('no');
      })
      .catch(() => {});
  }),
);
op('runner: begin and commit', ds =>
  withRunner(ds, async runner => {
    await runner.startTransaction();
    await runner.manager.update(User, 1, { name: 'x' });
    await runner.commitTransaction();
  }),
);
op('runner: begin and roll back', ds =>
  withRunner(ds, async runner => {
    await runner.startTransaction();
    await runner.manager.update(User, 1, { name: 'x' });
    await runner.rollbackTransaction();
  }),
);
op('runner: raw BEGIN and COMMIT', ds =>
  withRunner(ds, async runner => {
    await runner.query('BEGIN');
    await runner.manager.update(User, 1, { name: 'x' });
    await runner.query('COMMIT');
  }),
);
op('runner: raw BEGIN and ROLLBACK', ds =>
  withRunner(ds, async runner => {
    await runner.query('BEGIN');
    await runner.manager.update(User, 1, { name: 'x' });
    await runner.query('ROLLBACK');
  }),
);
op('runner: raw SAVEPOINT rolled back', ds =>
  withRunner(ds, async runner => {
    await runner.query('BEGIN');
    await runner.manager.update(User, 1, { name: 'x' });
    await runner.query('SAVEPOINT s');
    await runner.manager.update(User, 2, { name: 'x' });
    await runner.query('ROLLBACK TO SAVEPOINT s');
    await runner.query('COMMIT');
  }),
);
op(
  'an error caught in a transaction, then a commit',
  ds =>
    ds.transaction(async tx => {
      await tx.update(User, 1, { name: 'x' });
      await tx.query('SELECT nonsense').catch(() => {});
    }),
  PG,
);
op(
  'DDL in a transaction that is rolled back',
  ds =>
    withRunner(ds, async runner => {
      await runner.startTransaction();
      await runner.manager.update(User, 1, { name: 'x' });
      await runner.query('CREATE TABLE extra (id int)');
      await runner.query('DROP TABLE extra');
      await runner.rollbackTransaction();
    }),
  MARIA,
);
op(
  'clear in a transaction that fails',
  ds =>
    ds.transaction(async tx => {
      await tx.update(User, 1, { name: 'x' });
      await tx.clear(CartItem);
      throw new Error('no');
    }),
  { ...MARIA, fails: true },
);
op(
  'autocommit off',
  ds =>
    withRunner(ds, async runner => {
      await runner.query('SET autocommit = 0');
      await runner.query("UPDATE users SET name = 'x' WHERE id = 1");
      await runner.query('COMMIT');
      await runner.query('SET autocommit = 1');
    }),
  MARIA,
);

export const OPERATIONS: readonly Operation[] = operations;

async function withRunner<T>(
  dataSource: DataSource,
  use: (runner: QueryRunner) => Promise<T>,
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    return await use(runner);
  } finally {
    await runner.release();
  }
}
