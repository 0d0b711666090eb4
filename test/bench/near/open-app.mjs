// The application of both processes: one table, observed.
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EntitySchema } from 'typeorm';
import { AlkeyModule } from 'nestjs-alkey';
import { STORE_TIMEOUT_MS } from '../store.mjs';

export const Article = new EntitySchema({
  name: 'Article',
  tableName: 'articles',
  columns: {
    id: { type: Number, primary: true },
    version: { type: Number },
  },
});

export async function openApp(database, alkey) {
  const imports = [
    TypeOrmModule.forRoot({ ...database, entities: [Article] }),
    AlkeyModule.forRoot({ storeTimeoutMs: STORE_TIMEOUT_MS, ...alkey }),
  ];
  return NestFactory.createApplicationContext(
    { module: class {}, imports },
    { logger: ['error'], abortOnError: false },
  );
}
