import {
  Column,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
} from 'typeorm';
import { Country } from './country.entity.js';

@Entity('cities')
@Index(['countryCode', 'population'])
export class City {
  /** The city's number in GeoNames. */
  @PrimaryColumn()
  id!: number;

  @Column()
  name!: string;

  @Column()
  population!: number;

  /** GeoNames' code of the province, unique within a country; may be empty. */
  @Column()
  province!: string;

  @Column('double precision')
  latitude!: number;

  @Column('double precision')
  longitude!: number;

  @Column({ length: 2 })
  countryCode!: string;

  @ManyToOne(() => Country, { nullable: false })
  @JoinColumn({ name: 'countryCode' })
  country!: Country;
}
