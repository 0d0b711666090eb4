import {
  ChildEntity,
  Column,
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
  Tree,
  TreeChildren,
  TreeParent,
  UpdateDateColumn,
  VersionColumn,
  ViewColumn,
  ViewEntity,
  BaseEntity,
} from 'typeorm';

@Entity('users')
export class User extends BaseEntity {
  @PrimaryGeneratedColumn()
  id!: number;
  @Column({ unique: true })
  email!: string;
  @Column({ default: '' })
  name!: string;
  @Column({ default: 0 })
  score!: number;
  @OneToMany(() => Order, order => order.user, { cascade: true })
  orders!: Relation<Order>[];
  @OneToOne(() => Profile, profile => profile.user)
  profile!: Relation<Profile> | null;
}

@Entity('orders')
export class Order {
  @PrimaryGeneratedColumn()
  id!: number;
  @Column({ default: '' })
  item!: string;
  @ManyToOne(() => User, user => user.orders, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id' })
  user!: Relation<User> | null;
  @OneToMany(() => OrderLine, line => line.order, { cascade: true })
  lines!: Relation<OrderLine>[];
}

@Entity('order_lines')
export class OrderLine {
  @PrimaryGeneratedColumn()
  id!: number;
  @Column({ default: 0 })
  quantity!: number;
  @ManyToOne(() => Order, order => order.lines, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'order_id' })
  order!: Relation<Order> | null;
}

@Entity('posts')
export class Post {
  @PrimaryGeneratedColumn()
  id!: number;
  @Column({ default: '' })
  title!: string;
  @Column({ name: 'author_id', type: 'int', nullable: true })
  authorId!: number | null;
  @ManyToOne(() => User, { onDelete: 'SET NULL' })
  @JoinColumn({ name: 'author_id' })
  author!: Relation<User> | null;
  @ManyToMany(() => Tag, tag => tag.posts, { cascade: true })
  @JoinTable({
    name: 'post_tags',
    joinColumn: { name: 'post_id' },
    inverseJoinColumn: { name: 'tag_id' },
  })
  tags!: Relation<Tag>[];
  @VersionColumn()
  version!: number;
  @UpdateDateColumn()
  updatedAt!: Date;
  @DeleteDateColumn()
  deletedAt!: Date | null;
}

@Entity('tags')
export class Tag {
  @PrimaryGeneratedColumn()
  id!: number;
  @Column()
  label!: string;
  @ManyToMany(() => Post, post => post.tags)
  posts!: Relation<Post>[];
}

