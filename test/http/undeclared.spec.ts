import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  Controller,
  Get,
  Inject,
  Logger,
  Param,
  ParseIntPipe,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  type AlkeyModuleOptions,
  CacheKeyed,
  CacheKeyService,
  GLOBAL_WRITE_TOKEN,
  rowOf,
} from 'nestjs-alkey';
import { Country, Membership, Order, User } from '../support/shop.js';
import { ADAPTERS, type StartedApp } from '../support/start-app.js';
import { startRoutes } from './start-routes.js';

@Controller()
class ReadingController {
  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CacheKeyService) private readonly keys: CacheKeyService,
  ) {}

  @Get('covered/:id')
  @CacheKeyed(rowOf(User, 'id'))
  covered(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.dataSource.manager.findOne(User, {
      where: { id },
      relations: { orders: true },
    });
  }

  @Get('everything')
  @CacheKeyed(GLOBAL_WRITE_TOKEN)
  everything(): Promise<unknown> {
    return this.dataSource.manager.find(Country);
  }

  @Get('uncovered/:id')
  @CacheKeyed(rowOf(Order, 'id'))
  uncovered(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.dataSource.manager.findOne(Order, {
      where: { id },
      relations: { user: true },
    });
  }

  @Get('wrapped')
  @CacheKeyed(User)
  wrapped(): Promise<unknown> {
    return this.keys.wrap([Membership], () =>
      this.dataSource.manager.find(Membership),
    );
  }

  @Get('both/:id')
  @CacheKeyed(rowOf(User, 'id'))
  async both(): Promise<unknown> {
    await this.dataSource.manager.find(Country);
    return this.dataSource.manager.find(Membership);
  }
}

/** What is logged from now on, as texts. */
function logged(level: 'warn' | 'error'): () => readonly string[] {
  const spy = jest.spyOn(Logger.prototype, level).mockReturnValue();
  return () => spy.mock.calls.map(([line]) => String(line));
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe.each(ADAPTERS)('undeclared reads on %s', adapter => {
  const start = (
    undeclared: AlkeyModuleOptions['undeclared'],
  ): Promise<StartedApp> =>
    startRoutes(adapter, ReadingController, { alkey: { undeclared } });

  it('fail the request, and name the ref to add, with throw', async () => {
    const lines = logged('error');
    await using app = await start('throw');
    expect((await app.get('/uncovered/1')).status).toBe(500);
    expect(lines().join('\n')).toContain(
      'ReadingController.uncovered reads users, which its refs do not cover: its answer is kept when that is written. ' +
        'Give @CacheKeyed User as well, or no refs at all, so that they are found out.',
    );
    // Each time: a test is to fail whatever ran before.
    expect((await app.get('/uncovered/1')).status).toBe(500);
  });

  it('are told once with warn, and the request goes on', async () => {
    const lines = logged('warn');
    await using app = await start('warn');
    const first = await app.get('/uncovered/1');
    expect(first.cacheStatus).toMatch(/stored/);
    expect((await app.get('/uncovered/2')).status).toBe(200);
    expect(lines().filter(line => line.includes('reads users'))).toHaveLength(
      1,
    );
  });

  it('are told of all tables at once', async () => {
    const lines = logged('warn');
    await using app = await start('warn');
    await app.get('/both/1');
    expect(lines().join('\n')).toContain(
      'Give @CacheKeyed Country, Membership as well',
    );
  });

  it('are found among what a value of wrap depends on', async () => {
    const lines = logged('warn');
    await using app = await start('warn');
    await app.get('/wrapped');
    expect(lines().join('\n')).toContain('reads memberships');
  });

  it.each(['/covered/1', '/everything'])(
    'are none where the refs cover them: %s',
    async path => {
      await using app = await start('throw');
      expect((await app.get(path)).cacheStatus).toMatch(/stored/);
    },
  );

  it('are not looked for with off', async () => {
    const lines = logged('warn');
    await using app = await start('off');
    expect((await app.get('/uncovered/1')).status).toBe(200);
    expect(lines().join('\n')).not.toContain('reads');
  });
});
