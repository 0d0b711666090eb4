// One candidate in a process of its own: told what it is by BENCHED, it says at which port it
// listens, and answers each message with what it has used of the processor until then.
import 'reflect-metadata';
import { type AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { type INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ARTICLES, Articles, COMMENTS } from './articles.js';
import { type Candidate, type Surroundings } from './candidate.js';

export type CandidateName =
  | 'bare'
  | 'uncached'
  | 'cache-manager-redis'
  | 'cache-manager-memory'
  | 'bentocache'
  | 'strict'
  | 'near'
  | 'memory'
  | 'recorded'
  | 'recorded-near';

/** What the process has done since it began. */
export interface Usage {
  /** Milliseconds of processor time, of all of its threads. */
  readonly cpuMs: number;
  /** How often an article was read from the database. */
  readonly loads: number;
}

// Loaded one by one, because a process needs one only.
const OPEN: Readonly<
  Record<CandidateName, (around: Surroundings) => Promise<Candidate>>
> = {
  bare: async () => (await import('./candidates/bare.js')).openBare(),
  uncached: async () => (await import('./candidates/bare.js')).openUncached(),
  'cache-manager-redis': async around =>
    (
      await import('./candidates/nest-cache-manager.js')
    ).openCacheManagerOnRedis(around),
  'cache-manager-memory': async () =>
    (
      await import('./candidates/nest-cache-manager.js')
    ).openCacheManagerInMemory(),
  bentocache: async around =>
    (await import('./candidates/bentocache.js')).openBentocache(around),
  strict: async around =>
    (await import('./candidates/alkey.js')).openStrict(around),
  near: async around =>
    (await import('./candidates/alkey.js')).openNear(around),
  memory: async () => (await import('./candidates/alkey.js')).openMemory(),
  recorded: async around =>
    (await import('./candidates/alkey.js')).openRecorded(around),
  'recorded-near': async around =>
    (await import('./candidates/alkey.js')).openRecordedNear(around),
};

const { name, framework, around } = JSON.parse(
  process.env['BENCHED'] ?? '{}',
) as {
  readonly name: CandidateName;
  readonly framework: 'express' | 'fastify';
  readonly around: Surroundings;
};

const { imports = [], controller } = await OPEN[name](around);
const module = {
  module: class BenchedModule {},
  imports: [
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: around.postgres,
      entities: [ARTICLES, COMMENTS],
    }),
    TypeOrmModule.forFeature([ARTICLES]),
    ...imports,
  ],
  providers: [Articles],
  controllers: [controller],
};
const app: INestApplication = await NestFactory.create(
  module,
  framework === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
  { logger: ['error', 'warn'] },
);
await app.listen(0, '127.0.0.1');
const articles = app.get(Articles);

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const usage: Usage = { cpuMs: (user + system) / 1000, loads: articles.loads };
  process.send?.(usage);
});
process.on('disconnect', () => process.exit());
const { port } = app.getHttpServer().address() as AddressInfo;
process.send?.({ port });