@Entity('profiles')
export class Profile {
  @PrimaryGeneratedColumn()
  id!: number;
  @Column({ default: '' })
  bio!: string;
  @OneToOne(() => User, user => user.profile, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id' })
  user!: Relation<User> | null;
}

@Entity('carts')
export class Cart {
  @PrimaryGeneratedColumn()
  id!: number;
  @OneToMany(() => CartItem, item => item.cart, { cascade: true })
  items!: Relation<CartItem>[];
}

@Entity('cart_items')
export class CartItem {
  @PrimaryGeneratedColumn()
  id!: number;
  @Column({ default: '' })
  label!: string;
  @ManyToOne(() => Cart, cart => cart.items, { orphanedRowAction: 'delete' })
  @JoinColumn({ name: 'cart_id' })
  cart!: Relation<Cart> | null;
}

@Entity('soft_parents')
export class SoftParent {
  @PrimaryGeneratedColumn()
  id!: number;
  @OneToMany(() => SoftChild, child => child.parent, { cascade: true })
  children!: Relation<SoftChild>[];
  @DeleteDateColumn()
  deletedAt!: Date | null;
}

@Entity('soft_children')
export class SoftChild {
  @PrimaryGeneratedColumn()
  id!: number;
  @ManyToOne(() => SoftParent, parent => parent.children, {
    orphanedRowAction: 'soft-delete',
  })
  @JoinColumn({ name: 'parent_id' })
  parent!: Relation<SoftParent> | null;
  @DeleteDateColumn()
  deletedAt!: Date | null;
}

@Entity('memberships')
export class Membership {
  @PrimaryColumn({ name: 'user_key' })
  userKey!: number;
  @PrimaryColumn({ name: 'group_key' })
  groupKey!: number;
  @Column({ default: '' })
  role!: string;
}

@Entity('docs')
export class Doc {
  @PrimaryGeneratedColumn('uuid')
  id!: string;
  @Column({ default: '' })
  title!: string;
}

@Entity('ledgers')
export class Ledger {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: string;
  @Column({ default: '' })
  note!: string;
}

@Entity('animals')
@TableInheritance({ column: { type: 'varchar', name: 'kind' } })
export class Animal {
  @PrimaryGeneratedColumn()
  id!: number;
  @Column({ default: '' })
  name!: string;
}

@ChildEntity('dog')
export class Dog extends Animal {
  @Column({ default: 0, nullable: true })
  barks!: number;
}

@ChildEntity('cat')
export class Cat extends Animal {
  @Column({ default: 0, nullable: true })
  lives!: number;
}

@Entity('categories')
@Tree('closure-table', { closureTableName: 'categories' })
export class Category {
  @PrimaryGeneratedColumn()
  id!: number;
  @Column()
  name!: string;
  @TreeChildren({ cascade: true })
  children!: Relation<Category>[];
  @TreeParent({ onDelete: 'CASCADE' })
  parent!: Relation<Category> | null;
}

@Entity('mpaths')
@Tree('materialized-path')
export class PathNode {
  @PrimaryGeneratedColumn()
  id!: number;
  @Column()
  name!: string;
  @TreeChildren()
  children!: Relation<PathNode>[];
  @TreeParent()
  parent!: Relation<PathNode> | null;
}

@Entity('nested')
@Tree('nested-set')
export class NestedNode {
  @PrimaryGeneratedColumn()
  id!: number;
  @Column()
  name!: string;
  @TreeChildren()
  children!: Relation<NestedNode>[];
  @TreeParent()
  parent!: Relation<NestedNode> | null;
}

export class FullName {
  @Column({ default: '' })
  first!: string;
  @Column({ default: '' })
  last!: string;
}

@Entity('persons')
export class Person {
  @PrimaryGeneratedColumn()
  id!: number;
  @Column(() => FullName)
  name!: FullName;
}

@Entity('legacy_rows')
export class LegacyRow {
  @PrimaryGeneratedColumn({ name: 'legacy_pk' })
  id!: number;
  @Column({ name: 'legacy_label', default: '' })
  label!: string;
}

@Entity('codes')
export class Code {
  @PrimaryColumn({
    type: 'varchar',
    length: 40,
    transformer: {
      to: (value: unknown) =>
        typeof value === 'string' ? `db:${value}` : value,
      from: (value: string) => value.slice(3),
    },
  })
  code!: string;
  @Column({ default: '' })
  label!: string;
}

@Entity('naturals')
export class Natural {
  @PrimaryColumn({ type: 'varchar', length: 40 })
  key!: string;
  @Column({ default: '' })
  label!: string;
}

@Entity('natural_refs')
export class NaturalRef {
  @PrimaryGeneratedColumn()
  id!: number;
  @ManyToOne(() => Natural, { onUpdate: 'CASCADE', onDelete: 'CASCADE' })
  @JoinColumn({ name: 'natural_key' })
  natural!: Relation<Natural> | null;
}

@ViewEntity('user_view', {
  expression: 'SELECT id, name FROM users',
})
export class UserView {
  @ViewColumn()
  id!: number;
  @ViewColumn()
  name!: string;
}

export const ZOO_ENTITIES = [
  User,
  Order,
  OrderLine,
  Post,
  Tag,
  Profile,
  Cart,
  CartItem,
  SoftParent,
  SoftChild,
  Membership,
  Doc,
  Ledger,
  Animal,
  Dog,
  Cat,
  Category,
  PathNode,
  NestedNode,
  Person,
  LegacyRow,
  Code,
  Natural,
  NaturalRef,
  UserView,
];
