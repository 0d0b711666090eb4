import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  Inject,
  Param,
  ParseIntPipe,
  Patch,
  Post,
} from '@nestjs/common';
import {
  Column,
  DataSource,
  Entity,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  Unique,
} from 'typeorm';
import { CacheKeyed, rowOf } from 'nestjs-alkey';

@Entity('users')
@Unique(['slug'])
export class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @Column({ nullable: true, type: 'varchar' })
  slug!: string | null;

  @OneToMany(() => Order, order => order.user)
  orders!: Relation<Order>[];
}

@Entity('orders')
export class Order {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  item!: string;

  @ManyToOne(() => User, user => user.orders, { onDelete: 'CASCADE' })
  user!: Relation<User> | null;
}

@Entity('memberships')
export class Membership {
  @PrimaryColumn()
  userId!: number;

  @PrimaryColumn()
  groupId!: number;

  @Column()
  role!: string;
}

@Entity('countries')
export class Country {
  @PrimaryColumn({ type: 'varchar', length: 2 })
  code!: string;

  @Column()
  name!: string;
}

export const SHOP_ENTITIES = [User, Order, Membership, Country];

/** How often each handler ran, by its name. */
export class Runs {
  readonly counts = new Map<string, number>();

  count(name: string): number {
    const runs = (this.counts.get(name) ?? 0) + 1;
    this.counts.set(name, runs);
    return runs;
  }
}

@Controller('users')
export class UsersController {
  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(Runs) private readonly runs: Runs,
  ) {}

  @Get()
  @CacheKeyed(User)
  @Header('X-Static', 'yes')
  list(): Promise<User[]> {
    this.runs.count('list');
    return this.dataSource.getRepository(User).find({ order: { id: 'ASC' } });
  }

  @Get('by-slug/:slug')
  @CacheKeyed(rowOf(User, { slug: 'slug' }))
  bySlug(@Param('slug') slug: string): Promise<User | null> {
    this.runs.count('bySlug');
    return this.dataSource.getRepository(User).findOneBy({ slug });
  }

  @Get(':id')
  @CacheKeyed(rowOf(User, 'id'))
  one(@Param('id', ParseIntPipe) id: number): Promise<User | null> {
    this.runs.count('one');
    return this.dataSource
      .getRepository(User)
      .findOne({ where: { id }, relations: { orders: true } });
  }

  @Post()
  create(@Body() body: Partial<User>): Promise<User> {
    return this.dataSource.getRepository(User).save(body as User);
  }

  @Patch(':id')
  async rename(
    @Param('id', ParseIntPipe) id: number,
    @Body() body: Partial<User>,
  ): Promise<void> {
    await this.dataSource.getRepository(User).update(id, body);
  }

  @Delete(':id')
  async remove(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.dataSource.getRepository(User).delete(id);
  }
}
