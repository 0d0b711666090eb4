// An application in a process of its own. It gets its options as JSON in OPTIONS, says where it
// listens, and closes when a line comes in.
import 'reflect-metadata';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AlkeyModule, type AlkeyModuleOptions } from 'nestjs-alkey';
import { type DataSourceOptions } from 'typeorm';
import { Runs, SHOP_ENTITIES, UsersController } from '../shop.js';

const { database, alkey } = JSON.parse(process.env['OPTIONS'] ?? '{}') as {
  readonly database: DataSourceOptions;
  readonly alkey: AlkeyModuleOptions;
};

@Module({
  imports: [
    TypeOrmModule.forRoot({
      ...database,
      entities: SHOP_ENTITIES,
      synchronize: database.type === 'sqljs',
      retryAttempts: 0,
    } as Parameters<typeof TypeOrmModule.forRoot>[0]),
    AlkeyModule.forRoot({ scope: 'shared', ...alkey }),
  ],
  controllers: [UsersController],
  providers: [Runs],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error'] });
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address() as AddressInfo;
process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
await once(process.stdin, 'data');
process.stdin.destroy();
await app.close();
process.stdout.write('closed\n');
