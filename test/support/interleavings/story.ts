import { randomBytes } from 'node:crypto';
import { type Scheduler } from 'fast-check';
import { MemoryTokenStore } from '../../../lib/core/tokens/memory-token-store.js';
import { type Fault } from '../../../lib/testing/faulty-token-store.js';
import { type ManualTime } from '../manual-time.js';
import { ModelDatabase, type Resource, type Script } from './model-database.js';
import { ModelProcess, type Way } from './model-process.js';
import { Steps } from './steps.js';
import { TellingTokenStore, ToldChanges } from './told-changes.js';

export const ROWS = 2;
const LEASE_MS = 30_000;
/** More than a store may take. */
const TICK_MS = 60;
/** What is owed to a store that answers again is paid by then. */
const PAYMENTS = 4;
const PAYMENT_MS = 120;

/** What is asked for once all is over. */
const ALL_IN_THE_END = [
  [1, 'route'],
  ['all', 'wrap'],
] as const;

/** What several processes do; in which order their steps happen is fast-check's choice. */
export interface Plot {
  readonly writers: readonly {
    readonly process: number;
    readonly scripts: readonly Script[];
  }[];
  readonly readers: readonly {
    readonly process: number;
    readonly way: Way;
    readonly resources: readonly Resource[];
  }[];
  /** How many tokens the store keeps. */
  readonly maxTokens: number;
  /** Calls of token stores that go wrong: the process, which of its calls, and how. */
  readonly faults?: readonly {
    readonly process: number;
    readonly nth: number;
    readonly fault: Exclude<Fault, 'none'>;
  }[];
  /** Every so many calls of the shared response store fail; 0: none. */
  readonly responseFaultEach?: number;
  /** Processes that die, each at a step of its own. */
  readonly deaths?: readonly number[];
  /** Processes whose messages get lost, which they notice at a step, and are heard again at another. */
  readonly losses?: readonly number[];
  /** How often a store's time runs out, whatever is under way. */
  readonly ticks?: number;
  /** How often a lease ends, where no commit is under way. */
  readonly lapses?: number;
  /** A process that is slow at its steps with such labels, so that much else happens meanwhile. */
  readonly slow?: {
    readonly process: number;
    /** Parts of labels. */
    readonly at: readonly string[];
  };
  /** How many quarters of a lease a COMMIT takes, while stores answer in time. */
  readonly slowness?: number;
}

export interface Setting {
  readonly processes: number;
  readonly consistency?: 'strict' | 'commit';
  readonly onStoreFailure?: 'serve' | 'abort';
  /** With copies of tokens in each process. */
  readonly near?: { readonly maxAgeMs: number };
}

/** An answer, what it must not be less than, and what there was when its request began. */
export interface Answered {
  readonly resource: Resource;
  readonly value: number;
  readonly atLeast: number;
  readonly current: number;
}

export interface Told {
  readonly answers: readonly Answered[];
  /**
   * Answers that are older than the database was when their request began, or, with near tokens, when
   * the first change happened of which their process had not been told.
   */
  readonly stale: readonly Answered[];
  /** Those, and what near tokens allow. */
  readonly outdated: readonly Answered[];
  /** Resources that are not served from the cache once all is over, asked twice in turn. */
  readonly uncached: readonly string[];
}

/** A token store whose time is that of a story. */
export function memoryTokens(
  { clock }: ManualTime,
  maxTokens: number,
): MemoryTokenStore {
  return new MemoryTokenStore({
    clock,
    randomBytes,
    tokenTtlMs: 86_400_000,
    maxTokens,
  });
}

