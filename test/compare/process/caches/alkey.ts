import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AlkeyModule, CacheKeyService, row } from 'nestjs-alkey';
import { DataSource } from 'typeorm';
import {
  type ComparedCache,
  NOTES,
  type Surroundings,
  TTL_MS,
} from '../compared-cache.js';

export async function openAlkey(
  around: Surroundings,
  consistency: 'strict' | 'commit',
): Promise<ComparedCache> {
  @Module({
    imports: [
      TypeOrmModule.forRoot({
        type: 'postgres',
        url: around.postgres,
        entities: [NOTES],
      }),
      AlkeyModule.forRoot({
        redis: around.redis,
        consistency,
        ttlMs: TTL_MS,
        // A busy machine is no Redis that is away.
        storeTimeoutMs: 5_000,
      }),
    ],
  })
  class NotesModule {}

  const app = await NestFactory.createApplicationContext(NotesModule, {
    logger: ['error'],
  });
  const keys = app.get(CacheKeyService);
  await connected(keys);
  return {
    dataSource: app.get(DataSource),
    read: (id, load) => keys.wrap([row(NOTES, id), 'text'], load),
  };
}

/** The connection is made in the background: until then, every token is another one. */
async function connected(keys: CacheKeyService): Promise<void> {
  const token = () => keys.token('alkey:*#*');
  while ((await token()) !== (await token())) {
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
