import { setTimeout as sleep } from 'node:timers/promises';
import { type PgClientClass } from './crash-points.js';

/** One SELECT of so many is answered late, by this at most: others write and commit meanwhile. */
const SELECTS_PER_LATE = 4;
const LATEST_MS = 150;

/** A `pg.Client` that hands out what it read some time after it was read. */
export function lateClient(Base: PgClientClass): PgClientClass {
  return class extends Base {
    override query(...args: unknown[]): unknown {
      const [text] = args;
      const outcome = super.query(...args);
      const isLate =
        typeof text === 'string' &&
        text.startsWith('SELECT') &&
        Math.random() * SELECTS_PER_LATE < 1;
      if (!isLate || !(outcome instanceof Promise)) return outcome;
      return outcome.then(result =>
        sleep(Math.random() * LATEST_MS, result as unknown),
      );
    }
  };
}
