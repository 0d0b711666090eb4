import { describe, expect, it } from '@jest/globals';
import {
  ClusterFlight,
  type RunLeases,
} from '../../lib/core/cluster-flight.js';
import { ManualTime, settled } from '../support/manual-time.js';

const LEASE_TIMEOUT_MS = 50;

/** Leases of several processes, on one clock. */
class Leases implements RunLeases {
  isDown = false;
  /** Does what it is asked, but does not answer. */
  isMute = false;
  readonly #taken = new Map<string, { owner: string; untilMs: number }>();

  constructor(readonly time: ManualTime) {}

  async take(key: string, owner: string, leaseMs: number): Promise<boolean> {
    if (this.isDown) throw new Error('The store is down.');
    const lease = this.#lease(key);
    if (lease && lease.owner !== owner) return false;
    this.#taken.set(key, { owner, untilMs: this.time.clock() + leaseMs });
    return this.#answer(true);
  }

  async isTaken(key: string): Promise<boolean> {
    if (this.isDown) throw new Error('The store is down.');
    return this.#answer(this.#lease(key) !== undefined);
  }

  async drop(key: string, owner: string): Promise<void> {
    if (this.#lease(key)?.owner === owner) this.#taken.delete(key);
  }

  #answer(value: boolean): Promise<boolean> {
    return this.isMute ? new Promise(() => {}) : Promise.resolve(value);
  }

  #lease(key: string) {
    const lease = this.#taken.get(key);
    return lease && lease.untilMs > this.time.clock() ? lease : undefined;
  }
}

function openProcesses() {
  const time = new ManualTime();
  const leases = new Leases(time);
  let owners = 0;
  const process = () =>
    new ClusterFlight({
      leases,
      leaseTimeoutMs: LEASE_TIMEOUT_MS,
      newOwner: () => `owner ${++owners}`,
      timers: time.timers,
      clock: time.clock,
    });
  return { time, leases, one: process(), two: process() };
}

function openGate() {
  let open: (() => void) | undefined;
  const opened = new Promise<void>(resolve => (open = resolve));
  return { opened, open: () => open?.() };
}

/** What was made, where all can find it. */
class Made {
  value: string | undefined;
  runs = 0;
  readonly find = async () => this.value;

  produce(name: string, end: Promise<unknown> = Promise.resolve()) {
    return async () => {
      this.runs += 1;
      await end;
      this.value = name;
      return name;
    };
  }
}

describe('a run for several processes', () => {
  it('is made once, and found by those that came later', async () => {
    const { one, two, time } = openProcesses();
    const made = new Made();
    const gate = openGate();
    const first = one.run('k', made.find, made.produce('one', gate.opened));
    const second = two.run('k', made.find, made.produce('two'));
    await time.advance(4_000);
    gate.open();
    await time.advance(100);
    expect(await Promise.all([first, second])).toEqual(['one', 'one']);
    expect(made.runs).toBe(1);
  });

  it('is made by each process for itself where the keys differ', async () => {
    const { one, two } = openProcesses();
    const made = new Made();
    expect(
      await Promise.all([
        one.run('a', made.find, made.produce('one')),
        two.run('b', made.find, made.produce('two')),
      ]),
    ).toEqual(['one', 'two']);
  });

  it('is made by those that waited when its outcome cannot be found', async () => {
    const { one, two, time } = openProcesses();
    const made = new Made();
    const gate = openGate();
    const first = one.run('k', made.find, () =>
      gate.opened.then(() => Promise.reject(new Error('failed'))),
    );
    first.catch(() => undefined);
    const second = two.run('k', made.find, made.produce('two'));
    await settled();
    gate.open();
    await time.advance(100);
    await expect(first).rejects.toThrow('failed');
    expect(await second).toBe('two');
  });

  it('keeps nobody for longer than the lease when its process dies', async () => {
    const { leases, two, time } = openProcesses();
    await leases.take('k', 'one that dies', 1_000);
    const made = new Made();
    const begun = time.clock();
    let endedAt = 0;
    const second = two.run('k', made.find, made.produce('two')).then(name => {
      endedAt = time.clock();
      return name;
    });
    await time.advance(2_000);
    expect(await second).toBe('two');
    expect(endedAt - begun).toBeLessThanOrEqual(1_020);
  });

  it('keeps nobody for longer than five seconds', async () => {
    const { one, two, time } = openProcesses();
    const made = new Made();
    void one.run('k', made.find, made.produce('one', new Promise(() => {})));
    await settled();
    const second = two.run('k', made.find, made.produce('two'));
    await time.advance(5_100);
    expect(await second).toBe('two');
  });

  it('is made at once where the leases cannot be reached', async () => {
    const { leases, one, two } = openProcesses();
    leases.isDown = true;
    const made = new Made();
    expect(
      await Promise.all([
        one.run('k', made.find, made.produce('one')),
        two.run('k', made.find, made.produce('two')),
      ]),
    ).toEqual(['one', 'two']);
  });

  it('is made as soon as the leases have had their time, where they do not answer', async () => {
    const { leases, one, two, time } = openProcesses();
    const made = new Made();
    leases.isMute = true;
    const first = one.run('k', made.find, made.produce('one'));
    await time.advance(LEASE_TIMEOUT_MS);
    expect(await first).toBe('one');
    leases.isMute = false;
    await leases.take('l', 'another', 60_000);
    const second = two.run('l', async () => undefined, made.produce('two'));
    await settled();
    leases.isMute = true;
    await time.advance(LEASE_TIMEOUT_MS + 20);
    expect(await second).toBe('two');
  });

  it('leaves nothing behind', async () => {
    const { leases, one, time } = openProcesses();
    const made = new Made();
    await one.run('k', made.find, made.produce('one'));
    await settled();
    expect(await leases.isTaken('k')).toBe(false);
    expect(time.pendingTimers).toBe(0);
  });
});
