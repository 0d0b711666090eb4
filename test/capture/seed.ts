import { type DataSource, type EntityManager } from 'typeorm';
import {
  Cart,
  Cat,
  Category,
  Code,
  Doc,
  Dog,
  Ledger,
  LegacyRow,
  Membership,
  Natural,
  NaturalRef,
  NestedNode,
  Order,
  PathNode,
  Person,
  Post,
  Profile,
  SoftParent,
  Tag,
  User,
} from './zoo.js';

export const DOC_IDS: readonly [string, string] = [
  '11111111-1111-4111-8111-111111111111',
  'abcdefab-cdef-4abc-8def-abcdefabcdef',
];

/** The same rows in every fresh database; generated keys begin at 1. */
export async function seed(dataSource: DataSource): Promise<void> {
  const manager = dataSource.manager;
  await seedShop(manager);
  await manager.save(Membership, [
    { userKey: 1, groupKey: 1, role: 'a' },
    { userKey: 1, groupKey: 2, role: 'b' },
    { userKey: 2, groupKey: 1, role: 'c' },
  ]);
  await manager.insert(Doc, [
    { id: DOC_IDS[0], title: 'one' },
    { id: DOC_IDS[1], title: 'two' },
  ]);
  if (dataSource.hasMetadata(Ledger)) {
    await manager.save(Ledger, [{ note: 'one' }, { note: 'two' }]);
  }
  await manager.save(Dog, { name: 'rex', barks: 1 });
  await manager.save(Cat, { name: 'tom', lives: 9 });
  await manager.save(Person, { name: { first: 'Ada', last: 'L' } });
  await manager.save(LegacyRow, [{ label: 'one' }, { label: 'two' }]);
  await manager.insert(Code, [
    { code: 'A', label: 'a' },
    { code: 'B', label: 'b' },
  ]);
  await manager.insert(Natural, [
    { key: 'n1', label: 'one' },
    { key: 'n2', label: 'two' },
  ]);
  await manager.insert(NaturalRef, [
    { natural: { key: 'n1' } },
    { natural: { key: 'n1' } },
  ]);
  for (const Node of [Category, PathNode, NestedNode])
    await seedTree(manager, Node);
}

async function seedShop(manager: EntityManager): Promise<void> {
  const users = await manager.save(User, [
    { email: 'u1', name: 'u1' },
    { email: 'u2', name: 'u2' },
    { email: 'u3', name: 'u3' },
  ]);
  const [first, second] = users;
  const orders = await manager.save(Order, [
    { item: 'o1', user: first ?? null },
    { item: 'o2', user: first ?? null },
    { item: 'o3', user: second ?? null },
  ]);
  for (const order of orders.slice(0, 2)) {
    await manager.save('OrderLine', { quantity: 1, order });
  }
  const tags = await manager.save(Tag, [{ label: 't1' }, { label: 't2' }]);
  await manager.save(Post, { title: 'p1', author: first ?? null, tags });
  await manager.save(Post, { title: 'p2', author: first ?? null });
  await manager.save(Post, { title: 'p3', author: second ?? null });
  await manager.save(Profile, { bio: 'b1', user: first ?? null });
  await manager.save(Profile, { bio: 'b2', user: null });
  await manager.save(Cart, { items: [{ label: 'a' }, { label: 'b' }] });
  await manager.save(SoftParent, { children: [{}, {}] });
}

async function seedTree(
  manager: EntityManager,
  Node: typeof Category | typeof PathNode | typeof NestedNode,
): Promise<void> {
  const repository = manager.getTreeRepository<Category>(Node);
  const root = await repository.save({ name: 'root' });
  const left = await repository.save({ name: 'left', parent: root });
  await repository.save({ name: 'right', parent: root });
  await repository.save({ name: 'leaf', parent: left });
}
