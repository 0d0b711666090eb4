import { fileURLToPath } from 'node:url';
import { type RedisOption } from 'nestjs-alkey';
import { startRedis, startRedisSentinel } from '../support/redis-servers.js';
import { type SoakAppOptions } from './app/soak-app.js';
import { APPLICATION, SoakDatabase } from './database.js';
import { type FaultKind, processFaults, runFaults } from './faults.js';
import { Fleet } from './fleet.js';
import { History } from './history.js';
import { Ledger } from './ledger.js';
import { ITEMS, runLoad } from './load.js';
import { type SoakOptions } from './options.js';
import { Random } from './random.js';
import {
  messageFaults,
  sentinelFaults,
  singleRedisFaults,
} from './redis-faults.js';
import { type Report, reportOf } from './report.js';

/** Longer than any commit or pause of a process that the faults make: what it promises is no more. */
const LEASE_MS = 3_000;
/** How long a process uses its copy of a token, with `--near`, whatever it is told. */
const MAX_AGE_MS = 1_000;

interface Stores {
  readonly option: RedisOption;
  readonly url: string;
  readonly faults: readonly FaultKind[];
  stop(): Promise<void>;
}

/** Runs the applications, the load and the faults for as long as asked, or until `interrupted`. */
export async function soak(
  options: SoakOptions,
  postgresUrl: string,
  interrupted: AbortSignal,
): Promise<Report> {
  const faultChoices = new Random(options.seed);
  const database = await SoakDatabase.create(postgresUrl, ITEMS);
  const stores = await startStores(options, faultChoices);
  const fleet = new Fleet(
    fileURLToPath(new URL('app/soak-app.js', import.meta.url)),
    place => appOptions(options, database, stores, place),
  );
  try {
    await fleet.start(options.apps);
    const startedAt = performance.now();
    const clock = () => performance.now() - startedAt;
    const isOver = () =>
      interrupted.aborted || clock() > options.seconds * 1_000;
    const ledger = new Ledger(clock);
    const history = new History(
      ledger,
      clock,
      // A copy is as old as the question for it, which may take so long itself.
      options.near ? MAX_AGE_MS + options.storeTimeoutMs : undefined,
    );
    const kinds = chosen(options, [
      ...processFaults(fleet, database, faultChoices),
      ...stores.faults,
    ]);
    await Promise.all([
      runLoad({
        fleet,
        ledger,
        history,
        database,
        random: new Random(options.seed + 1),
        kinds: options.kinds,
        isOver,
      }),
      runFaults({ kinds, history, random: faultChoices, isOver }),
    ]);
    history.end();
    return reportOf(options, history);
  } finally {
    await fleet.stop();
    await stores.stop();
    await database.drop();
  }
}

/** @throws TypeError where a name given is no part of any kind's name */
function chosen(
  { faults }: SoakOptions,
  kinds: readonly FaultKind[],
): readonly FaultKind[] {
  if (!faults) return kinds;
  const found = kinds.filter(({ kind }) =>
    faults.some(name => kind.includes(name)),
  );
  if (found.length > 0) return found;
  throw new TypeError(
    `Expected --faults to be parts of these names: ${kinds.map(({ kind }) => kind).join('; ')}.`,
  );
}

async function startStores(
  { near, topology }: SoakOptions,
  random: Random,
): Promise<Stores> {
  if (topology === 'sentinel') {
    const servers = await startRedisSentinel();
    const { master, sentinel } = servers;
    return {
      option: {
        name: 'alkey',
        sentinelRootNodes: [{ host: '127.0.0.1', port: sentinel.port }],
      },
      url: master.url,
      faults: sentinelFaults(servers, random),
      stop: servers.stop,
    };
  }
  const { server, stop } = await startRedis();
  return {
    option: server.url,
    url: server.url,
    faults: [
      ...singleRedisFaults(server, random),
      ...(near ? messageFaults(server) : []),
    ],
    stop,
  };
}

function appOptions(
  { consistency, naive, near, onStoreFailure, storeTimeoutMs }: SoakOptions,
  database: SoakDatabase,
  { option, url }: Stores,
  place: number,
): SoakAppOptions {
  return {
    name: `${APPLICATION}-${place}`,
    databaseUrl: database.url,
    items: ITEMS,
    ...(naive
      ? { naive: { redisUrl: url } }
      : {
          alkey: {
            redis: option,
            scope: 'shared',
            queries: true,
            leaseMs: LEASE_MS,
            consistency,
            onStoreFailure,
            storeTimeoutMs,
            near: near && { maxAgeMs: MAX_AGE_MS },
          },
        }),
  };
}
