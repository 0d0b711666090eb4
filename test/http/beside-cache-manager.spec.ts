import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { createDatabase, type TestDatabase } from '../support/databases.js';
import { Gate } from '../support/gate.js';
import { User } from '../support/shop.js';
import { ADAPTERS, type StartedApp } from '../support/start-app.js';
import { describeWith } from '../support/suites.js';
import {
  again,
  answers,
  type Asked,
  bodyAgain,
  revalidated,
  runOf,
  runsOn,
  sent,
  startBoth,
  together,
} from './both-sides.js';

// Each title is a line of the table "Beside @nestjs/cache-manager" of README.md.

const POSTGRES: TestDatabase = { name: 'postgres', service: 'POSTGRES_URL' };
describe.each(ADAPTERS)('beside CacheInterceptor over %s', adapter => {
  const cache = createCache();
  let app: StartedApp;
  beforeAll(async () => {
    app = await startBoth(adapter, { cache });
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
  });

  it('is outdated by a write to the database', async () => {
    await runsOn(app, ['plain']);
    await app.dataSource.getRepository(User).save({ name: 'Ada' });
    expect(await runsOn(app, ['plain'])).toEqual({ ours: [2], theirs: [1] });
  });

  it('gives back the status and the headers that a handler set', async () => {
    const ours = await again(app, 'ours', 'status');
    expect([ours.status, ours.headers]).toMatchObject([
      203,
      { 'x-declared': 'yes', 'x-set': 'yes' },
    ]);
    const theirs = await again(app, 'theirs', 'status');
    expect([theirs.status, theirs.headers]).toMatchObject([
      202,
      { 'x-declared': 'yes' },
    ]);
    expect(theirs.headers).not.toHaveProperty('x-set');
    expect(runOf(theirs)).toBe(1);
  });

  it('answers HEAD from what GET stored', async () => {
    for (const side of ['ours', 'theirs'] as const) {
      await answers(app, side, ['head'], ['head', { method: 'HEAD' }]);
    }
    expect(app.runs.counts.get('ours/head')).toBe(1);
    expect(app.runs.counts.get('theirs/head')).toBe(2);
  });

  it('answers If-None-Match without the handler and without the stored answer', async () => {
    expect(await revalidated(app, cache, 'ours')).toEqual([304, 304, 1]);
    // Express compares the body that it was about to send.
    expect(await revalidated(app, cache, 'theirs')).toEqual([
      adapter === 'express' ? 304 : 200,
      200,
      2,
    ]);
  });

  it('gives no answer to a request with credentials to another', async () => {
    expect(
      await runsOn(
        app,
        sent('private', 'Authorization', 'Bearer ada'),
        sent('private', 'Authorization', 'Bearer bob'),
        ['private'],
      ),
    ).toEqual({
      ours: [1, 2, 3],
      theirs: [1, 1, 1],
    });
  });

  it('stores no answer that sets a cookie', async () => {
    const ours = await again(app, 'ours', 'cookie');
    expect(runOf(ours)).toBe(2);
    expect(ours.headers['set-cookie']).toEqual(['session=1']);
    const theirs = await again(app, 'theirs', 'cookie');
    expect(runOf(theirs)).toBe(1);
    expect(theirs.headers['set-cookie']).toBeUndefined();
  });

  it('tells apart the headers that a route varies by', async () => {
    expect(
      await runsOn(
        app,
        sent('varying', 'X-Tag', 'a'),
        sent('varying', 'X-Tag', 'b'),
        sent('varying', 'X-Tag', 'a'),
      ),
    ).toEqual({
      ours: [1, 2, 1],
      theirs: [1, 1, 1],
    });
  });

  it('tells hosts apart', async () => {
    expect(
      await runsOn(
        app,
        sent('hosts', 'Host', 'a.example'),
        sent('hosts', 'Host', 'b.example'),
      ),
    ).toEqual({
      ours: [1, 2],
      theirs: [1, 1],
    });
  });

  it('counts the query parameters that a route names, in any order', async () => {
    expect(
      await runsOn(
        app,
        ['paged?page=1&limit=2'],
        ['paged?limit=2&page=1'],
        ['paged?page=1&limit=2&from=mail'],
        ['paged?page=2&limit=2'],
      ),
    ).toEqual({ ours: [1, 1, 1, 2], theirs: [1, 2, 3, 4] });
  });

  it('runs a handler once for requests that miss at once', async () => {
    expect(await together(app, 'ours', 1)).toEqual([1, 1]);
    expect(await together(app, 'theirs', 2)).toEqual([1, 2]);
  });

  it('lets files, streams and server-sent events pass', async () => {
    expect(await bodyAgain(app, 'ours', 'file')).toBe('run 2');
    expect(await bodyAgain(app, 'theirs', 'file')).toBe('run 2');
    expect(await bodyAgain(app, 'ours', 'stream')).toBe('run 2');
    expect(await bodyAgain(app, 'theirs', 'stream')).toMatch(
      /^\{.*_readableState/,
    );
    expect(await bodyAgain(app, 'ours', 'events')).toMatch(/first[^]*run 2/);
    expect(await bodyAgain(app, 'theirs', 'events')).toMatch(
      /^(?!.*first)[^]*run 1/,
    );
  });

  it('passes a body over a limit on, and does not store it', async () => {
    expect(await runsOn(app, ['large'], ['large'])).toEqual({
      ours: [1, 2],
      theirs: [1, 1],
    });
  });

  it('keeps null and undefined like any other answer', async () => {
    for (const side of ['ours', 'theirs'] as const) {
      await answers(app, side, ['null'], ['null'], ['nothing'], ['nothing']);
    }
    expect(Object.fromEntries(app.runs.counts)).toMatchObject({
      'ours/null': 1,
      'ours/nothing': 1,
      'theirs/null': 2,
      'theirs/nothing': 2,
    });
  });

  it('stores no failure', async () => {
    expect(await runsOn(app, ['missing'], ['missing'])).toEqual({
      ours: [1, 2],
      theirs: [1, 2],
    });
  });

  it('hides on a hit what ClassSerializerInterceptor outside hides', async () => {
    expect(await bodyAgain(app, 'ours', 'account')).toBe('{}');
    expect(await bodyAgain(app, 'theirs', 'account')).toBe(
      '{"secret":"secret"}',
    );
  });

  it('asks guards before each answer', async () => {
    const asked: readonly Asked[] = [
      ['guarded'],
      ['guarded', { headers: { 'X-Banned': 'yes' } }],
    ];
    for (const side of ['ours', 'theirs'] as const) {
      const given = await answers(app, side, ...asked);
      expect(given.map(({ status }) => status)).toEqual([200, 403]);
    }
  });

  it('says in a header whether it was a hit', async () => {
    const ours = await again(app, 'ours', 'plain');
    expect(ours.headers['cache-status']).toMatch(/^alkey; hit/);
    const theirs = await again(app, 'theirs', 'plain');
    expect(theirs.headers['x-cache']).toBe('HIT');
  });
});

/** A store whose reads are what `get` says. */
function readingBy(get: () => Promise<unknown>): Keyv {
  const keyv = new Keyv({
    store: { get, set: () => true, delete: () => true, clear: () => undefined },
    throwOnErrors: true,
  });
  keyv.on('error', () => undefined);
  return keyv;
}

describe.each(ADAPTERS)('a store of either over %s', adapter => {
  it('answers though the store fails', async () => {
    const failing = readingBy(() => Promise.reject(new Error('down')));
    await using app = await startBoth(adapter, {
      cache: createCache({ stores: [failing] }),
      stores: [failing],
    });
    expect(await runsOn(app, ['plain'], ['plain'])).toEqual({
      ours: [1, 2],
      theirs: [1, 2],
    });
  });

  it('answers though the store is silent', async () => {
    const gate = new Gate();
    const silent = readingBy(() => gate.pass());
    await using app = await startBoth(adapter, {
      cache: createCache({ stores: [silent] }),
      stores: [silent],
    });
    let isAnswered = false;
    const theirs = answers(app, 'theirs', ['plain']).then(given => {
      isAnswered = true;
      return given;
    });
    const [ours] = await answers(app, 'ours', ['plain']);
    expect(ours?.status).toBe(200);
    expect(isAnswered).toBe(false);
    await gate.reached(2);
    gate.open();
    expect((await theirs)[0]?.status).toBe(200);
  });
});

// SQLite lets others read what is taken back, so there a rollback outdates as well.
describeWith('POSTGRES_URL', 'a transaction on PostgreSQL', url => {
  describe.each(ADAPTERS)('beside CacheInterceptor over %s', adapter => {
    it('is not outdated by a transaction that is rolled back', async () => {
      const database = await createDatabase(POSTGRES, url);
      try {
        await using app = await startBoth(adapter, {
          database: database.options,
        });
        await runsOn(app, ['plain']);
        const { dataSource } = app;
        const rolledBack = dataSource.transaction(async manager => {
          await manager.getRepository(User).save({ name: 'Ada' });
          throw new Error('taken back');
        });
        await expect(rolledBack).rejects.toThrow('taken back');
        expect(await runsOn(app, ['plain'])).toEqual({
          ours: [1],
          theirs: [1],
        });
        await dataSource.getRepository(User).save({ name: 'Ada' });
        expect(await runsOn(app, ['plain'])).toEqual({
          ours: [2],
          theirs: [1],
        });
      } finally {
        await database.drop();
      }
    });
  });
});
