import { randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import { NOTES } from './process/compared-cache.js';
import { type CacheName } from './process/main.js';
import { play, type Scenario } from './scenarios.js';
import { type Outcome, World } from './world.js';

/** What each cache answered in each scenario, by their names. */
export type Outcomes = Readonly<
  Record<string, Readonly<Partial<Record<CacheName, Outcome>>>>
>;

export interface Compared {
  readonly caches: readonly CacheName[];
  readonly scenarios: readonly Scenario[];
  /** A server on which a database may be created. */
  readonly postgres: string;
  /** A server that may be emptied. */
  readonly redis: string;
  readonly signal: AbortSignal;
  readonly onOutcome?: (
    scenario: Scenario,
    cache: CacheName,
    outcome: Outcome,
  ) => void;
}

/** Runs every scenario with every cache, one after the other, each with processes of its own. */
export async function compare(compared: Compared): Promise<Outcomes> {
  const { caches, scenarios, redis, signal, onOutcome } = compared;
  await using own = await createDatabase(compared.postgres);
  const outcomes: Record<string, Partial<Record<CacheName, Outcome>>> = {};
  for (const scenario of scenarios) {
    const row: Partial<Record<CacheName, Outcome>> = {};
    for (const cache of caches) {
      signal.throwIfAborted();
      const world = await World.create(cache, {
        postgres: own.url,
        redis,
        database: own.database,
      });
      try {
        const outcome = await world.outcome(await play(scenario, world));
        row[cache] = outcome;
        onOutcome?.(scenario, cache, outcome);
      } finally {
        await world.end();
      }
    }
    outcomes[scenario.name] = row;
  }
  return outcomes;
}

interface OwnDatabase extends AsyncDisposable {
  readonly url: string;
  readonly database: DataSource;
}

async function createDatabase(serverUrl: string): Promise<OwnDatabase> {
  const name = `alkey_compare_${randomBytes(6).toString('hex')}`;
  const server = new DataSource({ type: 'postgres', url: serverUrl });
  await server.initialize();
  await server.query(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const database = new DataSource({
    type: 'postgres',
    url: url.href,
    entities: [NOTES],
    synchronize: true,
  });
  await database.initialize();
  return {
    url: url.href,
    database,
    async [Symbol.asyncDispose]() {
      await database.destroy();
      await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await server.destroy();
    },
  };
}
