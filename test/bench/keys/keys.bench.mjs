// What does a key cost, beside asking Redis for its tokens by hand?
import { EntitySchema } from 'typeorm';
import { TypeOrmModule } from '@nestjs/typeorm';
import { NestFactory } from '@nestjs/core';
import { createClient } from '@keyv/redis';
import { AlkeyModule, CacheKeyService, row as rowRef } from 'nestjs-alkey';
import { median, ratios, takeTurns, withRange } from '../rounds.mjs';
import { load, machine, redisVersion, versionOf } from '../setting.mjs';
import { STORE_TIMEOUT_MS } from '../store.mjs';

const REFS = [1, 10, 100];
const CONCURRENCY = [1, 32];
const GOAL = { refs: 10, ratio: 0.85 };
/** Keys of one list of rows, asked for again and again, or of other rows each time. */
const ROWS = 2000;
const LISTS = { same: 1, other: Infinity };
/** Keys composed in one batch. */
const BATCH = 256;
const PACES = {
  full: { warmUp: 8, rounds: 20 },
  short: { warmUp: 2, rounds: 5 },
  quick: { warmUp: 2, rounds: 4 },
};

const Article = new EntitySchema({
  name: 'Article',
  tableName: 'articles',
  columns: { id: { type: Number, primary: true } },
});

export default async function keysBench({ services, pace }) {
  const { url, missing } = services.REDIS_URL;
  if (!url) throw new Error(`No Redis (${missing}).`);
  const before = load();
  const client = await createClient({ url }).connect();
  const apps = [];
  const open = async (name, options) => {
    const namespace = `bench-keys-${name}`;
    const app = await openApp(url, { ...options, namespace });
    apps.push(app);
    return { keys: app.get(CacheKeyService), namespace };
  };
  try {
    const strict = await open('strict', {});
    const near = await open('near', { near: { maxAgeMs: 1000 } });
    const rows = [];
    for (const refs of REFS) {
      for (const [which, most] of Object.entries(LISTS)) {
        const lists = listsOf(refs, Math.min(most, ROWS / refs));
        const commands = lists.map(ids => [
          'MGET',
          ...tokenKeys(strict.namespace, ids),
        ]);
        const parts = lists.map(ids => ids.map(id => rowRef(Article, id)));
        for (const list of parts) {
          await settled(strict.keys, list);
          await settled(near.keys, list);
        }
        for (const command of commands) await requireTokens(client, command);
        const raw = each(commands, command => client.sendCommand(command));
        const candidates = [
          raw,
          raw,
          each(parts, list => strict.keys.key(...list)),
          each(parts, list => near.keys.key(...list)),
        ];
        for (const concurrency of CONCURRENCY) {
          process.stderr.write(
            `${refs} refs, ${which}, ${concurrency} at a time\n`,
          );
          const times = await takeTurns(
            candidates,
            ({ call }) => batches(call, concurrency),
            PACES[pace],
          );
          await requireSame(strict.keys, parts[0]);
          const tokens = commands[0].length - 1;
          rows.push(cells({ refs, which, concurrency, tokens }, times));
        }
      }
    }
    print(rows, { redis: await redisVersion(url), before });
  } finally {
    for (const app of apps) await app.close();
    await client.close();
  }
}

async function openApp(url, options) {
  const imports = [
    TypeOrmModule.forRoot({ type: 'sqljs', entities: [Article] }),
    AlkeyModule.forRoot({
      redis: url,
      storeTimeoutMs: STORE_TIMEOUT_MS,
      ...options,
    }),
  ];
  return NestFactory.createApplicationContext(
    { module: class {}, imports },
    { logger: ['error'], abortOnError: false },
  );
}

/** So many lists of so many rows, each row in one of them. */
function listsOf(refs, count) {
  return Array.from({ length: count }, (_, list) =>
    Array.from({ length: refs }, (__, index) => list * refs + index + 1),
  );
}

/** Calls with one list after the other. */
function each(lists, call) {
  let next = 0;
  return {
    call() {
      const list = lists[next];
      next = (next + 1) % lists.length;
      return call(list);
    },
  };
}

/** What `key()` reads: the tokens of the rows, of all at once, and of rows about to be inserted. */
function tokenKeys(namespace, ids) {
  return [...ids, '**', '+'].map(id => `${namespace}:articles#${id}`);
}

/** The same key twice: the connection is there, and all tokens are minted. */
async function settled(keys, parts) {
  while ((await keys.key(...parts)) !== (await keys.key(...parts)));
}

async function requireSame(keys, parts) {
  if ((await keys.key(...parts)) !== (await keys.key(...parts))) {
    throw new Error('Keys were made without the store.');
  }
}

async function requireTokens(client, command) {
  const values = await client.sendCommand(command);
  if (values.includes(null)) {
    throw new Error(`Not all of these are tokens: ${command.join(' ')}`);
  }
}

/** Operations of so many calls at once, as `takeTurns` times them. */
function batches(call, concurrency) {
  return Array.from(
    { length: BATCH / concurrency },
    () => () => Promise.all(Array.from({ length: concurrency }, () => call())),
  );
}

function cells({ refs, which, concurrency, tokens }, times) {
  const [raw, ...others] = times;
  const perCall = (list, digits) =>
    ((median(list) / concurrency) * 1000).toFixed(digits);
  const rate = list => ratios(raw.passed, list.passed);
  const cpu = list => ratios(raw.busy, list.busy).median.toFixed(2);
  return [
    refs,
    which,
    tokens,
    concurrency,
    perCall(raw.passed, 0),
    ...others.map(other => withRange(rate(other))),
    refs === GOAL.refs ? GOAL.ratio : '',
    perCall(raw.busy, 1),
    ...others.map(cpu),
  ];
}

function print(rows, { redis, before }) {
  const lines = [
    `${new Date().toISOString().slice(0, 10)}, ${machine()}, load average ${before} before, ${load()} after; ` +
      `node ${process.versions.node}, Redis ${redis}, @redis/client ${versionOf('@redis/client')}`,
    '',
    '| refs | rows | tokens | at a time | MGET, µs | MGET again | key(), strict | key(), near | goal | CPU: MGET, µs | again | strict | near |',
    '| ---: | --- | ---: | ---: | ---: | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(row => `| ${row.join(' | ')} |`),
  ];
  console.log(lines.join('\n'));
}
