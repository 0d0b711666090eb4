import { DataSource, EntitySchema } from 'typeorm';

export interface Note {
  id: number;
  text: string;
}

export const NOTES = new EntitySchema<Note>({
  name: 'Note',
  tableName: 'notes',
  columns: {
    id: { type: Number, primary: true },
    text: { type: String },
  },
});

/** How long whatever a cache stores lives at most: nothing ends by itself while it is watched. */
export const TTL_MS = 86_400_000;

/** Where a process finds its servers. */
export interface Surroundings {
  readonly postgres: string;
  readonly redis: string;
  /** The same Redis, for messages between processes, which the scenario may keep back. */
  readonly bus: string;
  /** Whether a memory of its own is to be in front where the documentation leaves the choice. */
  readonly memory: boolean;
}

/** One cache, used as its documentation says. */
export interface ComparedCache {
  readonly dataSource: DataSource;
  /** The note's text from the cache, or what `load` answers, which is then cached. */
  read(id: number, load: () => Promise<string>): Promise<string>;
  /** What its user calls after a write; `undefined`: nothing has to be called. */
  readonly invalidate?: (id: number) => Promise<unknown>;
}

export function openDatabase(postgres: string): Promise<DataSource> {
  return new DataSource({
    type: 'postgres',
    url: postgres,
    entities: [NOTES],
  }).initialize();
}
