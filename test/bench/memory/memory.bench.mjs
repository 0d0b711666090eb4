// What is kept in Redis after a million rows were written that nobody caches?
import { createClient } from '@keyv/redis';
import { NestFactory } from '@nestjs/core';
import { AlkeyModule, TokenStore } from 'nestjs-alkey';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { load, machine, redisVersion } from '../setting.mjs';
import { STORE_TIMEOUT_MS } from '../store.mjs';

const ROWS = { full: 1_000_000, short: 250_000, quick: 50_000 };
/** Of one transaction: the most that are named one by one. */
const ROWS_PER_COMMIT = 1000;
const LEASE_MS = 30_000;

/** Ways to announce one commit, as the subscriber does. */
const WRITERS = [
  {
    name: 'strict: hold, release',
    async commit(store, identifiers) {
      const holder = randomBytes(12).toString('base64url');
      await store.hold(identifiers, holder, LEASE_MS);
      await store.release(identifiers, holder, 'changed');
    },
  },
  {
    name: 'commit: replace',
    commit: (store, identifiers) => store.replace(identifiers),
  },
  {
    name: 'strict, and each row is read after that',
    // Only to say what one costs.
    share: 0.1,
    async commit(store, identifiers) {
      await WRITERS[0].commit(store, identifiers);
      await store.read(identifiers);
    },
  },
];

export default async function memory({ services, pace }) {
  const { url, missing } = services.REDIS_URL;
  if (!url) throw new Error(`No Redis (${missing}).`);
  const before = load();
  const client = await createClient({ url }).connect();
  try {
    const rows = [];
    for (const writer of WRITERS) {
      process.stderr.write(`${writer.name}\n`);
      rows.push(
        await measure(client, url, writer, ROWS[pace] * (writer.share ?? 1)),
      );
    }
    print(rows, { before, redis: await redisVersion(url) });
  } finally {
    await client.close();
  }
}

async function measure(client, url, { name, commit }, count) {
  // What was left by whoever had this Redis before: it is the bench's own.
  await client.flushDb();
  const namespace = `bench-memory-${randomBytes(4).toString('hex')}`;
  const app = await NestFactory.createApplicationContext(
    AlkeyModule.forRoot({
      redis: url,
      namespace,
      storeTimeoutMs: STORE_TIMEOUT_MS,
    }),
    { logger: ['error'] },
  );
  try {
    const store = app.get(TokenStore);
    // Scripts, buffers and the ledger are there from the first commit on.
    await commit(store, identifiersFrom(count + 1));
    const first = await used(client);
    let most = first.bytes;
    const start = performance.now();
    for (let row = 1; row <= count; row += ROWS_PER_COMMIT) {
      await commit(store, identifiersFrom(row));
      if (row % 50_000 === 1) {
        most = Math.max(most, (await used(client)).bytes);
      }
    }
    const seconds = (performance.now() - start) / 1000;
    const last = await settled(client);
    return {
      name,
      count,
      keys: last.keys,
      kept: last.bytes - first.bytes,
      most: most - first.bytes,
      perSecond: count / seconds,
    };
  } finally {
    await app.close();
  }
}

/** What a commit of so many new rows touches: each of them, their table, and everything. */
function identifiersFrom(row) {
  return [
    ...Array.from(
      { length: ROWS_PER_COMMIT },
      (_, index) => `alkey:articles#${row + index}`,
    ),
    'alkey:articles#*',
    'alkey:*#*',
  ];
}

async function used(client) {
  const info = await client.info('memory');
  const bytes = Number(/^used_memory:(\d+)/m.exec(info)[1]);
  const keys = await client.sendCommand(['DBSIZE']);
  return { bytes, keys };
}

/** Redis clears away in the background what has expired: until nothing goes for two seconds. */
async function settled(client) {
  let last = await used(client);
  for (let same = 0; same < 4;) {
    await sleep(500);
    const now = await used(client);
    same = now.keys === last.keys ? same + 1 : 0;
    last = now;
  }
  return last;
}

function print(rows, { redis, before }) {
  const lines = [
    `${new Date().toISOString().slice(0, 10)}, ${machine()}, load average ${before} before, ${load()} after; ` +
      `node ${process.versions.node}, Redis ${redis}`,
    '',
    '| announced by | rows | keys kept | bytes kept | at most, bytes | rows/s |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(
      ({ name, count, keys, kept, most, perSecond }) =>
        `| ${name} | ${count} | ${keys} | ${kept} | ${most} | ${perSecond.toFixed(0)} |`,
    ),
  ];
  console.log(lines.join('\n'));
}
