import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type QueryRunner } from 'typeorm';
import {
  createDatabase,
  DATABASES,
  type OpenedDatabase,
} from '../support/databases.js';
import { HELD, HIT, STORED } from '../support/cache-status.js';
import { FailingProxy } from '../support/failing-proxy.js';
import {
  describeWithRedisServers,
  startRedis,
  until,
} from '../support/redis-servers.js';
import { User } from '../support/shop.js';
import {
  type Answer,
  startApp,
  type StartedApp,
} from '../support/start-app.js';
import { inRedis, storeAnswers } from '../support/stores.js';
import { describeWith } from '../support/suites.js';

const postgres = DATABASES.find(({ name }) => name === 'postgres')!;

/** The default of `storeTimeoutMs`. */
const TIMEOUT_MS = 50;
/** What a busy machine may add to most answers. */
const SLACK_MS = 450;
/** Less than the slowest wire takes. */
const HANG_MS = 5_000;
/** A second of silence, connecting again, half a second without trust, and a busy machine. */
const RECOVERY_MS = 5_000;

const isHit = ({ cacheStatus }: Answer) => HIT.test(cacheStatus ?? '');
const nameIn = ({ body }: Answer): unknown => (JSON.parse(body) as User).name;

async function elapsedMs(action: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return performance.now() - startedAt;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

describeWithRedisServers('a request', () => {
  it.each([
    ['cut', (wire: FailingProxy) => wire.cut()],
    ['300 ms late', (wire: FailingProxy) => wire.slowDown(300)],
    ['10 s late', (wire: FailingProxy) => wire.slowDown(10_000)],
  ])(
    'is answered in time and never stale when Redis is slow, or its cable is cut: %s',
    async (_, spoil) => {
      await using redis = await startRedis();
      const wire = await FailingProxy.open(redis.server.port);
      try {
        await using app = await startApp({
          database: { type: 'sqljs' },
          alkey: { redis: `redis://127.0.0.1:${wire.port}` },
        });
        await app.send('POST', '/users', { name: 'v0' });
        await until(async () => isHit(await app.get('/users/1')));

        spoil(wire);
        let version = 0;
        const readsMs: number[] = [];
        const writesMs: number[] = [];
        const read = async (): Promise<void> => {
          const answer = await app.get('/users/1');
          expect(nameIn(answer)).toBe(`v${version}`);
          expect(isHit(answer)).toBe(false);
        };
        const spoiledAt = performance.now();
        for (let count = 0; count < 10; count += 1) {
          readsMs.push(await elapsedMs(read));
        }
        // Not each of them waits for it, even while nothing is owed.
        expect(Math.min(...readsMs)).toBeLessThan(TIMEOUT_MS);
        // Longer than it takes to give a silent connection up and to try others.
        do {
          version += 1;
          writesMs.push(
            await elapsedMs(() =>
              app.send('PATCH', '/users/1', { name: `v${version}` }),
            ),
          );
          for (let count = 0; count < 4; count += 1) {
            readsMs.push(await elapsedMs(read));
          }
        } while (performance.now() - spoiledAt < 1_500);
        // None hangs, however busy the machine.
        expect(median(readsMs)).toBeLessThan(TIMEOUT_MS + SLACK_MS);
        expect(median(writesMs)).toBeLessThan(3 * TIMEOUT_MS + SLACK_MS);
        expect(Math.max(...readsMs, ...writesMs)).toBeLessThan(HANG_MS);

        wire.mend();
        await until(async () => {
          const answer = await app.get('/users/1');
          expect(nameIn(answer)).toBe(`v${version}`);
          return isHit(answer);
        }, RECOVERY_MS);
        await app.send('PATCH', '/users/1', { name: 'after' });
        expect(nameIn(await app.get('/users/1'))).toBe('after');
      } finally {
        await wire.close();
      }
    },
  );
});

describeWith(
  ['POSTGRES_URL', 'REDIS_URL'],
  'a write',
  (postgresUrl, redisUrl) => {
    const alkey = inRedis(redisUrl);
    let database: OpenedDatabase;
    let wire: FailingProxy;
    /** Its connections to the database go over the wire. */
    let writer: StartedApp;
    let reader: StartedApp;
    /** Holds up every COMMIT that writes users, until it commits itself. */
    let barrier: QueryRunner;

    beforeAll(async () => {
      database = await createDatabase(postgres, postgresUrl);
      const { options } = database;
      const { url } = options as { readonly url: string };
      wire = await FailingProxy.open(Number(new URL(url).port));
      const wired = new URL(url);
      wired.hostname = '127.0.0.1';
      wired.port = `${wire.port}`;
      reader = await startApp({ database: options, alkey });
      writer = await startApp({
        database: { type: 'postgres', url: wired.href },
        alkey,
        synchronize: false,
      });
      barrier = reader.dataSource.createQueryRunner();
      for (const sql of [
        'CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$',
        'CREATE CONSTRAINT TRIGGER waits AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()',
      ]) {
        await reader.dataSource.query(sql);
      }
      await storeAnswers(reader.keys);
      await storeAnswers(writer.keys);
    });
    afterAll(async () => {
      await barrier.release();
      for (const app of [writer, reader]) await app[Symbol.asyncDispose]();
      await wire.close();
      await database.drop();
    });

    /** The server processes that wait at the barrier in their COMMIT. */
    const committing = async (): Promise<readonly number[]> => {
      const rows = await barrier.query(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory' AND query = 'COMMIT'",
      );
      return (rows as { pid: number }[]).map(({ pid }) => pid);
    };

    it.each([
      {
        outcome: 'done',
        name: 'Grace',
        async breakOff(path: string) {
          wire.cut();
          await barrier.query('SELECT pg_advisory_unlock(1)');
          await until(async () => {
            const answer = await reader.get(path);
            expect(answer.cacheStatus).toMatch(HELD);
            return nameIn(answer) === 'Grace';
          });
          wire.mend();
          wire.reset();
        },
      },
      {
        outcome: 'not done, its connection terminated by the server',
        name: 'Ada',
        async breakOff() {
          for (const pid of await committing()) {
            await barrier.query('SELECT pg_terminate_backend($1)', [pid]);
          }
          await until(async () => (await committing()).length === 0);
          await barrier.query('SELECT pg_advisory_unlock(1)');
        },
      },
    ])(
      'fails for its caller, and counts as done, when the outcome of a COMMIT is unknown: $outcome',
      async ({ name, breakOff }) => {
        const { id } = await reader.dataSource.manager.save(User, {
          name: 'Ada',
          slug: null,
        });
        const path = `/users/${id}`;
        await until(async () => isHit(await reader.get(path)));
        const identifier = `alkey:users#${id}`;
        const before = await reader.keys.token(identifier);
        await barrier.query('SELECT pg_advisory_lock(1)');

        const [failure] = await Promise.all([
          writer.dataSource
            .transaction(manager => manager.update(User, id, { name: 'Grace' }))
            .then(
              () => undefined,
              (error: unknown) => error,
            ),
          until(async () => (await committing()).length > 0).then(() =>
            breakOff(path),
          ),
        ]);
        expect(String(failure)).toMatch(/terminat|ECONNRESET/i);
        const after = await reader.get(path);
        expect(after.cacheStatus).toMatch(STORED);
        expect(nameIn(after)).toBe(name);
        expect(await reader.keys.token(identifier)).not.toBe(before);

        // The pool has no dead connection left.
        await writer.send('PATCH', path, { name: 'Edsger' });
        expect(nameIn(await reader.get(path))).toBe('Edsger');
      },
    );
  },
);
