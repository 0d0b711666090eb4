import { describe, expect, it } from '@jest/globals';
import { LatestRuns } from '../../lib/core/latest-runs.js';

/** A run that ends when it is told to. */
function run() {
  const ends: { resolve(value: string): void; reject(error: Error): void }[] =
    [];
  const answer = new Promise<string>((resolve, reject) => {
    ends.push({ resolve, reject });
  });
  return { produce: () => answer, ...ends[0]! };
}

describe('LatestRuns', () => {
  it('knows which of two runs of a key began later, and that of no other key', () => {
    const runs = new LatestRuns<string, string>();
    const before = runs.begun;
    void runs.begin('a', run().produce);
    const between = runs.begun;
    void runs.begin('a', run().produce);
    expect(runs.latest('b')).toBeUndefined();
    expect(runs.latest('a')?.number).toBeGreaterThan(between);
    expect(between).toBeGreaterThan(before);
    expect(runs.begun).toBe(runs.latest('a')?.number);
  });

  it('forgets a run that is over, and not the one that began after it', async () => {
    const runs = new LatestRuns<string, string>();
    const [first, second] = [run(), run()];
    const answers = [
      runs.begin('a', first.produce),
      runs.begin('a', second.produce),
    ];
    first.resolve('first');
    expect(await answers[0]).toBe('first');
    expect(runs.latest('a')?.answer).toBe(answers[1]);
    second.reject(new Error('no'));
    await expect(answers[1]).rejects.toThrow('no');
    expect(runs.latest('a')).toBeUndefined();
  });
});
