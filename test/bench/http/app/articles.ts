import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { DataSource, EntitySchema, type Repository } from 'typeorm';

export interface Comment {
  id: number;
  author: string;
  text: string;
}

export interface Article {
  id: number;
  /** Every write of the article makes it larger. */
  version: number;
  title: string;
  comments: Comment[];
}

export const COMMENTS = new EntitySchema<Comment & { article: Article }>({
  name: 'Comment',
  tableName: 'comments',
  columns: {
    id: { type: Number, primary: true, generated: true },
    author: { type: String },
    text: { type: String },
  },
  relations: {
    article: {
      type: 'many-to-one',
      target: 'Article',
      inverseSide: 'comments',
    },
  },
});

export const ARTICLES = new EntitySchema<Article>({
  name: 'Article',
  tableName: 'articles',
  columns: {
    id: { type: Number, primary: true },
    version: { type: Number },
    title: { type: String },
  },
  relations: {
    comments: {
      type: 'one-to-many',
      target: 'Comment',
      inverseSide: 'article',
    },
  },
});

/** What every candidate answers, and how often it had to be read. */
@Injectable()
export class Articles {
  loads = 0;

  constructor(
    @InjectRepository(ARTICLES) private readonly articles: Repository<Article>,
  ) {}

  load(id: number): Promise<Article> {
    this.loads += 1;
    return this.articles.findOneOrFail({
      where: { id },
      relations: { comments: true },
      order: { comments: { id: 'ASC' } },
    });
  }

  async write(id: number, version: number): Promise<void> {
    await this.articles.update(id, { version });
  }
}

/** Makes the tables, and in them articles of so many comments each. */
export async function seed(
  postgres: string,
  articles: ReadonlyMap<number, number>,
): Promise<void> {
  const source = await new DataSource({
    type: 'postgres',
    url: postgres,
    entities: [ARTICLES, COMMENTS],
    synchronize: true,
  }).initialize();
  try {
    for (const [id, comments] of articles) {
      const article = { id, version: 0, title: `Article ${id}` };
      await source.getRepository(ARTICLES).insert(article);
      await source
        .createQueryBuilder()
        .insert()
        .into(COMMENTS)
        .values(
          Array.from({ length: comments }, (_, index) => ({
            author: `Reader ${index} of the whole world`,
            text: 'Ünïcode — and a text about as long as such comments are: one sentence, then half another one.',
            article: { id },
          })),
        )
        .updateEntity(false)
        .execute();
    }
  } finally {
    await source.destroy();
  }
}
