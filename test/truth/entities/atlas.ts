import {
  Column,
  Entity,
  EntitySchema,
  Index,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  Tree,
  TreeChildren,
  TreeParent,
} from 'typeorm';
import { type TestDatabase } from '../../support/databases.js';

/** Parts of the world, in a closure table. */
@Entity('regions')
@Tree('closure-table')
export class Region {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  name!: string;

  @TreeParent({ onDelete: 'CASCADE' })
  parent!: Relation<Region> | null;

  @TreeChildren({ cascade: true })
  children!: Relation<Region>[];

  @OneToMany(() => Country, country => country.region)
  countries!: Relation<Country>[];
}

@Entity('countries')
export class Country {
  /** ISO 3166-1 alpha-2. */
  @PrimaryColumn({ type: 'varchar', length: 2 })
  code!: string;

  @Column()
  name!: string;

  /** In square kilometres. */
  @Column({ type: 'decimal', precision: 12, scale: 2, default: 0 })
  area!: string;

  @Column({ type: 'bigint', default: 0 })
  population!: string;

  @Column({ default: false })
  landlocked!: boolean;

  @Column({ type: 'simple-json', nullable: true })
  currencies!: readonly string[] | null;

  @ManyToOne(() => Region, region => region.countries, {
    onDelete: 'SET NULL',
    nullable: true,
  })
  region!: Relation<Region> | null;

  @OneToMany(() => City, city => city.country)
  cities!: Relation<City>[];

  @ManyToMany(() => Language, language => language.countries, { cascade: true })
  @JoinTable()
  languages!: Relation<Language>[];
}

@Entity('languages')
export class Language {
  /** ISO 639-3. */
  @PrimaryColumn({ type: 'varchar', length: 3 })
  code!: string;

  @Column()
  name!: string;

  @ManyToMany(() => Country, country => country.languages)
  countries!: Relation<Country>[];
}

/** Embedded. */
export class Location {
  @Column({ type: 'double precision' })
  latitude!: number;

  @Column({ type: 'double precision' })
  longitude!: number;
}

@Entity('cities')
@Index(['countryCode', 'population'])
export class City {
  /** The city's number in GeoNames. */
  @PrimaryColumn()
  id!: number;

  @Column()
  name!: string;

  @Column({ default: 0 })
  population!: number;

  @Column(() => Location)
  location!: Location;

  @Column({ type: 'varchar', length: 2 })
  countryCode!: string;

  @ManyToOne(() => Country, country => country.cities, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'countryCode' })
  country!: Relation<Country>;
}

/**
 * Mapped by `flagSchema`, because each database has its own name for bytes. Relations between
 * schemas and decorated classes are unknown to TypeORM.
 */
export class Flag {
  id!: number;
  caption!: string;
  image!: Buffer | null;
  countryCode!: string;
}

export function flagSchema(database: TestDatabase['name']): EntitySchema<Flag> {
  return new EntitySchema<Flag>({
    name: 'Flag',
    target: Flag,
    tableName: 'flags',
    columns: {
      id: { type: 'int', primary: true, generated: true },
      countryCode: { type: 'varchar', length: 2, unique: true },
      caption: { type: 'varchar', length: 80 },
      image: {
        type: database === 'postgres' ? 'bytea' : 'blob',
        nullable: true,
      },
    },
  });
}
