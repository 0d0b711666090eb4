import { Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { User } from './user.entity.js';

@Entity('favourites')
export class Favourite {
  @PrimaryColumn()
  userId!: number;

  // Not a relation: a child's write touches its parent's row, and nobody else's
  // answer about the city changes because somebody likes it.
  @PrimaryColumn()
  cityId!: number;

  @ManyToOne(() => User, { nullable: false })
  @JoinColumn({ name: 'userId' })
  user!: User;
}
