// An application in a process of its own, with options as JSON in OPTIONS; says where it listens.
import 'reflect-metadata';
import { createRequire } from 'node:module';
import { type AddressInfo } from 'node:net';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Module,
  Param,
  Post,
  type Provider,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AlkeyModule, type AlkeyModuleOptions, TokenStore } from 'nestjs-alkey';
import {
  CrashPoints,
  type CrashStep,
  crashingClient,
  crashInStore,
  type PgClientClass,
} from './crash-points.js';
import { SOAK_ENTITIES } from './entities.js';
import { KeyedReadsController } from './keyed-reads.controller.js';
import { lateClient } from './late-answers.js';
import {
  DeleteByHand,
  NAIVE_CACHE,
  naiveCache,
  NaiveReadsController,
} from './naive.js';
import { QueryHits } from './query-hits.js';
import { CachedReads, Reads } from './reads.js';
import {
  QueriesController,
  RecordedQueriesController,
  RecordedReadsController,
} from './unnamed-reads.controllers.js';
import { AfterCommit, WritesController } from './writes.controller.js';

/** What the harness gives an application. */
export interface SoakAppOptions {
  readonly name: string;
  readonly databaseUrl: string;
  readonly items: number;
  /** `undefined`: without Alkey, keys are deleted by hand. */
  readonly alkey?: AlkeyModuleOptions;
  readonly naive?: { readonly redisUrl: string };
}

const options = JSON.parse(process.env['OPTIONS'] ?? '{}') as SoakAppOptions;
const points = new CrashPoints();
const { Client } = createRequire(import.meta.url)('pg') as {
  readonly Client: PgClientClass;
};

@Controller('crash')
class CrashController {
  @Post(':step')
  arm(@Param('step') step: CrashStep): void {
    points.arm(step);
  }
}

/** Says what went wrong, so that the harness can tell faults that it made from others. */
@Catch()
class TellError implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const { code, message } = error as { code?: unknown; message?: string };
    host
      .switchToHttp()
      .getResponse<{ status(code: number): { json(body: unknown): void } }>()
      .status(500)
      .json({ error: `${String(code ?? '')} ${message ?? ''}`.trim() });
  }
}

function caching(): {
  readonly imports: NonNullable<Parameters<typeof Module>[0]['imports']>;
  readonly reads: readonly Type[];
  readonly providers: Provider[];
} {
  if (!options.naive) {
    return {
      imports: [AlkeyModule.forRoot(options.alkey ?? {})],
      reads: [
        KeyedReadsController,
        RecordedReadsController,
        QueriesController,
        RecordedQueriesController,
      ],
      providers: [AfterCommit, CachedReads, QueryHits],
    };
  }
  const cache = naiveCache(options.naive.redisUrl);
  return {
    imports: [],
    reads: [NaiveReadsController],
    providers: [
      { provide: NAIVE_CACHE, useValue: cache },
      {
        provide: AfterCommit,
        useValue: new DeleteByHand(cache, options.items, points),
      },
    ],
  };
}

const { imports, reads, providers } = caching();

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: options.databaseUrl,
      entities: SOAK_ENTITIES,
      applicationName: options.name,
      // It may start while all connections are ended.
      retryDelay: 100,
      extra: { Client: crashingClient(lateClient(Client), points) },
    }),
    ...imports,
  ],
  controllers: [...reads, WritesController, CrashController],
  providers: [Reads, ...providers],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
app.useGlobalFilters(new TellError());
if (!options.naive) crashInStore(app.get(TokenStore), points);
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address() as AddressInfo;
process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
// The harness is gone, however it went.
process.stdin.once('end', () => process.exit()).resume();
