import { setTimeout as sleep } from 'node:timers/promises';
import { CRASH_STEPS, type CrashStep } from './app/crash-points.js';
import { type SoakDatabase } from './database.js';
import { type Fleet } from './fleet.js';
import { type History } from './history.js';
import { type Random } from './random.js';

/** Something that goes wrong; ends when the cause is over, which is not when all has recovered. */
export interface FaultKind {
  readonly kind: string;
  /** `begin` is called at the moment when it happens; never, where it could not happen. */
  run(begin: (detail?: string) => void): Promise<void>;
}

export interface FaultsOptions {
  readonly kinds: readonly FaultKind[];
  readonly history: History;
  readonly random: Random;
  readonly isOver: () => boolean;
}

/** A frozen process must go on before its lease ends, see `LEASE_MS` of the run. */
const LONGEST_FREEZE_MS = 800;
const LONGEST_COMMIT_MS = 1_000;
/** An armed process is given up when no write came past for so long. */
const ARMED_MS = 3_000;
const SEARCH_MS = 20;

/** One fault after the other; processes start again meanwhile. */
export async function runFaults({
  kinds,
  history,
  random,
  isOver,
}: FaultsOptions): Promise<void> {
  while (!isOver()) {
    await sleep(random.between(200, 1_200));
    if (isOver()) return;
    const { kind, run } = random.of(kinds);
    await run((detail = '') => history.fault(kind, detail));
  }
}

/** What happens to the processes and to their connections to the database. */
export function processFaults(
  fleet: Fleet,
  database: SoakDatabase,
  random: Random,
): readonly FaultKind[] {
  return [
    {
      kind: 'process killed',
      async run(begin) {
        const app = fleet.spare(random);
        if (!app) return;
        begin();
        await app.kill();
      },
    },
    ...CRASH_STEPS.map(step => crash(step, fleet, random)),
    {
      kind: 'process frozen',
      async run(begin) {
        const app = fleet.any(random);
        if (!app) return;
        const ms = random.integer(20, LONGEST_FREEZE_MS);
        begin(`${ms} ms`);
        app.freeze();
        try {
          await sleep(ms);
        } finally {
          app.thaw();
        }
      },
    },
    {
      kind: 'COMMIT slow',
      async run(begin) {
        const seconds = random.between(0.1, LONGEST_COMMIT_MS / 1_000);
        await database.slowCommits(seconds);
        begin(`${seconds.toFixed(1)} s`);
        await sleep(2 * seconds * 1_000);
        await database.slowCommits(0);
      },
    },
    {
      kind: 'database connection ended during COMMIT',
      async run(begin) {
        await database.slowCommits(LONGEST_COMMIT_MS / 1_000);
        try {
          for (let ms = 0; ms < ARMED_MS; ms += SEARCH_MS) {
            if (await database.terminateCommit()) return begin();
            await sleep(SEARCH_MS);
          }
        } finally {
          await database.slowCommits(0);
        }
      },
    },
    {
      kind: 'database connection cut after COMMIT was sent',
      async run(begin) {
        const app = fleet.any(random);
        if (!app || !(await arm(app, 'cut'))) return;
        begin();
        await sleep(random.between(0, 500));
      },
    },
    {
      kind: 'all database connections ended',
      async run(begin) {
        begin();
        await database.terminateAll();
      },
    },
  ];
}

function crash(step: CrashStep, fleet: Fleet, random: Random): FaultKind {
  return {
    kind: `process killed, ${step}`,
    async run(begin) {
      const app = fleet.spare(random);
      if (!app || !(await arm(app, step))) return;
      const crashed = app.ended.then(() => true);
      const gaveUp = sleep(ARMED_MS, false, { ref: false });
      if (await Promise.race([crashed, gaveUp])) begin();
      else await app.kill();
    },
  };
}

async function arm(
  app: { send(method: string, path: string): Promise<unknown> },
  step: CrashStep,
): Promise<boolean> {
  try {
    await app.send('POST', `/crash/${step}`);
    return true;
  } catch {
    // It ended by another fault.
    return false;
  }
}
