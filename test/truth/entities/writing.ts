import {
  Column,
  type DataSource,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  Tree,
  TreeChildren,
  TreeParent,
  ViewColumn,
  ViewEntity,
} from 'typeorm';
import { City, Country } from './atlas.js';
import { User } from './people.js';

@Entity('categories')
@Tree('materialized-path')
export class Category {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @TreeParent()
  parent!: Relation<Category> | null;

  @TreeChildren()
  children!: Relation<Category>[];
}

@Entity('articles')
export class Article {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column()
  title!: string;

  @Column({ type: 'simple-array', nullable: true })
  keywords!: string[] | null;

  @ManyToOne(() => Category, { onDelete: 'SET NULL', nullable: true })
  category!: Relation<Category> | null;

  @ManyToOne(() => User, { onDelete: 'SET NULL', nullable: true })
  author!: Relation<User> | null;

  @OneToMany(() => Comment, comment => comment.article, { cascade: true })
  comments!: Relation<Comment>[];
}

@Entity('comments')
export class Comment {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;

  @ManyToOne(() => Article, article => article.comments, {
    onDelete: 'CASCADE',
    nullable: true,
  })
  article!: Relation<Article> | null;

  @ManyToOne(() => Comment, comment => comment.replies, {
    onDelete: 'CASCADE',
    nullable: true,
  })
  @JoinColumn({ name: 'replied_to' })
  repliedTo!: Relation<Comment> | null;

  @OneToMany(() => Comment, comment => comment.repliedTo)
  replies!: Relation<Comment>[];
}

/** Few rows, all of which a write may remove at once. */
@Entity('settings')
export class Setting {
  @PrimaryColumn({ type: 'varchar', length: 40 })
  key!: string;

  @Column()
  value!: string;
}

@ViewEntity({
  name: 'country_statistics',
  expression: (dataSource: DataSource) =>
    dataSource
      .createQueryBuilder()
      .select('country.code', 'code')
      .addSelect('country.name', 'name')
      .addSelect('COUNT(city.id)', 'cities')
      .addSelect('SUM(city.population)', 'inhabitants')
      .from(Country, 'country')
      .leftJoin(City, 'city', 'city.countryCode = country.code')
      .groupBy('country.code')
      .addGroupBy('country.name'),
})
export class CountryStatistics {
  @ViewColumn()
  code!: string;

  @ViewColumn()
  name!: string;

  @ViewColumn()
  cities!: number;

  @ViewColumn()
  inhabitants!: string | null;
}
