// How old can an answer by near tokens be, after another process has committed?
import { randomBytes } from 'node:crypto';
import { createDatabase, DATABASES } from '../database.mjs';
import { startProcess } from '../processes.mjs';
import { quantile } from '../rounds.mjs';
import { load, machine, redisVersion, versionOf } from '../setting.mjs';
import { agesOf } from './ages.mjs';

/** How tokens are kept where it is answered; `turnMs`: how long each turn of its event loop works. */
const CANDIDATES = [
  { name: 'strict', near: false, turnMs: 0 },
  { name: 'near', near: { maxAgeMs: 1000 }, turnMs: 0 },
  { name: 'near, busy', near: { maxAgeMs: 1000 }, turnMs: 10 },
];
/** Commits a second; `Infinity`: one after the other. */
const RATES = [20, 200, Infinity];
const SECONDS = { full: 10, short: 3, quick: 1 };
const ROWS = 4;

export default async function nearBench({ services, pace }) {
  const [postgres, redis] = [services.POSTGRES_URL, services.REDIS_URL];
  if (!postgres.url) throw new Error(`No PostgreSQL (${postgres.missing}).`);
  if (!redis.url) throw new Error(`No Redis (${redis.missing}).`);
  const before = load();
  const database = await createDatabase(
    DATABASES.find(({ name }) => name === 'PostgreSQL'),
    postgres.url,
  );
  const rows = [];
  try {
    for (const candidate of CANDIDATES) {
      const shared = {
        database: database.options,
        alkey: {
          redis: redis.url,
          namespace: `bench-near-${randomBytes(6).toString('hex')}`,
        },
        rows: ROWS,
      };
      const writer = await start('writer.mjs', shared);
      const reader = await start('reader.mjs', { ...shared, ...candidate });
      try {
        for (const rate of RATES) {
          process.stderr.write(`${candidate.name}, ${rate} commits/s\n`);
          await reader.order('begin');
          const commits = await writer.order({ rate, seconds: SECONDS[pace] });
          const answers = await reader.order('end');
          rows.push(cells(candidate, rate, commits, answers));
        }
      } finally {
        await reader.stop();
        await writer.stop();
      }
    }
  } finally {
    await database.drop();
  }
  print(rows, {
    versions: `${database.versions}, Redis ${await redisVersion(redis.url)}`,
    before,
  });
  if (rows.some(({ name, outdated }) => name === 'strict' && outdated > 0)) {
    throw new Error('An answer was outdated without near tokens.');
  }
}

async function start(script, options) {
  const started = startProcess(new URL(script, import.meta.url));
  await started.order(options);
  return started;
}

function cells({ name, turnMs }, rate, { commits, seconds }, answers) {
  const ages = agesOf(commits, answers.lastAnswers);
  const ms = share =>
    ages.length === 0 ? '' : quantile(ages, share).toFixed(2);
  return {
    name,
    outdated: ages.length,
    cells: [
      name,
      turnMs,
      rate === Infinity ? 'all it can' : rate,
      Math.round(commits.length / seconds),
      commits.length,
      answers.count,
      percent(answers.hits / answers.count),
      `**${percent(ages.length / commits.length)}**`,
      ms(0.5),
      ms(0.99),
      ms(1),
      commits.length === 0
        ? ''
        : quantile(
            commits.map(({ sentMs, doneMs }) => doneMs - sentMs),
            0.5,
          ).toFixed(2),
    ],
  };
}

function percent(part) {
  return (100 * part).toFixed(2);
}

function print(rows, { versions, before }) {
  const lines = [
    `${new Date().toISOString().slice(0, 10)}, ${machine()}, load average ${before} before, ${load()} after; ` +
      `node ${process.versions.node}, TypeORM ${versionOf('typeorm')}, ${versions}`,
    '',
    '| answered by | a turn works, ms | commits/s told | made | commits | answers | hits, % | commits with an outdated answer, % | its age: p50, ms | p99 | max | a COMMIT, p50, ms |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(row => `| ${row.cells.join(' | ')} |`),
  ];
  console.log(lines.join('\n'));
}
