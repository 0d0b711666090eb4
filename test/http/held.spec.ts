import { describe, expect, it, jest } from '@jest/globals';
import {
  Controller,
  Get,
  Inject,
  NotFoundException,
  Param,
  Res,
  type Type,
  UseGuards,
} from '@nestjs/common';
import {
  type AlkeyModuleOptions,
  CacheKeyed,
  GLOBAL_WRITE_TOKEN,
  rowOf,
  TokenStore,
} from 'nestjs-alkey';
import { HeldAnswers } from '../../lib/nest/held-answers.js';
import { HELD, HIT, STORED } from '../support/cache-status.js';
import { Gate } from '../support/gate.js';
import {
  type AdapterName,
  ADAPTERS,
  type Answer,
  type StartedApp,
} from '../support/start-app.js';
import { Runs, User } from '../support/shop.js';
import {
  type AnyResponse,
  holdEverything,
  RowChooser,
  startRoutes,
} from './start-routes.js';

/** `/x` answers the number of its run when the gate opens, `/cookie` with a cookie besides. */
function gated(gate: Gate): Type {
  @Controller()
  class GatedController {
    constructor(@Inject(Runs) private readonly runs: Runs) {}

    @Get('x')
    @CacheKeyed(GLOBAL_WRITE_TOKEN)
    async x(): Promise<unknown> {
      const run = this.runs.count('x');
      await gate.pass();
      return { run };
    }

    @Get('rows/:id')
    @UseGuards(RowChooser)
    @CacheKeyed(rowOf(User, 'id'))
    async row(@Param('id') id: string): Promise<unknown> {
      await gate.pass();
      return { run: id };
    }

    @Get('cookie')
    @CacheKeyed(GLOBAL_WRITE_TOKEN)
    async cookie(
      @Res({ passthrough: true }) response: AnyResponse,
    ): Promise<unknown> {
      const run = this.runs.count('cookie');
      response.header('Set-Cookie', `run=${run}`);
      await gate.pass();
      return { run };
    }
  }
  return GatedController;
}

const PATIENT: AlkeyModuleOptions = { storeTimeoutMs: 60_000 };

/** An application in which somebody may commit at any moment; `found`: how often requests saw that. */
async function start(
  adapter: AdapterName,
  gate: Gate,
  alkey: AlkeyModuleOptions = PATIENT,
): Promise<{ app: StartedApp; found(count: number): Promise<void> }> {
  const app = await startRoutes(adapter, gated(gate), { alkey });
  await holdEverything(app);
  await hold(app, 'alkey:users#1', 'alkey:users#2');
  const answer = jest.spyOn(app.app.get(HeldAnswers), 'answer');
  return {
    app,
    async found(count) {
      while (answer.mock.calls.length < count) {
        await new Promise(setImmediate);
      }
    },
  };
}

const hold = ({ app }: StartedApp, ...identifiers: string[]): Promise<void> =>
  app.get(TokenStore).hold(identifiers as never[], 'a writer' as never, 30_000);

const release = ({ app }: StartedApp): Promise<void> =>
  app
    .get(TokenStore)
    .release(['alkey:*#*' as never], 'a writer' as never, 'changed');

const runOf = ({ body }: Answer): unknown =>
  (JSON.parse(body) as { readonly run: unknown }).run;

describe.each(ADAPTERS)(
  'requests while a commit is under way over %s',
  adapter => {
    it('share the next run where many requests come while a commit is under way, and none that is under way', async () => {
      const gate = new Gate();
      const { app, found } = await start(adapter, gate);
      await using _ = app;
      const first = app.get('/x');
      await gate.reached(1);
      const others = [app.get('/x'), app.get('/x'), app.get('/x')];
      await found(4);
      gate.open();
      expect(runOf(await first)).toBe(1);
      // Each of them once more.
      await found(7);
      await gate.reached(1);
      gate.open();
      const answers = await Promise.all(others);
      expect(answers.map(runOf)).toEqual([2, 2, 2]);
      expect(answers.every(({ cacheStatus }) => HELD.test(cacheStatus!))).toBe(
        true,
      );
      const collapsed = answers.filter(({ cacheStatus }) =>
        cacheStatus!.includes('collapsed'),
      );
      expect(collapsed).toHaveLength(2);
      expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    });

    it('are served as ever after they waited, where the writer is done', async () => {
      const gate = new Gate();
      const { app, found } = await start(adapter, gate);
      await using _ = app;
      const first = app.get('/x');
      await gate.reached(1);
      const second = app.get('/x');
      await found(2);
      await release(app);
      gate.open();
      expect((await first).cacheStatus).toMatch(HELD);
      await gate.reached(1);
      gate.open();
      expect((await second).cacheStatus).toMatch(STORED);
      expect((await app.get('/x')).cacheStatus).toMatch(HIT);
      expect(app.runs.counts.get('x')).toBe(2);
    });

    it('wait no longer than storeTimeoutMs for a run that hangs', async () => {
      const gate = new Gate();
      const { app } = await start(adapter, gate, { storeTimeoutMs: 500 });
      await using _ = app;
      const asked = [app.get('/x')];
      await gate.reached(1);
      asked.push(app.get('/x'));
      await gate.reached(2);
      gate.open();
      expect((await Promise.all(asked)).map(runOf)).toEqual([1, 2]);
    });

    it('all see it when the run that they share fails, and the next one runs anew', async () => {
      const gate = new Gate();
      const { app, found } = await start(adapter, gate);
      await using _ = app;
      const first = app.get('/x');
      await gate.reached(1);
      const others = [app.get('/x'), app.get('/x')];
      await found(3);
      gate.open(new NotFoundException('gone'));
      expect((await first).status).toBe(404);
      await found(5);
      await gate.reached(1);
      gate.open(new NotFoundException('gone'));
      const failures = await Promise.all([first, ...others]);
      expect(failures.map(({ status }) => status)).toEqual([404, 404, 404]);
      for (const { cacheStatus } of failures) expect(cacheStatus).toMatch(HELD);
      const next = app.get('/x');
      await gate.reached(1);
      gate.open();
      expect(runOf(await next)).toBe(3);
    });

    it('share no run where one address names several rows', async () => {
      const gate = new Gate();
      const { app, found } = await start(adapter, gate);
      await using _ = app;
      const ask = (row: string) => app.get('/rows/1', { 'x-row': row });
      const asked = [ask('1')];
      await gate.reached(1);
      asked.push(ask('1'), ask('2'));
      await found(3);
      await gate.reached(2);
      gate.open();
      await found(4);
      await gate.reached(1);
      gate.open();
      expect((await Promise.all(asked)).map(runOf)).toEqual(['1', '1', '2']);
    });

    it('run by themselves where the answer is not for sharing', async () => {
      const gate = new Gate();
      const { app, found } = await start(adapter, gate);
      await using _ = app;
      const asked = [app.get('/cookie')];
      await gate.reached(1);
      asked.push(app.get('/cookie'), app.get('/cookie'));
      await found(3);
      for (const __ of asked) {
        gate.open();
        if (app.runs.counts.get('cookie')! < 3) await gate.reached(1);
      }
      const answers = await Promise.all(asked);
      expect(answers.map(runOf).toSorted()).toEqual([1, 2, 3]);
      for (const answer of answers) {
        expect(answer.headers.get('set-cookie')).toBe(
          `run=${String(runOf(answer))}`,
        );
      }
    });
  },
);
