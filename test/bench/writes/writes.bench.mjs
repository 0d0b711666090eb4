// What does it cost a write, and a read, that Alkey observes the data source?
import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import { load, machine, redisVersion, versionOf } from '../setting.mjs';
import { DATABASES } from '../database.mjs';
import { withRange } from '../rounds.mjs';
import { QUESTIONS } from './questions.mjs';

/** Which part of the rounds is run. */
const SHARES = { full: 1, short: 0.15, quick: 0.05 };

/** Flags: `--database PostgreSQL` and `--question 'one new row'` leave out the others. Quick: PostgreSQL alone. */
export default async function writes({ flags, services, pace }) {
  const { values } = parseArgs({
    args: flags,
    options: { database: { type: 'string' }, question: { type: 'string' } },
  });
  const titles = QUESTIONS.map(({ title }) => title).filter(title =>
    title.includes(values.question ?? ''),
  );
  const database =
    values.database ?? (pace === 'quick' ? 'PostgreSQL' : undefined);
  const databases = DATABASES.filter(
    ({ name }) => !database || name === database,
  );
  if (titles.length === 0 || databases.length === 0) {
    throw new Error(
      `Expected --database to be one of ${DATABASES.map(({ name }) => name).join(', ')}, and --question a part of one of: ${QUESTIONS.map(({ title }) => title).join('; ')}.`,
    );
  }
  const redis = services.REDIS_URL;
  if (!redis.url) throw new Error(`No Redis (${redis.missing}).`);
  const before = load();
  const results = [];
  for (const { name, service } of databases) {
    const { url, missing } = service ? services[service] : {};
    if (missing) console.error(`${name}: skipped, ${missing}`);
    else {
      const job = {
        name,
        url,
        redis: redis.url,
        titles,
        share: SHARES[pace],
      };
      results.push({ name, ...(await measure(job)) });
    }
  }
  print(results, {
    redis: await redisVersion(redis.url),
    load: `${before} before, ${load()} after`,
  });
}

function measure(job) {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('measure.mjs', import.meta.url), {
      execArgv: ['--expose-gc'],
    });
    let result;
    child.on('message', message => {
      if ('progress' in message) {
        process.stderr.write(`${job.name}: ${message.progress}\n`);
      } else result = message;
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0 && result) resolve(result);
      else reject(new Error(`${job.name} ended with ${signal ?? code}.`));
    });
    child.send(job);
  });
}

function print(results, { redis, load: loads }) {
  const lines = [
    `${new Date().toISOString().slice(0, 10)}, ${machine()}, load average ${loads}; node ${process.versions.node}, ` +
      `TypeORM ${versionOf('typeorm')}, Redis ${redis}; ` +
      `${results.map(({ versions }) => versions).join('; ')}`,
    '',
    '| database | operation | tokens | bare, ms | bare again | strict | commit | goal | CPU: bare, ms | again | strict | commit |',
    '| --- | --- | ---: | ---: | --- | --- | --- | --- | ---: | ---: | ---: | ---: |',
    ...results.flatMap(({ name, rows }) =>
      rows.map(row => `| ${cells(name, row).join(' | ')} |`),
    ),
  ];
  console.log(lines.join('\n'));
}

function cells(database, row) {
  const { title, tokens, bareMs, passed, bareBusyMs, busy, goal } = row;
  return [
    database,
    title,
    tokens,
    milliseconds(bareMs),
    withRange(passed.again),
    withRange(passed.strict),
    withRange(passed.commit),
    database === 'PostgreSQL' && goal ? goalOf(goal) : '',
    milliseconds(bareBusyMs),
    busy.again.median.toFixed(2),
    busy.strict.median.toFixed(2),
    busy.commit.median.toFixed(2),
  ];
}

function goalOf({ strict, commit }) {
  return strict === commit ? `${strict}` : `${strict}, ${commit}`;
}

function milliseconds(ms) {
  return ms.toFixed(ms < 10 ? 2 : 0);
}
