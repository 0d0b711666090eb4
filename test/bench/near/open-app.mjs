// The application of both processes: one table, observed.
import { once } from 'node:events';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EntitySchema } from 'typeorm';
import { AlkeyModule } from 'nestjs-alkey';

export const Article = new EntitySchema({
  name: 'Article',
  tableName: 'articles',
  columns: {
    id: { type: Number, primary: true },
    version: { type: Number },
  },
});

/** Long enough for a machine that is busy: a hold that is given up would let answers be outdated. */
const STORE_TIMEOUT_MS = 10_000;

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

/** Answers each message with what `handle` makes of it, until the parent is gone. */
export async function* orders() {
  const gone = new AbortController();
  process.once('disconnect', () => gone.abort());
  const { signal } = gone;
  try {
    for (;;) yield (await once(process, 'message', { signal }))[0];
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
