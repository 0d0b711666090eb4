import { type AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { AlkeyEvents } from 'nestjs-alkey';
import request from 'supertest';
import { AppModule } from '../../sample/src/app.module.js';

export interface Answer {
  readonly status: number;
  readonly cache: 'hit' | 'miss' | 'untouched';
  /** The identifiers that `Cache-Status` names, in alphabetical order. */
  readonly dependsOn: readonly string[];
  readonly text: string;
  readonly etag: string | undefined;
  // oxlint-disable-next-line typescript/no-explicit-any -- each test knows what it asked for
  readonly json: any;
}

export interface Atlas extends AsyncDisposable {
  get(path: string, token?: string, ifNoneMatch?: string): Promise<Answer>;
  send(
    method: 'get' | 'post' | 'patch' | 'delete',
    path: string,
    body?: object,
    token?: string,
    ifNoneMatch?: string,
  ): Promise<Answer>;
  /** TypeORM queries answered without the database so far. */
  cachedQueries(): readonly string[];
}

interface Settings {
  readonly DATABASE_URL?: string;
  readonly REDIS_URL?: string;
}

/** The sample app on a free port, with only the countries that the tests speak of. */
export async function startAtlas(settings: Settings = {}): Promise<Atlas> {
  const app = await withEnvironment(
    { ATLAS_COUNTRIES: 'AD,LI,MC', ...settings },
    async () => {
      const created = await NestFactory.create(AppModule, { logger: false });
      return created.listen(0, '127.0.0.1').then(() => created);
    },
  );
  const { port } = app.getHttpServer().address() as AddressInfo;

  const send: Atlas['send'] = async (
    method,
    path,
    body,
    token,
    ifNoneMatch,
  ) => {
    const server = request(`http://127.0.0.1:${port}`);
    const asked = server[method](path)
      // One name for every process, as behind a load balancer: answers are cached per host.
      .set('Host', 'atlas.test');
    if (token !== undefined) asked.set('Authorization', `Bearer ${token}`);
    if (ifNoneMatch !== undefined) asked.set('If-None-Match', ifNoneMatch);
    const { status, headers, text } = await (body === undefined
      ? asked
      : asked.send(body));
    const isJson = String(headers['content-type']).includes('json');
    return {
      status,
      cache: outcomeIn(headers['cache-status']),
      dependsOn: identifiersIn(headers['cache-status']),
      text,
      etag: headers['etag'],
      json: isJson ? JSON.parse(text) : undefined,
    };
  };
  const cachedQueries: string[] = [];
  app.get(AlkeyEvents).on('hit', ({ source, name }) => {
    if (source === 'query') cachedQueries.push(name);
  });
  return {
    cachedQueries: () => cachedQueries,
    get: (path, token, ifNoneMatch) =>
      send('get', path, undefined, token, ifNoneMatch),
    send,
    [Symbol.asyncDispose]: () => app.close(),
  };
}

function identifiersIn(cacheStatus = ''): readonly string[] {
  const [, key] = /; key="([^"]+)"/.exec(cacheStatus) ?? [];
  return key === undefined ? [] : key.split(' ').toSorted();
}

function outcomeIn(cacheStatus: string | undefined): Answer['cache'] {
  if (cacheStatus === undefined) return 'untouched';
  return /^alkey; hit\b/.test(cacheStatus) ? 'hit' : 'miss';
}

async function withEnvironment<T>(
  settings: Readonly<Record<string, string>>,
  run: () => Promise<T>,
): Promise<T> {
  const before = Object.keys(settings).map(
    name => [name, process.env[name]] as const,
  );
  Object.assign(process.env, settings);
  try {
    return await run();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
