import { type ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Param,
  UseGuards,
} from '@nestjs/common';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { CacheKeyed, GLOBAL_WRITE_TOKEN, rowOf } from 'nestjs-alkey';
import { HIT, STORED } from '../support/cache-status.js';
import { User } from '../support/shop.js';
import { ADAPTERS } from '../support/start-app.js';
import { type AnyRequest, startRoutes } from './start-routes.js';

/** Takes the row from a header, as others take it from a session. */
class Chooser implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers, params } = context
      .switchToHttp()
      .getRequest<AnyRequest & { params: Record<string, unknown> }>();
    params['id'] = headers['x-row'] ?? params['id'];
    return true;
  }
}

@Controller()
class Answers {
  @Get('text')
  @CacheKeyed(GLOBAL_WRITE_TOKEN)
  text(): unknown {
    return { text: 'ä€😀' };
  }

  @Get('rows/:id')
  @UseGuards(Chooser)
  @CacheKeyed(rowOf(User, 'id'), { scope: 'anonymous' })
  row(@Param('id') id: string): unknown {
    return { id };
  }
}

describe.each(ADAPTERS)('what is sent over %s', adapter => {
  const start = (configure?: (app: INestApplication) => void) =>
    startRoutes(adapter, Answers, configure ? { configure } : {});

  it('is on a hit the bytes that are kept, with what a miss was sent with', async () => {
    const chunks: unknown[] = [];
    await using app = await start(nest => {
      nest.use((_: unknown, response: ServerResponse, next: () => void) => {
        const end = response.end.bind(response) as (chunk: unknown) => unknown;
        response.end = ((chunk: unknown) => {
          chunks.push(chunk);
          return end(chunk);
        }) as typeof response.end;
        next();
      });
    });
    const missed = await app.get('/text');
    const hits = [await app.get('/text'), await app.get('/text')];
    expect(missed.cacheStatus).toMatch(STORED);
    for (const hit of hits) {
      expect(hit.cacheStatus).toMatch(HIT);
      expect(headersOf(hit.headers)).toEqual(headersOf(missed.headers));
      expect(hit.body).toBe(missed.body);
    }
    const [, first, second] = chunks;
    expect(first).toEqual(Buffer.from(missed.body));
    // Made once, not for each answer.
    expect(second).toBe(first);
  });

  it('is of the row that the parameters name, though a guard changed them', async () => {
    await using app = await start();
    const ask = async (row: string) =>
      (await app.get('/rows/1', { 'x-row': row })).body;
    for (const _ of [1, 2]) {
      expect(await ask('1')).toBe('{"id":"1"}');
      expect(await ask('2')).toBe('{"id":"2"}');
    }
  });

  it('is asked of the handler for a request with credentials, whoever asked before', async () => {
    await using app = await start();
    await app.get('/rows/1');
    expect((await app.get('/rows/1')).cacheStatus).toMatch(HIT);
    const { cacheStatus } = await app.get('/rows/1', { cookie: 'a=b' });
    expect(cacheStatus).toContain('detail=credentials');
  });
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

/** All but what tells the time, and what was done. */
function headersOf(headers: Headers): unknown {
  return Object.fromEntries(
    [...headers].filter(([name]) => !['date', 'cache-status'].includes(name)),
  );
}
