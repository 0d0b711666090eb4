import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { SingleFlight } from '../../lib/core/single-flight.js';

/** A produce function that answers when told to, and counts its runs. */
function producer<V>() {
  const runs: { resolve(value: V): void; reject(error: unknown): void }[] = [];
  const produce = (): Promise<V> =>
    new Promise<V>((resolve, reject) => {
      runs.push({ resolve, reject });
    });
  return { runs, produce };
}

describe('SingleFlight', () => {
  it('shares one run and its result among concurrent calls of a key', async () => {
    const flights = new SingleFlight<string, number>();
    const { runs, produce } = producer<number>();
    const calls = [1, 2, 3].map(() => flights.run('a', produce));
    expect(runs).toHaveLength(1);
    runs[0]!.resolve(7);
    expect(await Promise.all(calls)).toEqual([7, 7, 7]);
  });

  it('runs each key by itself', async () => {
    const flights = new SingleFlight<string, string>();
    expect(
      await Promise.all([
        flights.run('a', () => 'of a'),
        flights.run('b', () => 'of b'),
      ]),
    ).toEqual(['of a', 'of b']);
  });

  it('lets every caller see the failure', async () => {
    const flights = new SingleFlight<string, number>();
    const { runs, produce } = producer<number>();
    const calls = [flights.run('a', produce), flights.run('a', produce)];
    const failure = new Error('no');
    runs[0]!.reject(failure);
    expect(await Promise.allSettled(calls)).toEqual([
      { status: 'rejected', reason: failure },
      { status: 'rejected', reason: failure },
    ]);
  });

  it('turns what is thrown at once into a rejection, and forgets it', async () => {
    const flights = new SingleFlight<string, number>();
    const failing = flights.run('a', () => {
      throw new Error('at once');
    });
    await expect(failing).rejects.toThrow('at once');
    expect(flights.has('a')).toBe(false);
  });

  it('has forgotten the key when the first caller goes on', async () => {
    const flights = new SingleFlight<string, number>();
    const { runs, produce } = producer<number>();
    const seen: boolean[] = [];
    const first = flights.run('a', produce).then(() => {
      seen.push(flights.has('a'));
      return flights.run('a', () => 2);
    });
    expect(flights.has('a')).toBe(true);
    runs[0]!.resolve(1);
    expect(await first).toBe(2);
    expect(seen).toEqual([false]);
  });

  it('lets callers join a run that is over until its result is where they look', async () => {
    const flights = new SingleFlight<string, number>();
    const { runs: arrivals, produce: onItsWay } = producer<void>();
    expect(await flights.run('a', () => 1, onItsWay)).toBe(1);
    expect(await flights.run('a', () => 2)).toBe(1);
    arrivals[0]!.resolve();
    await setImmediate();
    expect(await flights.run('a', () => 3)).toBe(3);
  });

  it('forgets a result that goes nowhere at once', async () => {
    const flights = new SingleFlight<string, number>();
    await flights.run(
      'a',
      () => 1,
      () => undefined,
    );
    expect(await flights.run('a', () => 2)).toBe(2);
  });

  it('begins anew after a failure', async () => {
    const flights = new SingleFlight<string, number>();
    await flights
      .run('a', () => Promise.reject(new Error('no')))
      .catch(() => 0);
    expect(await flights.run('a', () => 1)).toBe(1);
  });

  it('leaves no unhandled rejection where nobody awaits', async () => {
    const flights = new SingleFlight<string, number>();
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => {
      unhandled.push(reason);
    };
    process.on('unhandledRejection', note);
    try {
      void flights.run('a', () => Promise.reject(new Error('unseen')));
      // Node reports unhandled rejections after the microtasks of a turn.
      await setImmediate();
      await setImmediate();
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });

  it('does not let a caller join a run that began before he asked', async () => {
    const flight = new SingleFlight<string, string>();
    let end: ((value: string) => void) | undefined;
    const hung = flight.run(
      'key',
      () => new Promise(resolve => (end = resolve)),
    );
    const since = flight.begun;
    expect([flight.has('key'), flight.has('key', since)]).toEqual([
      true,
      false,
    ]);
    const newer = flight.run('key', () => 'new', undefined, since);
    expect(flight.run('key', () => 'newest', undefined, since)).toBe(newer);
    expect(await newer).toBe('new');
    end?.('old');
    expect(await hung).toBe('old');
    expect(flight.has('key')).toBe(false);
  });

  it('tells when a run is over, and where none is at once', async () => {
    const flight = new SingleFlight<string, string>();
    let arrive: (() => void) | undefined;
    const arrival = new Promise<void>(resolve => (arrive = resolve));
    await flight.run(
      'key',
      () => 'value',
      () => arrival,
    );
    let isOver = false;
    const over = flight.over('key').then(() => (isOver = true));
    await setImmediate();
    expect(isOver).toBe(false);
    arrive?.();
    await over;
    await flight.over('key');
  });
});
