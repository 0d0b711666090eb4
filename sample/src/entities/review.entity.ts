import {
  Column,
  CreateDateColumn,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryGeneratedColumn,
} from 'typeorm';
import { City } from './city.entity.js';

@Entity('reviews')
export class Review {
  @PrimaryGeneratedColumn()
  id!: number;

  /** From 1 to 5. */
  @Column()
  rating!: number;

  @Column()
  author!: string;

  @Column()
  text!: string;

  @CreateDateColumn()
  createdAt!: Date;

  @Index()
  @Column()
  cityId!: number;

  @ManyToOne(() => City, { nullable: false })
  @JoinColumn({ name: 'cityId' })
  city!: City;
}
