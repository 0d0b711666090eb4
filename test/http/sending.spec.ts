import { once } from 'node:events';
import { ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import {
  Controller,
  Get,
  Header,
  type INestApplication,
  Param,
  Res,
  UseGuards,
} from '@nestjs/common';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import compression from 'compression';
import express, { type Express, type Response } from 'express';
import { CacheKeyed, GLOBAL_WRITE_TOKEN, rowOf } from 'nestjs-alkey';
import { DataSource } from 'typeorm';
import { EntityCatalog } from '../../lib/typeorm/entity-catalog.js';
import { schemaOf } from '../../lib/typeorm/entity-schema.js';
import { HIT, STORED } from '../support/cache-status.js';
import { SHOP_ENTITIES, User } from '../support/shop.js';
import { ADAPTERS } from '../support/start-app.js';
import { ask } from './ask.js';
import { type AnyResponse, RowChooser, startRoutes } from './start-routes.js';

@Controller()
class Answers {
  @Get('text')
  @CacheKeyed(GLOBAL_WRITE_TOKEN)
  text(): unknown {
    return { text: 'ä€😀' };
  }

  @Get('json')
  @Header('Content-Type', 'application/json; charset=utf-8')
  @CacheKeyed(GLOBAL_WRITE_TOKEN)
  json(): string {
    return '[1]';
  }

  @Get('length')
  @CacheKeyed(GLOBAL_WRITE_TOKEN)
  length(@Res({ passthrough: true }) response: AnyResponse): unknown {
    const answer = this.text();
    // A common mistake: characters are not bytes.
    response.header('Content-Length', `${JSON.stringify(answer).length}`);
    return answer;
  }

  @Get('rows/:id')
  @UseGuards(RowChooser)
  @CacheKeyed(rowOf(User, 'id'), { scope: 'anonymous' })
  row(@Param('id') id: string): unknown {
    return { id };
  }
}

describe.each(ADAPTERS)('what is sent over %s', adapter => {
  const start = (configure?: (app: INestApplication) => void) =>
    startRoutes(adapter, Answers, configure ? { configure } : {});

  it('is on a hit the bytes that are kept, with what a miss was sent with', async () => {
    await using app = await start();
    const missed = await app.get('/text');
    const end = jest.spyOn(ServerResponse.prototype, 'end');
    const hits = [await app.get('/text'), await app.get('/text')];
    const [first, second] = end.mock.calls.map(([chunk]) => chunk as unknown);
    end.mockRestore();
    expect(missed.cacheStatus).toMatch(STORED);
    for (const hit of hits) {
      expect(hit.cacheStatus).toMatch(HIT);
      expect(headersOf(hit.headers)).toEqual(headersOf(missed.headers));
      expect(hit.body).toBe(missed.body);
    }
    expect(first).toEqual(Buffer.from(missed.body));
    // Made once, not for each answer.
    expect(second).toBe(first);
  });

  it('is nobody else’s where something is between that may change it', async () => {
    await using app = await start(nest => {
      nest.use((_: unknown, response: ServerResponse, next: () => void) => {
        const end = response.end.bind(response) as (chunk: unknown) => unknown;
        response.end = ((chunk: unknown) => {
          const bytes = Buffer.isBuffer(chunk)
            ? chunk
            : Buffer.from(chunk as string);
          // Twice over, it would be another letter.
          bytes[2]! -= 'a'.charCodeAt(0) - 'A'.charCodeAt(0);
          return end(bytes);
        }) as typeof response.end;
        next();
      });
    });
    const expected = '{"Text":"ä€😀"}';
    for (const _ of [1, 2, 3]) {
      expect((await app.get('/text')).body).toBe(expected);
    }
  });

  it('has the length that it has, whatever the handler said', async () => {
    await using app = await start();
    for (const cacheStatus of [STORED, HIT, HIT]) {
      const answer = await app.get('/length');
      expect(answer.cacheStatus).toMatch(cacheStatus);
      expect(answer.headers.get('content-length')).toBe('20');
      expect(answer.body).toBe('{"text":"ä€😀"}');
    }
  });

  it('is of the row that the parameters name, though a guard changed them', async () => {
    await using app = await start();
    const bodyOf = async (row: string) =>
      (await app.get('/rows/1', { 'x-row': row })).body;
    for (const _ of [1, 2]) {
      expect(await bodyOf('1')).toBe('{"id":"1"}');
      expect(await bodyOf('2')).toBe('{"id":"2"}');
    }
  });

  it('depends on what the row is in all data sources that there are by now', async () => {
    await using app = await start();
    await app.get('/rows/1');
    expect((await app.get('/rows/1')).cacheStatus).not.toContain('reports/');
    const dataSource = new DataSource({
      type: 'sqljs',
      entities: SHOP_ENTITIES,
    });
    await dataSource.initialize();
    const name = 'reports';
    const schema = schemaOf(dataSource, name, 'sqlite');
    app.app.get(EntityCatalog).add({ name, dataSource, schema });
    expect((await app.get('/rows/1')).cacheStatus).toContain(
      'alkey:reports/users#1',
    );
    await dataSource.destroy();
  });

  it('is asked of the handler for a request with credentials, whoever asked before', async () => {
    await using app = await start();
    await app.get('/rows/1');
    expect((await app.get('/rows/1')).cacheStatus).toMatch(HIT);
    const { cacheStatus } = await app.get('/rows/1', { cookie: 'a=b' });
    expect(cacheStatus).toContain('detail=credentials');
  });
});

it('has its length on Express where compression has nothing to compress', async () => {
  await using app = await startRoutes('express', Answers, {
    configure: nest => nest.use(compression()),
  });
  const [missed, hit] = [
    await ask(app.url, '/text'),
    await ask(app.url, '/text'),
  ];
  expect(hit.headers['cache-status']).toMatch(HIT);
  expect(hit.headers['content-length']).toBe(missed.headers['content-length']);
});

it('is text for a middleware of Express that replaced res.send', async () => {
  const seen: unknown[] = [];
  await using app = await startRoutes('express', Answers, {
    configure: nest =>
      nest.use((_: unknown, response: Response, next: () => void) => {
        const send = response.send.bind(response);
        response.send = (body: unknown) => {
          seen.push(body);
          return send(body);
        };
        next();
      }),
  });
  const { body } = await app.get('/text');
  expect((await app.get('/text')).cacheStatus).toMatch(HIT);
  expect(seen).toEqual([body, body]);
});

it('is text for an application of Express around this one that replaced res.send', async () => {
  const outer = express();
  outer.response.send = sendWithType;
  await using app = await startRoutes('express', Answers);
  outer.use(app.app.getHttpAdapter().getInstance() as Express);
  const server = outer.listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    for (const _ of [1, 2]) {
      const { headers } = await ask(`http://127.0.0.1:${port}`, '/text');
      expect(headers['x-sent']).toBe('string');
    }
  } finally {
    server.close();
  }
});

