// A user's app, which the packaging check compiles against the installed tarball, as an ES module
// and as CommonJS.
import 'reflect-metadata';
import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { AlkeyEvents, AlkeyModule, CacheKeyed, rowOf } from 'nestjs-alkey';
import { expectTouched } from 'nestjs-alkey/testing';
import { Column, Entity, PrimaryGeneratedColumn, Repository } from 'typeorm';

@Entity()
class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  name!: string;
}

@Controller('users')
class UsersController {
  private queryHits = 0;

  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    events: AlkeyEvents,
  ) {
    events.on('hit', ({ source }) => {
      if (source === 'query') this.queryHits += 1;
    });
  }

  @Get()
  @CacheKeyed(User)
  list(): Promise<User[]> {
    return this.users.find({ order: { id: 'asc' } });
  }

  @Get('recorded')
  @CacheKeyed()
  recorded(): Promise<User[]> {
    return this.users.find({ order: { id: 'desc' } });
  }

  @Get('queried')
  async queried(): Promise<{ users: User[]; queryHits: number }> {
    const users = await this.users.find();
    return { users, queryHits: this.queryHits };
  }

  @Get(':id')
  @CacheKeyed(rowOf(User, 'id'))
  one(@Param('id') id: string): Promise<User | null> {
    return this.users.findOneBy({ id: Number(id) });
  }

  @Post(':id')
  rename(
    @Param('id') id: string,
    @Body() { name }: { name: string },
  ): Promise<User> {
    return this.users.save({ id: Number(id), name });
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'sqljs',
      entities: [User],
      synchronize: true,
    }),
    TypeOrmModule.forFeature([User]),
    AlkeyModule.forRoot({ queries: true }),
  ],
  controllers: [UsersController],
})
class AppModule {}

async function start(): Promise<void> {
  if (typeof expectTouched !== 'function')
    throw new Error('nestjs-alkey/testing has no expectTouched');
  const app = await NestFactory.create(AppModule, {
    logger: ['error'],
  });
  app.enableShutdownHooks();
  await app.listen(0, '127.0.0.1');
  process.stdout.write(`listening on ${await app.getUrl()}\n`);
}

void start();
