import {
  ChildEntity,
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  TableInheritance,
  UpdateDateColumn,
  VersionColumn,
} from 'typeorm';
import { City } from './atlas.js';
import { Alliance, Flight } from './aviation.js';

/** Embedded. */
export class FullName {
  @Column({ default: '' })
  first!: string;

  @Column({ default: '' })
  last!: string;
}

@Entity('users')
export class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  email!: string;

  @Column(() => FullName)
  name!: FullName;

  @Column({ default: true })
  active!: boolean;

  @Column({ default: 0 })
  score!: number;

  @ManyToOne(() => User, user => user.reports, {
    onDelete: 'SET NULL',
    nullable: true,
  })
  manager!: Relation<User> | null;

  @OneToMany(() => User, user => user.manager)
  reports!: Relation<User>[];

  @ManyToOne(() => City, { lazy: true, onDelete: 'SET NULL', nullable: true })
  home!: Promise<City | null>;

  @OneToOne(() => Profile, profile => profile.user)
  profile!: Relation<Profile> | null;

  @OneToMany(() => Order, order => order.user, { cascade: true })
  orders!: Relation<Order>[];

  @OneToMany(() => Review, review => review.author, { lazy: true })
  reviews!: Promise<Review[]>;

  @DeleteDateColumn()
  deletedAt!: Date | null;
}

@Entity('profiles')
export class Profile {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'text', nullable: true })
  bio!: string | null;

  @Column({ type: 'simple-json', nullable: true })
  preferences!: Readonly<Record<string, unknown>> | null;

  @OneToOne(() => User, user => user.profile, {
    onDelete: 'CASCADE',
    cascade: true,
    nullable: true,
  })
  @JoinColumn({ name: 'user_id' })
  user!: Relation<User> | null;
}

@Entity('tags')
export class Tag {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  label!: string;

  @ManyToMany(() => Review, review => review.tags)
  reviews!: Relation<Review>[];
}

@Entity('reviews')
export class Review {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ default: 3 })
  rating!: number;

  @Column({ default: '' })
  text!: string;

  @ManyToOne(() => City, { onDelete: 'CASCADE', nullable: true })
  city!: Relation<City> | null;

  @ManyToOne(() => User, user => user.reviews, {
    onDelete: 'CASCADE',
    nullable: true,
  })
  author!: Relation<User> | null;

  @ManyToMany(() => Tag, tag => tag.reviews, { cascade: true })
  @JoinTable()
  tags!: Relation<Tag>[];

  @CreateDateColumn()
  createdAt!: Date;

  @UpdateDateColumn()
  updatedAt!: Date;

  @VersionColumn()
  version!: number;

  @DeleteDateColumn()
  deletedAt!: Date | null;
}

@Entity('orders')
export class Order {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'decimal', precision: 10, scale: 2, default: 0 })
  total!: string;

  @Column({ type: Date, nullable: true })
  placedAt!: Date | null;

  @ManyToOne(() => User, user => user.orders, {
    onDelete: 'CASCADE',
    nullable: true,
  })
  user!: Relation<User> | null;

  @OneToMany(() => OrderLine, line => line.order, {
    cascade: true,
    eager: true,
  })
  lines!: Relation<OrderLine>[];

  @OneToMany(() => Payment, payment => payment.order)
  payments!: Relation<Payment>[];
}

@Entity('order_lines')
export class OrderLine {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ default: 1 })
  quantity!: number;

  @ManyToOne(() => Order, order => order.lines, {
    onDelete: 'CASCADE',
    orphanedRowAction: 'delete',
    nullable: true,
  })
  order!: Relation<Order> | null;

  @ManyToOne(() => Flight, { onDelete: 'SET NULL', nullable: true })
  flight!: Relation<Flight> | null;
}

@Entity('payments')
@TableInheritance({ column: { type: 'varchar', length: 20, name: 'kind' } })
export class Payment {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ default: 0 })
  cents!: number;

  @ManyToOne(() => Order, order => order.payments, {
    onDelete: 'CASCADE',
    nullable: true,
  })
  order!: Relation<Order> | null;
}

@ChildEntity('card')
export class CardPayment extends Payment {
  @Column({ type: 'varchar', length: 4, nullable: true })
  lastDigits!: string | null;
}

@ChildEntity('transfer')
export class TransferPayment extends Payment {
  @Column({ type: 'varchar', length: 34, nullable: true })
  account!: string | null;
}

@Entity('memberships')
export class Membership {
  @PrimaryColumn()
  userId!: number;

  @PrimaryColumn()
  allianceId!: number;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'userId' })
  user!: Relation<User>;

  @ManyToOne(() => Alliance, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'allianceId' })
  alliance!: Relation<Alliance>;

  @Column({ default: 0 })
  miles!: number;
}
