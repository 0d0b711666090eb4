import { afterAll, beforeAll, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type AlkeyModuleOptions } from 'nestjs-alkey';
import {
  describeOnEachDatabase,
  type TestDatabase,
} from '../support/databases.js';
import { startApp } from '../support/start-app.js';
import { inRedis } from '../support/stores.js';
import { describeWith } from '../support/suites.js';
import { type Rate, ReadsController, type Side, Stage } from './play.js';
import { programs } from './programs.js';
import { findThemes } from './themes.js';
import { openWorld, type World } from './world.js';

const TIMEOUT_MS = 600_000;
const {
  /** Another number by hand, or `random`: `TRUTH_SEED=42 npm test -- test/truth`. */
  TRUTH_SEED: SEED = '1',
  /** Programs per test, more by hand: `TRUTH_RUNS=200 npm test -- test/truth`. */
  TRUTH_RUNS: RUNS = '6',
} = process.env;
/** Where nothing is cached, nothing is outdated either. */
const LEAST_RATE = 0.2;

let found: ReturnType<typeof findThemes> | undefined;

/** Found out once for all databases. */
function themes(): ReturnType<typeof findThemes> {
  return (found ??= findThemes());
}

/** Plays programs in one application for each of these options, all on one world. */
async function played(
  world: World,
  { name }: TestDatabase,
  ...options: readonly AlkeyModuleOptions[]
): Promise<Stage> {
  const sides: Side[] = [];
  try {
    for (const alkey of options) {
      const app = await startApp({
        database: world.options,
        adapter: sides.length === 0 ? 'fastify' : 'express',
        entities: world.entities,
        synchronize: false,
        alkey,
        metadata: { controllers: [ReadsController] },
      });
      sides.push({ app, cachesQueries: alkey.queries === true });
    }
    const stage = new Stage(world, sides, name !== 'sqlite');
    await fc.assert(
      fc.asyncProperty(programs(await themes()), program =>
        stage.play(program),
      ),
      {
        numRuns: Number(RUNS),
        seed: seedOf(`${name} ${sides.length} ${sides[0]?.cachesQueries}`),
        // Most programs would be short ones otherwise.
        unbiased: true,
      },
    );
    report(name, stage);
    return stage;
  } finally {
    for (const { app } of sides) await app[Symbol.asyncDispose]();
  }
}

/** Each setting has programs of its own. */
function seedOf(setting: string): number {
  if (SEED === 'random') return Math.trunc(Math.random() * 2 ** 31);
  return [...setting].reduce(
    (hash, character) => (hash * 31 + character.charCodeAt(0)) | 0,
    Number(SEED),
  );
}

function report(database: string, { compared, queries, routes }: Stage): void {
  process.stdout.write(
    `${database}: ${compared} answers compared, none differs; hits: ${share('queries', queries)}${share('routes', routes)}\n`,
  );
}

function share(kind: string, each: Rate): string {
  return each.asked > 0 ? `${kind} ${Math.round(100 * rate(each))} % ` : '';
}

function rate({ hits, asked }: Rate): number {
  return hits / asked;
}

function leastRate({ queries, routes }: Stage): number {
  return Math.min(rate(queries), rate(routes));
}

describeOnEachDatabase(
  'every answer is what the database says',
  (database, url) => {
    let world: World;
    beforeAll(async () => {
      world = await openWorld(database, url);
    }, TIMEOUT_MS);
    afterAll(() => world.close());

    it(
      'by query and by route',
      async () => {
        const options = { redis: false, queries: true } as const;
        const stage = await played(world, database, options);
        expect(leastRate(stage)).toBeGreaterThan(LEAST_RATE);
      },
      TIMEOUT_MS,
    );

    it(
      'by route, where queries are not cached',
      async () => {
        const { queries, routes } = await played(world, database, {
          redis: false,
        });
        expect(queries.asked).toBe(0);
        expect(rate(routes)).toBeGreaterThan(LEAST_RATE);
      },
      TIMEOUT_MS,
    );

    describeWith('REDIS_URL', 'with tokens in Redis', redis => {
      it(
        'by query and by route, whoever wrote',
        async () => {
          const options = inRedis(redis);
          const cached = { ...options, queries: true } as const;
          // A database in memory is in one process alone.
          const others = database.name === 'sqlite' ? [] : [options];
          const stage = await played(world, database, cached, ...others);
          expect(leastRate(stage)).toBeGreaterThan(LEAST_RATE);
        },
        TIMEOUT_MS,
      );
    });
  },
);
