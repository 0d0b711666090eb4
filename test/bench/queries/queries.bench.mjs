// How fast is a query that is answered from the cache, beside the database and TypeORM's own cache?
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { DataSource } from 'typeorm';
import { createDatabase, DATABASES } from '../database.mjs';
import { startProcess } from '../processes.mjs';
import { inTurns, median, quantile, ratios, withRange } from '../rounds.mjs';
import { load, machine, redisVersion, versionOf } from '../setting.mjs';
import { patient } from '../store.mjs';
import { BASE, CANDIDATES, RIVAL, STATES } from './candidates.mjs';
import { Order, seed, User } from './entities.mjs';
import { QUESTIONS } from './questions.mjs';

const CONCURRENCY = [1, 32];
/** Calls of one candidate in one round; `outdated`: of each query that is known one. */
const CALLS = { hit: 192, new: 192, outdated: 64 };
const PACES = {
  full: { warmUp: 6, rounds: 20 },
  short: { warmUp: 3, rounds: 5 },
  quick: { warmUp: 1, rounds: 2 },
};
/** Where TypeORM's cache is, whose keys are the statements themselves. */
const RIVAL_DATABASE = 1;

/**
 * Flags: `--question joined`, `--state hit` and `--candidates strict` leave out the others (not whom
 * they are compared with); `--profile <folder>` leaves there a profile of each process.
 */
export default async function queries({ flags, services, pace }) {
  const { values } = parseArgs({
    args: flags,
    options: {
      question: { type: 'string', default: '' },
      state: { type: 'string', default: '' },
      candidates: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const chosen = values.candidates?.split(',');
  const candidates = CANDIDATES.filter(
    ({ name }) => name === BASE || (chosen?.includes(name) ?? true),
  );
  const [postgres, redis] = [services.POSTGRES_URL, services.REDIS_URL];
  if (!postgres.url) throw new Error(`No PostgreSQL (${postgres.missing}).`);
  if (!redis.url) throw new Error(`No Redis (${redis.missing}).`);
  const before = load();
  const database = await createDatabase(
    DATABASES.find(({ name }) => name === 'PostgreSQL'),
    postgres.url,
  );
  const running = [];
  const results = [];
  try {
    await fill(database.options);
    for (const candidate of candidates) {
      const child = startProcess(new URL('candidate.mjs', import.meta.url), {
        profile: values.profile,
      });
      running.push({ ...candidate, ...child });
      await child.order(optionsOf(candidate, database.options, redis.url));
    }
    await requireAgreement(running);
    for (const state of STATES) {
      if (!state.name.includes(values.state)) continue;
      const taking = running.filter(({ name }) =>
        state.candidates.some(each => each.name === name),
      );
      for (const { title } of QUESTIONS) {
        if (!title.includes(values.question)) continue;
        for (const concurrency of CONCURRENCY) {
          process.stderr.write(
            `${state.name}: ${title}, ${concurrency} at a time\n`,
          );
          const given = {
            what: 'measure',
            title,
            state: state.name,
            calls: CALLS[state.name],
            concurrency,
          };
          const seen = await inTurns(
            taking,
            ({ order }) => order(given),
            PACES[pace],
          );
          requireStatements(state, taking, seen);
          results.push({ state, title, concurrency, taking, seen });
        }
      }
    }
  } finally {
    for (const { stop } of running) await stop();
    await database.drop();
  }
  const setting =
    `${new Date().toISOString().slice(0, 10)}, ${machine()}, load average ${before} before, ${load()} after; ` +
    `node ${process.versions.node}, TypeORM ${versionOf('typeorm')}, ${database.versions}, Redis ${await redisVersion(redis.url)}, ` +
    `@redis/client ${versionOf('@redis/client')}, ioredis ${versionOf('ioredis')}`;
  console.log([setting, ...tables(results)].join('\n\n'));
}

async function fill(options) {
  const source = new DataSource({ ...options, entities: [User, Order] });
  await source.initialize();
  try {
    await seed(source);
  } finally {
    await source.destroy();
  }
}

function optionsOf({ alkey, typeormCache }, database, redis) {
  const { hostname, port } = new URL(redis);
  const namespace = `bench-queries-${randomBytes(4).toString('hex')}`;
  return {
    database,
    ...(alkey && { alkey: { ...alkey, redis: patient(redis), namespace } }),
    ...(typeormCache && {
      cache: { host: hostname, port: Number(port), db: RIVAL_DATABASE },
    }),
  };
}

async function requireAgreement(running) {
  let expected;
  for (const { name, order } of running) {
    const answers = await order({ what: 'agree' });
    expected ??= answers;
    if (answers !== expected) {
      throw new Error(`${name} answers otherwise than ${running[0].name}.`);
    }
  }
}

/** Hits never reach the database, and misses as often as without a cache. */
function requireStatements({ name: state }, taking, seen) {
  for (const [index, { name, alkey, typeormCache }] of taking.entries()) {
    const isHit = state === 'hit' && Boolean(alkey ?? typeormCache);
    for (const [round, { statements }] of seen[index].entries()) {
      const expected = isHit ? 0 : seen[0][round].statements;
      if (statements !== expected) {
        throw new Error(
          `Expected ${name} to send ${expected} statements in a round of ${state}, got ${statements}.`,
        );
      }
    }
  }
}

function tables(results) {
  return STATES.flatMap(state => {
    const own = results.filter(result => result.state === state);
    if (own.length === 0) return [];
    const hasRival = state.candidates.some(({ name }) => name === RIVAL);
    const bases = hasRival ? [BASE, RIVAL] : [BASE];
    const columns = [
      'query',
      'at a time',
      'candidate',
      'calls/s',
      'p50, ms',
      'p99, ms',
      ...bases.map(base => `× ${base}`),
      'CPU, µs',
      ...bases.map(base => `CPU: × ${base}`),
    ];
    const rule = columns.map((_, index) =>
      index === 0 || index === 2 ? '---' : '---:',
    );
    const rows = own.flatMap(result =>
      result.taking.map((_, index) => cells(result, index, bases)),
    );
    const lines = [columns, rule, ...rows].map(
      line => `| ${line.join(' | ')} |`,
    );
    return [`#### ${state.title}\n\n${lines.join('\n')}`];
  });
}

function cells({ title, concurrency, taking, seen }, index, bases) {
  const of = (at, key) => seen[at].map(each => each[key]);
  const compared = key =>
    bases.map(base => {
      const at = taking.findIndex(({ name }) => name === base);
      return at === -1 ? undefined : ratios(of(at, key), of(index, key));
    });
  const latencies = seen[index].flatMap(each => each.latencies);
  return [
    title,
    concurrency,
    taking[index].name,
    (1000 / median(of(index, 'passed'))).toFixed(0),
    quantile(latencies, 0.5).toFixed(3),
    quantile(latencies, 0.99).toFixed(3),
    ...compared('passed').map(ratio => (ratio ? withRange(ratio) : '-')),
    (median(of(index, 'busy')) * 1000).toFixed(0),
    ...compared('busy').map(ratio => ratio?.median.toFixed(2) ?? '-'),
  ];
}
