import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('countries')
export class Country {
  /** ISO 3166-1 alpha-2, such as `FR`. */
  @PrimaryColumn({ length: 2 })
  code!: string;

  @Column()
  name!: string;

  @Column()
  flag!: string;

  /** Part of the world, such as `Europe`. */
  @Column()
  region!: string;

  @Column()
  capital!: string;

  /** In square kilometres. */
  @Column('double precision')
  area!: number;
}
