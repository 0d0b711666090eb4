import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AlkeyEvents, AlkeyModule, CacheKeyService } from 'nestjs-alkey';
import { DataSource } from 'typeorm';
import { patient, storeAnswers, STORE_TIMEOUT_MS } from '../store.mjs';
import { Article, Comment } from './entities.mjs';

/**
 * The same database without and with Alkey: the first candidate is what the others are compared
 * with, and the second one, the same once more, tells how far the figures can be trusted.
 */
const CANDIDATES = [
  { name: 'bare' },
  { name: 'again' },
  { name: 'strict', alkey: { consistency: 'strict' } },
  { name: 'commit', alkey: { consistency: 'commit' } },
];

/** Opens all of them, each with connections of its own; `options` are those of the data source. */
export async function openCandidates(options, redis) {
  const candidates = [];
  for (const { name, alkey } of CANDIDATES) {
    candidates.push(await open(name, alkey, options, redis));
    // Alkey asks at the start what it may read there.
    if (candidates.length === 1) await candidates[0].dataSource.synchronize();
  }
  return candidates;
}

async function open(name, alkey, options, redis) {
  const imports = [
    TypeOrmModule.forRoot({
      ...options,
      entities: [Article, Comment],
      // A database in memory is each candidate's own.
      synchronize: options.type === 'sqljs',
      retryAttempts: 0,
    }),
  ];
  if (alkey) {
    imports.push(
      AlkeyModule.forRoot({
        ...alkey,
        // sql.js lets no answer in while it saves a thousand rows.
        redis: patient(redis),
        namespace: `bench-${name}`,
        storeTimeoutMs: STORE_TIMEOUT_MS,
      }),
    );
  }
  const app = await NestFactory.createApplicationContext(
    { module: class {}, imports },
    // Warnings are about data sources of one name, which belong to different apps here.
    { logger: ['error'], abortOnError: false },
  );
  const dataSource = app.get(DataSource);
  const touched = [];
  const storeErrors = [];
  if (alkey) {
    const events = app.get(AlkeyEvents);
    await storeAnswers(app.get(CacheKeyService));
    events.on('touched', ({ identifiers }) => touched.push(identifiers.length));
    events.on('store-error', ({ error }) => storeErrors.push(error));
  }
  return {
    name,
    isObserved: alkey !== undefined,
    dataSource,
    /** How many tokens changed at a time, since this was asked last. */
    takeTouched: () => touched.splice(0),
    /** @throws what the token store failed by: a write that went on without it cost nothing. */
    requireStore() {
      if (storeErrors.length > 0) throw storeErrors[0];
    },
    close: () => app.close(),
  };
}
