// Ratios of candidates that take turns, so that whatever else the machine does meets all of them.
import { setImmediate } from 'node:timers/promises';

/**
 * Measures batches of operations in rounds; the first candidate is what the others are compared
 * with. Only the operations are timed, not how they are made.
 *
 * @returns of each candidate, per operation and round: how many milliseconds passed, and for how many
 * of them this process had a core
 */
export async function takeTurns(candidates, operationsOf, { warmUp, rounds }) {
  const times = candidates.map(() => ({ passed: [], busy: [] }));
  for (let round = 0; round < warmUp + rounds; round += 1) {
    for (const index of turns(candidates.length, round)) {
      const operations = await operationsOf(candidates[index]);
      // A driver that answers at once never lets timers and sockets have their turn.
      await setImmediate();
      // What one candidate leaves behind is not the next one's to clear away.
      globalThis.gc?.({ type: 'minor' });
      const cpu = process.cpuUsage();
      const start = performance.now();
      for (const operation of operations) await operation();
      const passed = performance.now() - start;
      const { user, system } = process.cpuUsage(cpu);
      if (round < warmUp) continue;
      times[index].passed.push(passed / operations.length);
      times[index].busy.push((user + system) / 1000 / operations.length);
    }
  }
  return times;
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
