// One candidate in a process of its own: told what it is by the first message, what to do by the others.
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AlkeyEvents, AlkeyModule, CacheKeyService } from 'nestjs-alkey';
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import { Between, DataSource } from 'typeorm';
import { orders } from '../processes.mjs';
import { timed } from '../rounds.mjs';
import { storeAnswers, STORE_TIMEOUT_MS } from '../store.mjs';
import { Order, User } from './entities.mjs';
import { QUESTIONS } from './questions.mjs';

const { Client } = createRequire(import.meta.url)('pg');
const DAY_MS = 86_400_000;
/** Queries that are asked again and again. */
const KNOWN = 64;
/** How often they are asked at most until the cache has all of them. */
const PATIENCE = 20;
/** The first user of whom queries are made that nobody has asked before. */
const FIRST_NEW = 1000;

/** Counts what reaches the database. */
class CountingClient extends Client {
  static statements = 0;

  query(...args) {
    CountingClient.statements += 1;
    return super.query(...args);
  }
}

let candidate;
for await (const order of orders()) {
  if (candidate) process.send(await candidate[order.what](order));
  else {
    candidate = await open(order);
    process.send('open');
  }
}
await candidate?.close();

async function open({ database, alkey, cache }) {
  const imports = [
    TypeOrmModule.forRoot({
      ...database,
      entities: [User, Order],
      extra: { Client: CountingClient },
      ...(cache && {
        cache: {
          type: 'ioredis',
          options: cache,
          alwaysEnabled: true,
          duration: DAY_MS,
        },
      }),
    }),
  ];
  if (alkey) {
    imports.push(
      AlkeyModule.forRoot({ ...alkey, storeTimeoutMs: STORE_TIMEOUT_MS }),
    );
  }
  const app = await NestFactory.createApplicationContext(
    { module: class {}, imports },
    { logger: ['error', 'warn'], abortOnError: false },
  );
  const users = app.get(DataSource).getRepository(User);
  const storeErrors = [];
  if (alkey) {
    const events = app.get(AlkeyEvents);
    events.on('store-error', ({ error }) => storeErrors.push(error));
    await storeAnswers(app.get(CacheKeyService));
  }
  const isCached = Boolean(alkey ?? cache);
  const lastNew = new Map();
  let writes = 0;

  const prepare = {
    hit: read => known(read),
    outdated: async read => {
      await known(read);
      await write();
    },
    new: () => {},
  };

  /** Asks until the cache has all. */
  async function known(read) {
    for (let time = 0; time < PATIENCE; time += 1) {
      const before = CountingClient.statements;
      for (let id = 1; id <= KNOWN; id += 1) await read(id);
      if (!isCached || CountingClient.statements === before) return;
    }
    throw new Error('What was asked for again and again is not cached.');
  }

  /** A statement that names no row, so that it outdates all of its table. */
  async function write() {
    const released =
      alkey &&
      new Promise(resolve => {
        const stop = app.get(AlkeyEvents).on('released', () => {
          stop();
          resolve();
        });
      });
    writes += 1;
    await users.update({ id: Between(1, 1) }, { score: writes });
    await released;
  }

  return {
    /** What is answered to each question, the first time and later. */
    async agree() {
      const answers = [];
      for (const { read } of QUESTIONS) {
        for (const id of [1, 2, 1, 2, 1]) answers.push(await read(users, id));
      }
      return inspect(answers, { depth: null, maxArrayLength: null });
    },

    /** Asks one question so often, so many times at once. */
    async measure({ title, state, calls, concurrency }) {
      const question = QUESTIONS.find(each => each.title === title);
      const read = id => question.read(users, id);
      await prepare[state](read);
      const first =
        state === 'new' ? (lastNew.get(title) ?? FIRST_NEW) : undefined;
      if (first !== undefined) lastNew.set(title, first + calls);
      const idOf = call =>
        first === undefined ? (call % KNOWN) + 1 : first + call;
      const latencies = [];
      let next = 0;
      const repeat = async () => {
        while (next < calls) {
          const id = idOf(next);
          next += 1;
          const start = performance.now();
          await read(id);
          latencies.push(performance.now() - start);
        }
      };
      const before = CountingClient.statements;
      const times = await timed(calls, () =>
        Promise.all(Array.from({ length: concurrency }, repeat)),
      );
      if (storeErrors.length > 0) throw storeErrors[0];
      const statements = CountingClient.statements - before;
      return { ...times, latencies, statements };
    },

    async close() {
      await app.close();
    },
  };
}
