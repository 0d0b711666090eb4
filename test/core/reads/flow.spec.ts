import { describe, expect, it } from '@jest/globals';
import {
  asPartOf,
  isPartOf,
  observersNow,
  observing,
} from '../../../lib/core/reads/flow.js';
import { Recording } from '../../../lib/core/reads/recording.js';

const tick = (): Promise<void> => new Promise(setImmediate);

describe('the observers of what is read now', () => {
  it('are nobody outside', () => {
    expect(observersNow()).toBeUndefined();
  });

  it('are those around, the outermost first, wherever the code waits', async () => {
    const [outer, inner] = [new Recording(), new Recording()];
    await observing(outer, async () => {
      await tick();
      expect(observersNow()).toEqual([outer]);
      await observing(inner, async () => {
        await tick();
        expect(observersNow()).toEqual([outer, inner]);
      });
      expect(observersNow()).toEqual([outer]);
    });
    expect(observersNow()).toBeUndefined();
  });

  it('are not those of code that runs at the same time', async () => {
    const seen = await Promise.all(
      [new Recording(), new Recording()].map(recording =>
        observing(recording, async () => {
          await tick();
          return observersNow()?.[0] === recording;
        }),
      ),
    );
    expect(seen).toEqual([true, true]);
  });

  it('are not those whose recording is over', async () => {
    const recording = new Recording();
    let later: Promise<unknown> | undefined;
    await observing(recording, async () => {
      later = tick().then(observersNow);
    });
    recording.close();
    expect(await later).toBeUndefined();
  });
});

describe('the runs that code is a part of', () => {
  it('are those around, and not others', async () => {
    await asPartOf('outer', async () => {
      await tick();
      await asPartOf('inner', async () => {
        await tick();
        expect(['outer', 'inner', 'other'].map(isPartOf)).toEqual([
          true,
          true,
          false,
        ]);
      });
      expect(isPartOf('inner')).toBe(false);
    });
    expect(isPartOf('outer')).toBe(false);
  });

  it('are not those that are over', async () => {
    let later: Promise<boolean> | undefined;
    await asPartOf('run', async () => {
      later = tick().then(() => isPartOf('run'));
    });
    expect(await later).toBe(false);
  });
});
