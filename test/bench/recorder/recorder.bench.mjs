// What does it cost a handler that what it reads is taken down?
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createDatabase, DATABASES } from '../database.mjs';
import { startProcess } from '../processes.mjs';
import { inTurns, median, ratios, withRange } from '../rounds.mjs';
import { load, machine, redisVersion, versionOf } from '../setting.mjs';
import { patient } from '../store.mjs';
import { CANDIDATES, READS } from './candidates.mjs';

/** Where rows and tokens are: as applications have them, and where nothing is sent anywhere. */
const SETTINGS = [
  { name: 'PostgreSQL, Redis', database: 'PostgreSQL', redis: true },
  { name: 'sql.js, memory', database: 'sql.js', redis: false },
];
/** Rows that one candidate reads in one round, about; more calls of a handler that reads none. */
const ROWS = 400;
const CALLS_WITHOUT = 200;
const PACES = {
  full: { warmUp: 10, rounds: 40 },
  short: { warmUp: 4, rounds: 8 },
  quick: { warmUp: 1, rounds: 2 },
};

/** Flags: `--database sql.js` leaves out the other; `--profile <folder>` leaves there a profile of each process. */
export default async function recorder({ flags, services, pace }) {
  const { values } = parseArgs({
    args: flags,
    options: {
      database: { type: 'string', default: '' },
      profile: { type: 'string' },
    },
  });
  const redis = services.REDIS_URL;
  if (!redis.url) throw new Error(`No Redis (${redis.missing}).`);
  const before = load();
  const results = [];
  for (const setting of SETTINGS) {
    if (!setting.database.includes(values.database)) continue;
    const database = DATABASES.find(({ name }) => name === setting.database);
    const { url, missing } = database.service ? services[database.service] : {};
    if (missing) {
      console.error(`${setting.name}: skipped, ${missing}`);
      continue;
    }
    const created = await createDatabase(database, url);
    const running = [];
    try {
      for (const candidate of CANDIDATES) {
        const child = startProcess(new URL('candidate.mjs', import.meta.url), {
          profile: values.profile,
        });
        running.push({ ...candidate, ...child });
        await child.order({
          database: created.options,
          // A database in memory is each candidate's own.
          seeds: url === undefined || candidate === CANDIDATES[0],
          run: candidate.run,
          hasRecorded: candidate.hasRecorded,
          alkey: candidate.isObserved && {
            redis: setting.redis && patient(redis.url),
            namespace: `bench-recorder-${randomBytes(4).toString('hex')}`,
          },
        });
      }
      for (const reads of READS) {
        await requireAgreement(running, reads);
        process.stderr.write(`${setting.name}: ${reads} reads\n`);
        const calls =
          reads === 0 ? CALLS_WITHOUT : Math.max(20, Math.ceil(ROWS / reads));
        const seen = await inTurns(
          running,
          ({ order }) => order({ what: 'measure', reads, calls }),
          PACES[pace],
        );
        results.push({ setting, reads, seen, versions: created.versions });
      }
    } finally {
      for (const { stop } of running) await stop();
      await created.drop();
    }
  }
  const databases = new Set(results.map(({ versions }) => versions));
  const setting =
    `${new Date().toISOString().slice(0, 10)}, ${machine()}, load average ${before} before, ${load()} after; ` +
    `node ${process.versions.node}, TypeORM ${versionOf('typeorm')}, ${[...databases].join('; ')}, Redis ${await redisVersion(redis.url)}`;
  console.log(
    [setting, ratioTable(results), perReadTable(results)].join('\n\n'),
  );
}

async function requireAgreement(running, reads) {
  let expected;
  for (const { name, order } of running) {
    const answers = await order({ what: 'agree', reads });
    expected ??= answers;
    if (answers !== expected) {
      throw new Error(`${name} answers otherwise than ${running[0].name}.`);
    }
  }
}

/** How many times as long as the bare handler. */
function ratioTable(results) {
  const [base, ...others] = CANDIDATES.map(({ name }) => name);
  const columns = [
    'setting',
    'reads',
    `${base}, µs`,
    ...others,
    `CPU: ${base}, µs`,
    ...others,
  ];
  const rows = results
    // A handler that does nothing takes no time to compare with.
    .filter(({ reads }) => reads > 0)
    .map(({ setting, reads, seen }) => {
      const of = key => seen.map(rounds => rounds.map(each => each[key]));
      const compared = key => {
        const [bare, ...rest] = of(key);
        return {
          bare: (median(bare) * 1000).toFixed(0),
          ratios: rest.map(times => ratios(times, bare)),
        };
      };
      const [passed, busy] = [compared('passed'), compared('busy')];
      return [
        setting.name,
        reads,
        passed.bare,
        ...passed.ratios.map(withRange),
        busy.bare,
        ...busy.ratios.map(ratio => ratio.median.toFixed(2)),
      ];
    });
  return table(columns, rows);
}

/** Microseconds that a handler takes longer which reads nothing, and for each row that it reads. */
function perReadTable(results) {
  const names = CANDIDATES.slice(1).map(({ name }) => name);
  const most = READS.at(-1);
  const columns = [
    'setting',
    'added, µs',
    ...names,
    ...names.map(name => `CPU: ${name}`),
  ];
  const rows = SETTINGS.flatMap(setting => {
    const of = reads =>
      results.find(each => each.setting === setting && each.reads === reads);
    const [none, many] = [of(0), of(most)];
    if (!none || !many) return [];
    const keys = ['passed', 'busy'];
    return [
      [
        setting.name,
        'once',
        ...keys.flatMap(key => added(none, key).map(each => each.toFixed(1))),
      ],
      [
        setting.name,
        'for each read',
        ...keys.flatMap(key =>
          added(many, key).map((each, index) =>
            ((each - added(none, key)[index]) / most).toFixed(1),
          ),
        ),
      ],
    ];
  });
  return table(columns, rows);
}

function added({ seen: [bare, ...others] }, key) {
  return others.map(rounds =>
    median(rounds.map((each, round) => 1000 * (each[key] - bare[round][key]))),
  );
}

function table(columns, rows) {
  const rule = columns.map((_, index) => (index === 0 ? '---' : '---:'));
  return [columns, rule, ...rows]
    .map(line => `| ${line.join(' | ')} |`)
    .join('\n');
}
