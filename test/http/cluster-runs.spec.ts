import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Param } from '@nestjs/common';
import { AlkeyEvents, CacheKeyed } from 'nestjs-alkey';
import { until } from '../support/redis-servers.js';
import { Runs, User } from '../support/shop.js';
import { ADAPTERS, type StartedApp } from '../support/start-app.js';
import { inRedis, storeAnswers } from '../support/stores.js';
import { describeWith } from '../support/suites.js';
import { ask } from './ask.js';
import { startRoutes } from './start-routes.js';

/** Opens for all handlers of a test at once. */
class Door {
  #open: (() => void) | undefined;
  opened = Promise.resolve();

  shut(): void {
    this.opened = new Promise(resolve => (this.#open = resolve));
  }

  open(): void {
    this.#open?.();
  }
}

const door = new Door();
const options = { singleFlight: 'cluster' } as const;

@Controller()
class SlowController {
  constructor(@Inject(Runs) private readonly runs: Runs) {}

  @Get('slow/:id')
  @CacheKeyed(User, options)
  async slow(@Param('id') id: string): Promise<unknown> {
    const run = this.runs.count(id);
    await door.opened;
    return { id, run };
  }

  @Get('failing/:id')
  @CacheKeyed(User, options)
  async failing(@Param('id') id: string): Promise<unknown> {
    this.runs.count(id);
    await door.opened;
    throw new Error('as expected');
  }
}

describeWith('REDIS_URL', "singleFlight: 'cluster'", url => {
  describe.each(ADAPTERS)('over %s', adapter => {
    const apps: StartedApp[] = [];
    beforeAll(async () => {
      const alkey = inRedis(url);
      for (let each = 0; each < 2; each++) {
        const app = await startRoutes(adapter, SlowController, {
          alkey,
          synchronize: false,
        });
        await storeAnswers(app.keys);
        apps.push(app);
      }
    });
    afterAll(async () => {
      for (const app of apps.splice(0)) await app[Symbol.asyncDispose]();
    });

    const runsOf = (id: string) =>
      apps.reduce((sum, app) => sum + (app.runs.counts.get(id) ?? 0), 0);
    /** The same host, which is a part of what is asked for. */
    const askAll = (path: string, times: number) =>
      apps.flatMap(app =>
        Array.from({ length: times }, () =>
          ask(app.url, path, { headers: { host: 'shop.example' } }),
        ),
      );

    it('runs a handler once for all processes that miss at once', async () => {
      let misses = 0;
      for (const { app, keys } of apps) {
        // The start of another may have kept it from its connection for too long.
        await storeAnswers(keys);
        app.get(AlkeyEvents).on('miss', () => (misses += 1));
      }
      door.shut();
      const asked = askAll('/slow/1', 10);
      await until(() => misses === asked.length);
      door.open();
      const answers = await Promise.all(asked);
      expect(runsOf('1')).toBe(1);
      const bodies = new Set(answers.map(({ body }) => body.toString()));
      expect([...bodies]).toEqual(['{"id":"1","run":1}']);
    });

    it('lets the others run it themselves when it fails', async () => {
      door.shut();
      const asked = askAll('/failing/2', 3);
      await until(() => runsOf('2') > 0);
      door.open();
      const answers = await Promise.all(asked);
      expect(answers.map(({ status }) => status)).toEqual(
        answers.map(() => 500),
      );
      expect(runsOf('2')).toBeGreaterThan(1);
    });
  });
});
