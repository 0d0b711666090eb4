// Ratios of candidates that take turns, so that whatever else the machine does meets all of them.
import { setImmediate } from 'node:timers/promises';

/**
 * Measures batches of operations in rounds; the first candidate is what the others are compared
 * with. Only the operations are timed, not how they are made.
 *
 * @returns of each candidate, per operation and round: how many milliseconds passed, and for how many
 * of them this process had a core
 */
export async function takeTurns(candidates, operationsOf, pace) {
  const seen = await inTurns(
    candidates,
    async candidate => timeBatch(await operationsOf(candidate)),
    pace,
  );
  return seen.map(rounds => ({
    passed: rounds.map(({ passed }) => passed),
    busy: rounds.map(({ busy }) => busy),
  }));
}

/** What `measure` answers of each candidate in each round after the warm-up. */
export async function inTurns(candidates, measure, { warmUp, rounds }) {
  const seen = candidates.map(() => []);
  for (let round = 0; round < warmUp + rounds; round += 1) {
    for (const index of turns(candidates.length, round)) {
      const measured = await measure(candidates[index], round);
      if (round >= warmUp) seen[index].push(measured);
    }
  }
  return seen;
}

/** Milliseconds per operation: how many passed, and for how many of them this process had a core. */
async function timeBatch(operations) {
  return timed(operations.length, async () => {
    for (const operation of operations) await operation();
  });
}

/** The same of any work that consists of `count` operations. */
export async function timed(count, work) {
  // A driver that answers at once never lets timers and sockets have their turn.
  await setImmediate();
  // What one candidate leaves behind is not the next one's to clear away.
  globalThis.gc?.({ type: 'minor' });
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const passed = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { passed: passed / count, busy: (user + system) / 1000 / count };
}

/** Everybody is first in one round of so many, and follows now this candidate, now that one. */
export function turns(count, round) {
  const order = Array.from(
    { length: count },
    (_, index) => (index + round) % count,
  );
  return Math.floor(round / count) % 2 === 0 ? order : order.toReversed();
}

/** How many times as long as `base`, round by round. */
export function ratios(times, base) {
  const each = times.map((time, round) => time / base[round]);
  return {
    median: median(each),
    min: Math.min(...each),
    max: Math.max(...each),
  };
}

export function median(values) {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The least value that this share of them does not exceed. */
export function quantile(values, share) {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** The median of ratios with the least and the largest, for a table. */
export function withRange({ median: middle, min, max }) {
  return `**${middle.toFixed(2)}** (${min.toFixed(2)}–${max.toFixed(2)})`;
}