it('is what a serializer of the reply makes of it on Fastify', async () => {
  await using app = await startRoutes('fastify', Answers, {
    configure: nest => {
      (nest as NestFastifyApplication)
        .getHttpAdapter()
        .getInstance()
        .addHook('onRequest', async (_request, reply) => {
          reply.serializer(value => `{"wrapped":${String(value)}}`);
        });
    },
  });
  for (const cacheStatus of [STORED, HIT]) {
    const answer = await app.get('/json');
    expect(answer.cacheStatus).toMatch(cacheStatus);
    expect(answer.body).toBe('{"wrapped":[1]}');
  }
});

it('is text for an onSend hook of Fastify, on a hit as on a miss', async () => {
  const seen: unknown[] = [];
  await using app = await startRoutes('fastify', Answers, {
    configure: nest => {
      (nest as NestFastifyApplication)
        .getHttpAdapter()
        .getInstance()
        .addHook('onSend', async (_request, _reply, payload) => {
          seen.push(payload);
          return payload;
        });
    },
  });
  const { body } = await app.get('/text');
  expect((await app.get('/text')).cacheStatus).toMatch(HIT);
  expect(seen).toEqual([body, body]);
});

function sendWithType(this: Response, body: unknown): Response {
  this.setHeader('x-sent', typeof body);
  return express.response.send.call(this, body);
}

/** All but what tells the time, and what was done. */
function headersOf(headers: Headers): unknown {
  return Object.fromEntries(
    [...headers].filter(([name]) => !['date', 'cache-status'].includes(name)),
  );
}