/** Lets it all happen, and then asks each process for everything, twice. */
export async function tell(
  scheduler: Scheduler,
  {
    processes: count,
    consistency = 'strict',
    onStoreFailure = 'serve',
    near,
  }: Setting,
  plot: Plot,
): Promise<Told> {
  const { slow } = plot;
  const nameOf = (index: number): string => `process ${index % count}`;
  const steps = new Steps(
    scheduler,
    TICK_MS,
    label =>
      slow !== undefined &&
      label.startsWith(nameOf(slow.process)) &&
      slow.at.some(part => label.includes(part)),
  );
  const { time } = steps;
  const database = new ModelDatabase(ROWS);
  const tokens = memoryTokens(time, plot.maxTokens);
  const responses = new Map<string, unknown>();
  const names = Array.from({ length: count }, (_, index) => nameOf(index));
  const told = near
    ? names.map(name => new ToldChanges({ name, steps, database, ...near }))
    : [];
  const processes = await Promise.all(
    names.map((name, index) =>
      ModelProcess.start({
        name,
        steps,
        database,
        tokens: new TellingTokenStore(tokens, name, told),
        ...(near && { near: { ...near, told: told[index]! } }),
        responses,
        consistency,
        onStoreFailure,
        leaseMs: LEASE_MS,
        responseFaultEach: plot.responseFaultEach ?? 0,
      }),
    ),
  );
  const at = (index: number): ModelProcess => processes[index % count]!;
  for (const { process, nth, fault } of plot.faults ?? []) {
    at(process).faulty.failOn('any', nth, fault);
  }
  const answers: Answered[] = [];
  const ask = async (
    process: ModelProcess,
    resource: Resource,
    way: Way,
  ): Promise<void> => {
    const current = database.read(resource);
    const atLeast =
      told[processes.indexOf(process)]?.atLeast(resource) ?? current;
    const value = await process.answer(resource, way);
    answers.push({ resource, value, atLeast, current });
  };

  const areIdle = (): boolean => processes.every(({ isIdle }) => isIdle);
  const slowness = async (): Promise<void> => {
    for (let quarter = 0; quarter < (plot.slowness ?? 0);) {
      await steps.take('a COMMIT takes its time');
      if (!areIdle()) continue;
      await time.advance(LEASE_MS / 4);
      quarter += 1;
    }
  };
  const writers = plot.writers.map(async ({ process, scripts }) => {
    const connection = at(process).connection(slowness);
    for (const script of scripts) await connection.run(script);
  });
  const readers = plot.readers.map(async ({ process, way, resources }) => {
    for (const resource of resources) {
      await at(process).life.step(`is asked for ${resource}`);
      await ask(at(process), resource, way);
    }
  });
  const deaths = (plot.deaths ?? []).map(async index => {
    await steps.take(`${nameOf(index)} dies`);
    at(index).life.die();
  });
  const losses = (plot.losses ?? []).map(async index => {
    const name = nameOf(index);
    await steps.take(`${name} is not told any more`);
    told[index % count]?.lose();
    await steps.take(`${name} is told again`);
    told[index % count]?.resume();
  });
  const ticks = async (): Promise<void> => {
    for (let tick = plot.ticks ?? 0; tick > 0; tick--) {
      await steps.take('time passes');
      await time.advance(TICK_MS);
    }
  };
  const lapses = async (): Promise<void> => {
    for (let lapse = plot.lapses ?? 0; lapse > 0; lapse--) {
      await steps.take('a lease passes, unless something is under way');
      if (database.isQuiet && areIdle()) await time.advance(LEASE_MS);
    }
  };
  const lives = processes.map(({ life }) => life.ended);
  const whileAlive = (index: number, done: Promise<void>): Promise<void> =>
    Promise.race([done, lives[index % count]!]);
  await steps.until([
    ...writers.map((done, index) =>
      whileAlive(plot.writers[index]!.process, done),
    ),
    ...readers.map((done, index) =>
      whileAlive(plot.readers[index]!.process, done),
    ),
    ...deaths,
    ...losses,
    ticks(),
    lapses(),
  ]);
  await steps.rest();
  for (const process of processes) process.repair();
  const uncached = await settle();
  return {
    answers,
    stale: answers.filter(({ value, atLeast }) => value < atLeast),
    outdated: answers.filter(({ value, current }) => value < current),
    uncached,
  };

  /** Lets leases and what is owed come to an end, and asks again. */
  async function settle(): Promise<readonly string[]> {
    const missed: string[] = [];
    for (let round = 0; round < PAYMENTS; round++) {
      await time.advance(PAYMENT_MS);
      await steps.rest();
    }
    await time.advance(LEASE_MS);
    for (const process of processes.filter(({ life }) => !life.isDead)) {
      for (const [resource, way] of ALL_IN_THE_END) {
        await steps.until([ask(process, resource, way)]);
        await steps.rest();
        const { runs } = process;
        await steps.until([ask(process, resource, way)]);
        if (process.runs > runs) {
          missed.push(`${process.life.name} ${way} ${resource}`);
        }
      }
    }
    return missed;
  }
}
