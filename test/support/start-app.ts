import { type AddressInfo } from 'node:net';
import { type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type DataSourceOptions } from 'typeorm';
import {
  AlkeyModule,
  type AlkeyModuleOptions,
  CacheKeyService,
} from 'nestjs-alkey';
import { Runs, SHOP_ENTITIES, UsersController } from './shop.js';
import { nearTokensAreKept, storesByDefault } from './stores.js';

export type AdapterName = 'express' | 'fastify';
export const ADAPTERS: readonly AdapterName[] = ['express', 'fastify'];

export interface StartOptions {
  readonly database: DataSourceOptions;
  readonly adapter?: AdapterName;
  readonly alkey?: AlkeyModuleOptions;
  readonly entities?: DataSourceOptions['entities'];
  readonly synchronize?: boolean;
  readonly metadata?: ModuleMetadata;
  readonly configure?: (app: INestApplication) => void;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly cacheStatus: string | null;
  readonly headers: Headers;
}

/** A Nest app that listens; closes itself at the end of its block. */
export interface StartedApp extends AsyncDisposable {
  readonly app: INestApplication;
  readonly url: string;
  readonly dataSource: DataSource;
  readonly keys: CacheKeyService;
  readonly runs: Runs;
  get(
    path: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  send(method: string, path: string, body?: unknown): Promise<Answer>;
}

export async function startApp({
  database,
  adapter = 'express',
  alkey = {},
  entities = SHOP_ENTITIES,
  synchronize = true,
  metadata = {},
  configure,
}: StartOptions): Promise<StartedApp> {
  const namesStores = alkey.redis !== undefined || alkey.cache !== undefined;
  const testing = await Test.createTestingModule({
    ...metadata,
    imports: [
      TypeOrmModule.forRoot({
        ...database,
        entities,
        synchronize,
        retryAttempts: 0,
      } as Parameters<typeof TypeOrmModule.forRoot>[0]),
      AlkeyModule.forRoot({
        ...(namesStores ? { redis: false } : storesByDefault()),
        scope: 'shared',
        ...alkey,
      }),
      ...(metadata.imports ?? []),
    ],
    controllers: metadata.controllers ?? [UsersController],
    providers: [Runs, ...(metadata.providers ?? [])],
  }).compile();
  const app = testing.createNestApplication(
    adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
    { logger: false },
  );
  configure?.(app);
  try {
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    // Nest leaves open what was opened before.
    await app.close();
    throw error;
  }
  if (!namesStores) await nearTokensAreKept(app);
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const ask = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(url + path, init);
    return {
      status: response.status,
      body: await response.text(),
      cacheStatus: response.headers.get('cache-status'),
      headers: response.headers,
    };
  };
  return {
    app,
    url,
    dataSource: app.get(DataSource),
    keys: app.get(CacheKeyService),
    runs: app.get(Runs),
    get: (path, headers = {}) => ask(path, { headers }),
    send: (method, path, body) =>
      ask(path, {
        method,
        ...(body === undefined
          ? {}
          : {
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify(body),
            }),
      }),
    [Symbol.asyncDispose]: () => app.close(),
  };
}
