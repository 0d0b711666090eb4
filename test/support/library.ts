import {
  Column,
  DataSource,
  type DataSourceOptions,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  type Relation,
  Tree,
  TreeChildren,
  TreeParent,
} from 'typeorm';
import { type AlkeyModuleOptions } from 'nestjs-alkey';
import { startApp, type StartedApp } from './start-app.js';

@Entity('shelves')
export class Shelf {
  @PrimaryColumn()
  id!: number;

  @Column()
  label!: string;

  @OneToMany(() => Volume, volume => volume.shelf)
  volumes!: Relation<Volume>[];

  /** Lazy. */
  @OneToMany(() => Note, note => note.shelf)
  notes!: Promise<Relation<Note>[]>;
}

@Entity('volumes')
export class Volume {
  @PrimaryColumn()
  id!: number;

  @Column()
  title!: string;

  @ManyToOne(() => Shelf, shelf => shelf.volumes, { nullable: true })
  shelf!: Relation<Shelf> | null;

  @ManyToMany(() => Tag, { eager: true })
  @JoinTable({ name: 'volume_tags' })
  tags!: Relation<Tag>[];
}

@Entity('tags')
export class Tag {
  @PrimaryColumn()
  id!: number;

  @Column()
  word!: string;
}

@Entity('notes')
export class Note {
  @PrimaryColumn()
  id!: number;

  @Column()
  text!: string;

  @ManyToOne(() => Shelf, shelf => shelf.notes)
  shelf!: Promise<Relation<Shelf>>;
}

@Entity('topics')
@Tree('closure-table')
export class Topic {
  @PrimaryColumn()
  id!: number;

  @Column()
  name!: string;

  @TreeParent()
  parent!: Relation<Topic> | null;

  @TreeChildren()
  children!: Relation<Topic>[];
}

export const LIBRARY_ENTITIES = [Shelf, Volume, Tag, Note, Topic];

/** Two shelves with two volumes each, each with two tags, notes, and a tree of topics. */
export async function fillLibrary({ manager }: DataSource): Promise<void> {
  const tags = await manager.save(Tag, [
    { id: 1, word: 'old' },
    { id: 2, word: 'blue' },
  ]);
  for (const id of [1, 2]) {
    const shelf = await manager.save(Shelf, { id, label: `shelf ${id}` });
    for (const each of [1, 2]) {
      const number = id * 10 + each;
      const title = `volume ${number}`;
      await manager.save(Volume, { id: number, title, shelf, tags });
    }
    await manager.insert(Note, {
      id,
      text: `note ${id}`,
      shelf: shelf as never,
    });
  }
  const topics = manager.getTreeRepository(Topic);
  const root = await topics.save({ id: 1, name: 'root' });
  await topics.save({ id: 2, name: 'leaf', parent: root });
}

/** An application whose statements are taken down. */
export interface QueryingApp extends StartedApp {
  /** The statements that `run` sent to the database, its own queries and TypeORM's. */
  sentBy(run: () => Promise<unknown>): Promise<readonly string[]>;
}

/** Starts one that caches queries; its tables are made where `synchronize` is not false. */
export async function startQueries(
  database: DataSourceOptions,
  alkey: AlkeyModuleOptions = {},
  others: Partial<Parameters<typeof startApp>[0]> = {},
): Promise<QueryingApp> {
  const sent: string[] = [];
  const logger = {
    logQuery: (sql: string) => sent.push(sql),
    logQueryError: () => undefined,
    logQuerySlow: () => undefined,
    logSchemaBuild: () => undefined,
    logMigration: () => undefined,
    log: () => undefined,
  };
  const app = await startApp({
    database: { ...database, logger } as DataSourceOptions,
    entities: LIBRARY_ENTITIES,
    metadata: { controllers: [] },
    ...others,
    alkey: { queries: true, ...alkey },
  });
  return {
    ...app,
    sentBy: async run => {
      sent.length = 0;
      await run();
      return sent.splice(0);
    },
  };
}
