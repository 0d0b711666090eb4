import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DataSource, In, MoreThan } from 'typeorm';
import {
  createDatabase,
  describeOnEachDatabase,
  type OpenedDatabase,
} from '../support/databases.js';
import {
  fillLibrary,
  Note,
  type QueryingApp,
  Shelf,
  startQueries,
  Tag,
  Topic,
  Volume,
} from '../support/library.js';

type Read = (dataSource: DataSource) => Promise<unknown>;

const shelves = (dataSource: DataSource) => dataSource.getRepository(Shelf);
const volumes = (dataSource: DataSource) => dataSource.getRepository(Volume);
const builder = (dataSource: DataSource) =>
  shelves(dataSource).createQueryBuilder('shelf').orderBy('shelf.id');
const topics = (dataSource: DataSource) =>
  dataSource.manager.getTreeRepository(Topic);

/** Every kind of read there is, each of something that the writes below change. */
const READS: readonly (readonly [string, Read])[] = [
  ['find', from => shelves(from).find()],
  ['findBy', from => shelves(from).findBy({ id: MoreThan(0) })],
  ['findOne', from => shelves(from).findOne({ where: { id: 1 } })],
  ['findOneBy', from => shelves(from).findOneBy({ id: 1 })],
  ['findOneOrFail', from => shelves(from).findOneOrFail({ where: { id: 1 } })],
  ['findAndCount', from => shelves(from).findAndCount({ take: 1 })],
  ['findAndCountBy', from => shelves(from).findAndCountBy({ id: In([1, 2]) })],
  ['count', from => shelves(from).count()],
  ['countBy', from => shelves(from).countBy({ id: MoreThan(0) })],
  ['exists', from => shelves(from).exists({ where: { id: 3 } })],
  ['existsBy', from => shelves(from).existsBy({ id: 3 })],
  ['sum', from => shelves(from).sum('id')],
  ['average', from => shelves(from).average('id')],
  ['minimum', from => shelves(from).minimum('id', { label: 'third' })],
  ['maximum', from => shelves(from).maximum('id')],
  ['getMany', from => builder(from).getMany()],
  ['getOne', from => builder(from).where('shelf.id = :id', { id: 1 }).getOne()],
  ['getRawMany', from => builder(from).getRawMany()],
  [
    'getRawOne',
    from =>
      builder(from).select('MAX(shelf.label)', 'last').orderBy().getRawOne(),
  ],
  ['getRawAndEntities', from => builder(from).getRawAndEntities()],
  ['getManyAndCount', from => builder(from).take(1).getManyAndCount()],
  ['getCount', from => builder(from).getCount()],
  ['getExists', from => builder(from).where('shelf.id = 3').getExists()],
  [
    'a builder over a subquery',
    from =>
      from
        .createQueryBuilder()
        .select('s.label', 'label')
        .from(q => q.select('x.label', 'label').from(Shelf, 'x'), 's')
        .orderBy('s.label')
        .getRawMany(),
  ],
  [
    'a common table expression',
    from =>
      from
        .createQueryBuilder()
        .addCommonTableExpression(
          from.createQueryBuilder().select('x.label', 'label').from(Shelf, 'x'),
          'cte',
        )
        .select('label')
        .from('cte', 'cte')
        .orderBy('label')
        .getRawMany(),
  ],
  [
    'a join',
    from =>
      shelves(from).find({
        relations: { volumes: true },
        order: { id: 'ASC' },
      }),
  ],
  [
    'a page of a join',
    from =>
      shelves(from).find({
        relations: { volumes: true },
        order: { id: 'ASC', volumes: { id: 'ASC' } },
        take: 1,
      }),
  ],
  [
    'relations by queries of their own',
    from =>
      shelves(from).find({
        relations: { volumes: true },
        relationLoadStrategy: 'query',
        order: { id: 'ASC' },
      }),
  ],
  ['eager relations', from => volumes(from).find({ order: { id: 'ASC' } })],
  [
    'eager relations by queries of their own',
    from =>
      volumes(from).find({
        relationLoadStrategy: 'query',
        order: { id: 'ASC' },
      }),
  ],
  [
    'a lazy relation',
    async from => {
      const shelf = await shelves(from).findOneByOrFail({ id: 1 });
      return (await shelf.notes).map(({ text }) => text);
    },
  ],
  [
    'ids of a relation',
    from =>
      volumes(from).find({
        loadRelationIds: true,
        loadEagerRelations: false,
        order: { id: 'ASC' },
      }),
  ],
  [
    'loadRelationIdAndMap',
    from =>
      builder(from)
        .loadRelationIdAndMap('shelf.volumeIds', 'shelf.volumes')
        .getMany(),
  ],
  [
    'loadMany',
    from =>
      from.createQueryBuilder().relation(Shelf, 'volumes').of(1).loadMany(),
  ],
  ['findTrees', from => topics(from).findTrees()],
  [
    'findDescendants',
    async from =>
      topics(from).findDescendants(
        await topics(from).findOneByOrFail({ id: 1 }),
      ),
  ],
  [
    'countDescendants',
    async from =>
      topics(from).countDescendants(
        await topics(from).findOneByOrFail({ id: 1 }),
      ),
  ],
];

/** Changes what every one of them answers. */
async function changeAll({ manager }: DataSource): Promise<void> {
  await manager.update(Shelf, 1, { label: 'changed' });
  await manager.insert(Shelf, { id: 3, label: 'third' });
  const shelf = { id: 1 };
  await manager.save(Volume, {
    id: 13,
    title: 'new',
    shelf,
    tags: [{ id: 1 }],
  });
  await manager.update(Tag, 1, { word: 'changed' });
  await manager.update(Note, 1, { text: 'changed' });
  const parent = await topics(manager.dataSource).findOneByOrFail({ id: 1 });
  await topics(manager.dataSource).save({ id: 3, name: 'new', parent });
}

/** Lazy relations as the data they are. */
function dataOf(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer ?? null));
}

describeOnEachDatabase('cached queries', (database, url) => {
  let opened: OpenedDatabase;
  let app: QueryingApp;
  const before = new Map<string, unknown>();

  beforeAll(async () => {
    opened = await createDatabase(database, url);
    app = await startQueries(opened.options);
    await fillLibrary(app.dataSource);
  }, 30_000);
  afterAll(async () => {
    await app?.[Symbol.asyncDispose]();
    await opened?.drop();
  });

  it.each(READS)('answer %s without the database', async (name, read) => {
    const { dataSource } = app;
    await dataSource.queryResultCache?.clear();
    let first: unknown;
    let second: unknown;
    const asked = await app.sentBy(
      async () => (first = await read(dataSource)),
    );
    const askedAgain = await app.sentBy(
      async () => (second = await read(dataSource)),
    );
    before.set(name, dataOf(first));
    expect(asked).not.toEqual([]);
    expect(askedAgain).toEqual([]);
    expect(second).toEqual(first);
  });

  describe('after writes', () => {
    beforeAll(() => changeAll(app.dataSource));

    it.each(READS)('answer %s as it is now', async (name, read) => {
      const { dataSource } = app;
      const answer = await read(dataSource);
      await dataSource.queryResultCache?.clear();
      expect(dataOf(answer)).toEqual(dataOf(await read(dataSource)));
      expect(dataOf(answer)).not.toEqual(before.get(name));
    });
  });
});
