import { Article, Comment, newArticle, ROWS } from './entities.mjs';

const GOAL_ONE = { strict: 1.25, commit: 1.1 };
const GOAL_MANY = { strict: 1.05, commit: 1.05 };
const GOAL_READ = { strict: 1, commit: 1 };

const one = { batch: 20, warmUp: 12, rounds: 60 };
const many = { batch: 1, warmUp: 3, rounds: 16 };

/**
 * What is measured. `operations` makes those of one batch: `dataSource` is the candidate's, `unique`
 * makes a text that was never written before. `goal`: the ratio that is aimed at, on PostgreSQL.
 */
export const QUESTIONS = [
  {
    title: 'save() of one new row',
    writes: true,
    goal: GOAL_ONE,
    ...one,
    operations: ({ articles, unique }, count) =>
      times(count, () => {
        const article = articles.create(newArticle(unique('new')));
        return () => articles.save(article);
      }),
  },
  {
    title: 'save() of one changed row',
    writes: true,
    goal: GOAL_ONE,
    ...one,
    operations: async ({ articles, unique }, count) => {
      const rows = await articles.find({ order: { id: 'ASC' }, take: count });
      return rows.map(row => {
        row.title = unique('changed');
        return () => articles.save(row);
      });
    },
  },
  {
    title: 'save() of one changed row that has a parent',
    writes: true,
    ...one,
    operations: async ({ comments, unique }, count) => {
      const rows = await comments.find({ order: { id: 'ASC' }, take: count });
      return rows.map(row => {
        row.text = unique('changed');
        return () => comments.save(row);
      });
    },
  },
  {
    title: `save() of ${ROWS} new rows in one transaction`,
    writes: true,
    goal: GOAL_MANY,
    ...many,
    operations: ({ articles, unique }, count) =>
      times(count, () => {
        const rows = times(ROWS, () =>
          articles.create(newArticle(unique('new'))),
        );
        return () => articles.save(rows);
      }),
  },
  {
    title: `save() of ${ROWS} changed rows in one transaction`,
    writes: true,
    goal: GOAL_MANY,
    ...many,
    operations: async ({ articles, unique }, count) => {
      const rows = await articles.find({ order: { id: 'ASC' }, take: ROWS });
      return times(count, () => async () => {
        for (const row of rows) row.title = unique('changed');
        await articles.save(rows);
      });
    },
  },
  {
    title: 'update(id, …)',
    writes: true,
    ...one,
    operations: ({ articles, unique }, count) =>
      times(count, index => {
        const title = unique('updated');
        return () => articles.update(index + 1, { title });
      }),
  },
  {
    title: 'insert()',
    writes: true,
    ...one,
    operations: ({ articles, unique }, count) =>
      times(count, () => {
        const article = newArticle(unique('inserted'));
        return () => articles.insert(article);
      }),
  },
  {
    title: 'findOneBy() by key',
    writes: false,
    goal: GOAL_READ,
    ...one,
    operations: ({ articles }, count) =>
      times(count, index => () => articles.findOneBy({ id: index + 1 })),
  },
  {
    title: 'find() of 50 rows',
    writes: false,
    goal: GOAL_READ,
    ...one,
    operations: ({ articles }, count) =>
      times(
        count,
        index => () =>
          articles.find({ order: { id: 'ASC' }, skip: index, take: 50 }),
      ),
  },
];

/**
 * What the operations of one candidate work with. Two that write the same table need a `writer` each:
 * a row that has its new value already is not written.
 */
export function benchOf(dataSource, writer) {
  let last = 0;
  return {
    articles: dataSource.getRepository(Article),
    comments: dataSource.getRepository(Comment),
    unique: text => `${text} by ${writer}, ${(last += 1)}`,
  };
}

function times(count, make) {
  return Array.from({ length: count }, (_, index) => make(index));
}
