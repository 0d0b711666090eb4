// How fast is a cached answer, beside one that needs no cache and beside other caches?
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { compileSources } from '../../support/compile-sources.js';
import { createDatabase, DATABASES } from '../database.mjs';
import {
  load as machineLoad,
  machine,
  redisVersion,
  versionOf,
} from '../setting.mjs';
import { CANDIDATES, SCENARIOS } from './candidates.mjs';
import { measure, warmUp } from './measure.mjs';
import { startCandidate, startLoad } from './processes.mjs';
import { tables } from './table.mjs';

/** How many comments: 1.6 KB, and 84 KB. */
const BODIES = { small: 10, large: 528 };
const FRAMEWORKS = ['fastify', 'express'];

/**
 * How many answers each process gives before anything is measured, until its code is compiled; then
 * for how long it is asked before each scenario and in each round. `bursts`: how often all ask at once,
 * which takes as long as it takes.
 */
const PACES = {
  full: { start: 12_000, warmUpMs: 300, rounds: 5, durationMs: 300, bursts: 2 },
  short: { start: 4000, warmUpMs: 200, rounds: 3, durationMs: 200, bursts: 1 },
  quick: { start: 300, warmUpMs: 100, rounds: 2, durationMs: 120, bursts: 1 },
};

/**
 * Flags: `--framework fastify`, `--body small`, `--scenarios hits,mix` and `--candidates strict,near`
 * leave out the others (`--candidates` not whom they are compared with); `--profile <folder>` leaves
 * there a profile of each process. Quick: Fastify and the small body, unless others are named.
 */
export default async function http({ flags, services, pace }) {
  const { values } = parseArgs({
    args: flags,
    options: {
      framework: { type: 'string' },
      body: { type: 'string' },
      scenarios: { type: 'string' },
      candidates: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const isQuick = pace === 'quick';
  const chosen = {
    frameworks: one(values.framework ?? (isQuick && 'fastify'), FRAMEWORKS),
    bodies: one(values.body ?? (isQuick && 'small'), Object.keys(BODIES)),
    scenarios: some(values.scenarios, SCENARIOS),
    candidates: some(values.candidates, CANDIDATES),
  };
  for (const name of ['REDIS_URL', 'POSTGRES_URL']) {
    if (!services[name].url) throw new Error(`No ${services[name].missing}.`);
  }
  const before = machineLoad();
  const database = await createDatabase(
    DATABASES.find(({ name }) => name === 'PostgreSQL'),
    services.POSTGRES_URL.url,
  );
  const compiled = await compileSources('lib', 'test/bench/http/app');
  const results = [];
  try {
    const { seed } = await import(
      pathToFileURL(join(compiled.dir, 'test/bench/http/app/articles.js'))
    );
    const articles = articlesFor(PACES[pace].bursts);
    await seed(database.options.url, articles.comments);
    for (const framework of chosen.frameworks) {
      const running = await start(framework);
      try {
        const { read } = articles.of('small', framework);
        await warmUp({ ...running, id: read, answers: PACES[pace].start });
        for (const body of chosen.bodies) {
          for (const scenario of chosen.scenarios) {
            process.stderr.write(`${framework}, ${body}: ${scenario.name}\n`);
            const measured = await measure({
              ...running,
              scenario,
              // Each framework begins with articles that nobody has cached.
              articles: articles.of(body, framework),
              pace: PACES[pace],
            });
            results.push({ framework, body, scenario, ...measured });
          }
        }
      } finally {
        await running.stop();
      }
    }
  } finally {
    await database.drop();
    await compiled.remove();
  }
  console.log(
    `${await setting(services, database, `${before} before, ${machineLoad()} after`)}\n\n${tables(results)}`,
  );

  async function start(framework) {
    const needed = CANDIDATES.filter(candidate =>
      chosen.scenarios.some(
        ({ candidates, bases }) =>
          bases.includes(candidate.name) ||
          (candidates.includes(candidate.name) &&
            chosen.candidates.includes(candidate)),
      ),
    );
    const load = startLoad();
    const starting = needed.map(async ({ app, ...candidate }, number) => {
      const redis = new URL(services.REDIS_URL.url);
      // Its own; Redis has sixteen.
      redis.pathname = `/${number}`;
      const around = { postgres: database.options.url, redis: redis.href };
      const what = { name: app, framework, around };
      const started = await startCandidate(compiled.dir, what, values.profile);
      return { ...candidate, number, ...started };
    });
    const stop = async () => {
      const started = await Promise.allSettled(starting);
      await load.stop();
      await Promise.all(started.map(({ value }) => value?.stop()));
    };
    try {
      return { load, candidates: await Promise.all(starting), stop };
    } catch (error) {
      await stop();
      throw error;
    }
  }
}

/** Which articles there are: some are never written, each candidate writes its own, some are asked for once. */
function articlesFor(bursts) {
  const comments = new Map();
  const given = {};
  let last = 0;
  const make = body => {
    last += 1;
    comments.set(last, BODIES[body]);
    return last;
  };
  for (const framework of FRAMEWORKS) {
    given[framework] = {};
    for (const body of Object.keys(BODIES)) {
      given[framework][body] = {
        read: make(body),
        written: CANDIDATES.map(() => make(body)),
        cold: Array.from({ length: bursts }, () => make(body)),
      };
    }
  }
  return { comments, of: (body, framework) => given[framework][body] };
}

function one(name, names) {
  if (!name) return names;
  if (names.includes(name)) return [name];
  throw new Error(`Expected one of ${names.join(', ')}, got ${name}.`);
}

function some(list, all) {
  const names = list?.split(',') ?? all.map(({ name }) => name);
  const found = all.filter(({ name }) => names.includes(name));
  if (found.length === names.length) return found;
  throw new Error(
    `Expected some of ${all.map(({ name }) => name).join(',')}, got ${list}.`,
  );
}

async function setting(services, { versions }, loads) {
  const packages = [
    '@nestjs/core',
    '@nestjs/platform-fastify',
    '@nestjs/platform-express',
    'typeorm',
    '@nestjs/cache-manager',
    'cache-manager',
    'keyv',
    '@keyv/redis',
    'cacheable',
    'bentocache',
    'undici',
  ].map(name => `${name} ${versionOf(name)}`);
  return (
    `${new Date().toISOString().slice(0, 10)}, ${machine()}, load average ${loads}; node ${process.versions.node}, ` +
    `Redis ${await redisVersion(services.REDIS_URL.url)}, ${versions}, ${packages.join(', ')}`
  );
}
