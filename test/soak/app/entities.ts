import {
  Column,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  type Relation,
  VersionColumn,
} from 'typeorm';

/** A row; each write makes its version larger by one. */
abstract class Versioned {
  @PrimaryColumn()
  id!: number;

  @Column()
  stamp!: string;

  /** Counted by the database, so that writers of one row agree about which of them came later. */
  @VersionColumn()
  version!: number;
}

/** A row that is there all the time. */
@Entity('items')
export class Item extends Versioned {
  @OneToMany(() => Note, note => note.item)
  notes!: Relation<Note>[];
}

/** The one child of the item with the same key. */
@Entity('notes')
export class Note extends Versioned {
  @ManyToOne(() => Item, item => item.notes)
  @JoinColumn({ name: 'itemId' })
  item!: Relation<Item>;
}

/** A row that is inserted (version 1), updated once (version 2) and deleted. */
@Entity('blinks')
export class Blink extends Versioned {}

export const SOAK_ENTITIES = [Item, Note, Blink];

/** Versions by row, as `items#1` names it; `null`: it is not there. */
export type Versions = Readonly<Record<string, number | null>>;
