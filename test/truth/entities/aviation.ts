import {
  Column,
  Entity,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  VersionColumn,
} from 'typeorm';
import { City, Country } from './atlas.js';

export type AirlineStatus = 'flying' | 'grounded' | 'closed';

@Entity('airlines')
export class Airline {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @Column({ type: 'varchar', length: 2, nullable: true, unique: true })
  code!: string | null;

  @Column({ type: 'varchar', length: 10, default: 'flying' })
  status!: AirlineStatus;

  @Column({ type: 'date', nullable: true })
  foundedOn!: string | null;

  @ManyToOne(() => Country, { onDelete: 'SET NULL', nullable: true })
  country!: Relation<Country> | null;

  @OneToMany(() => Aircraft, aircraft => aircraft.airline, { cascade: true })
  fleet!: Relation<Aircraft>[];

  @OneToMany(() => Flight, flight => flight.airline)
  flights!: Relation<Flight>[];

  @ManyToMany(() => Alliance, alliance => alliance.airlines)
  @JoinTable({
    name: 'alliance_members',
    joinColumn: { name: 'airline_id' },
    inverseJoinColumn: { name: 'alliance_id' },
  })
  alliances!: Relation<Alliance>[];
}

@Entity('alliances')
export class Alliance {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @ManyToMany(() => Airline, airline => airline.alliances)
  airlines!: Relation<Airline>[];
}

@Entity('aircraft')
export class Aircraft {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column()
  model!: string;

  @Column({ default: 0 })
  seats!: number;

  @ManyToOne(() => Airline, airline => airline.fleet, {
    onDelete: 'CASCADE',
    nullable: true,
  })
  airline!: Relation<Airline> | null;

  @VersionColumn()
  version!: number;
}

@Entity('airports')
export class Airport {
  /** IATA's three letters. */
  @PrimaryColumn({ type: 'varchar', length: 3 })
  code!: string;

  @Column()
  name!: string;

  @ManyToOne(() => City, { eager: true, onDelete: 'CASCADE', nullable: true })
  @JoinColumn({ name: 'city_id' })
  city!: Relation<City> | null;
}

@Entity('flights')
export class Flight {
  @PrimaryColumn()
  airlineId!: number;

  @PrimaryColumn({ type: 'varchar', length: 8 })
  number!: string;

  @ManyToOne(() => Airline, airline => airline.flights, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'airlineId' })
  airline!: Relation<Airline>;

  @ManyToOne(() => Airport, { onDelete: 'CASCADE', nullable: true })
  @JoinColumn({ name: 'origin_code' })
  origin!: Relation<Airport> | null;

  @ManyToOne(() => Airport, { onDelete: 'SET NULL', nullable: true })
  @JoinColumn({ name: 'target_code' })
  target!: Relation<Airport> | null;

  @Column({ default: 100 })
  seats!: number;

  @Column({ type: 'decimal', precision: 8, scale: 2, default: 0 })
  price!: string;
}
