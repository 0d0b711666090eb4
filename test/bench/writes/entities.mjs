import { EntitySchema } from 'typeorm';

export const Article = new EntitySchema({
  name: 'Article',
  tableName: 'articles',
  columns: {
    id: { type: Number, primary: true, generated: true },
    title: { type: String },
    body: { type: String },
    views: { type: Number, default: 0 },
  },
});

/** Refers to another table, so that its writes touch rows there. */
export const Comment = new EntitySchema({
  name: 'Comment',
  tableName: 'comments',
  columns: {
    id: { type: Number, primary: true, generated: true },
    text: { type: String },
    articleId: { type: Number },
  },
  relations: {
    article: {
      type: 'many-to-one',
      target: 'Article',
      joinColumn: { name: 'articleId' },
      onDelete: 'CASCADE',
    },
  },
});

export const ROWS = 1000;

/** Fills empty tables: `ROWS` articles with one comment each, under the keys 1, 2, 3, … */
export async function seed(dataSource) {
  const articles = Array.from({ length: ROWS }, () => newArticle('seed'));
  await insertAll(dataSource, Article, articles);
  const comments = Array.from({ length: ROWS }, (_, index) => ({
    text: 'seed',
    articleId: index + 1,
  }));
  await insertAll(dataSource, Comment, comments);
}

export function newArticle(title) {
  return { title, body: 'A text of a few dozen characters, as rows have.' };
}

// In parts, because SQLite takes so many parameters and no more.
async function insertAll(dataSource, entity, rows) {
  for (let start = 0; start < rows.length; start += 200) {
    await dataSource
      .createQueryBuilder()
      .insert()
      .into(entity)
      .values(rows.slice(start, start + 200))
      .updateEntity(false)
      .execute();
  }
}
