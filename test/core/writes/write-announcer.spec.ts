import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';

import {
  EVERYTHING,
  type Identifier,
  insertingIdentifier,
  rowIdentifier,
  tableId,
  tableIdentifier,
} from '../../../lib/core/identifiers/identifier.js';
import { MemoryTokenStore } from '../../../lib/core/tokens/memory-token-store.js';
import { HELD, mintHolder } from '../../../lib/core/tokens/token.js';
import {
  type Announcement,
  type AnnouncerOptions,
  WriteAnnouncer,
} from '../../../lib/core/writes/write-announcer.js';
import { FaultyTokenStore } from '../../../lib/testing/faulty-token-store.js';
import { RECOVERY_MS } from '../../../lib/core/tokens/recovery.js';
import { ManualTime, settled } from '../../support/manual-time.js';

const users = tableId('users');
const row = rowIdentifier(users, ['1']);
const late = rowIdentifier(users, ['2']);
const table = tableIdentifier(users);
const inserting = insertingIdentifier(users);
const LEASE_MS = 1_000;

/** A store, an announcer on it, and what both were told. */
class World {
  readonly time = new ManualTime();
  readonly store = new FaultyTokenStore(
    new MemoryTokenStore({
      clock: this.time.clock,
      randomBytes,
      tokenTtlMs: 86_400_000,
      maxTokens: 1_000,
    }),
  );
  readonly told: (readonly [string, readonly Identifier[], number?])[] = [];
  readonly announcer: WriteAnnouncer;

  constructor(
    options: Partial<
      Pick<AnnouncerOptions, 'consistency' | 'replicaLagMs' | 'renewalMs'>
    > = {},
  ) {
    this.announcer = new WriteAnnouncer(this.store, {
      consistency: 'strict',
      leaseMs: LEASE_MS,
      replicaLagMs: 0,
      randomBytes,
      timers: this.time.timers,
      clock: this.time.clock,
      onHeld: ids => this.told.push(['held', ids]),
      onReleased: (ids, heldMs) => this.told.push(['released', ids, heldMs]),
      onTouched: ids => this.told.push(['touched', ids]),
      ...options,
    });
  }

  begin(isAbandoned = () => false) {
    return this.announcer.begin(isAbandoned);
  }

  read(...identifiers: Identifier[]) {
    return this.store.read(identifiers);
  }
}

describe('an announcement', () => {
  it('holds what it is told from before the commit until after it', async () => {
    const world = new World();
    const before = await world.read(row, table);
    const writer = world.begin();
    expect(await world.read(row)).toEqual([before[0]]);
    await writer.hold([row, table]);
    expect(await world.read(row, table)).toEqual([HELD, HELD]);
    await writer.settle([row, table]);
    for (const [index, token] of (await world.read(row, table)).entries()) {
      expect(token).not.toBe(HELD);
      expect(token).not.toBe(before[index]);
    }
  });

  it('gives the token back for what was not changed', async () => {
    const world = new World();
    const before = await world.read(row, late);
    const writer = world.begin();
    await writer.hold([row, late]);
    await writer.settle([row]);
    const after = await world.read(row, late);
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).toBe(before[1]);
  });

  it('changes nothing where it ends without a change', async () => {
    const world = new World();
    const before = await world.read(row);
    const writer = world.begin();
    await writer.hold([row]);
    await writer.settle([]);
    await settled();
    expect(await world.read(row)).toEqual(before);
    expect(world.told.map(([what]) => what)).toEqual(['held', 'released']);
  });

  it('holds each identifier once, and adds what comes later', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([row, row, table]);
    await writer.hold([table, row]);
    await writer.hold([row, late]);
    expect(world.store.asked).toEqual([`hold ${row} ${table}`, `hold ${late}`]);
    await writer.settle([row, late, table]);
    expect(await world.read(row, late, table)).not.toContain(HELD);
  });

  it('asks the store for nothing where there is nothing to tell', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([]);
    await writer.settle([]);
    expect(world.store.asked).toEqual([]);
    expect(world.told).toEqual([]);
    expect(world.time.pendingTimers).toBe(0);
  });

  it('replaces tokens of rows that become known late before it drops its holds', async () => {
    const world = new World();
    const [before] = await world.read(late);
    const writer = world.begin();
    await writer.hold([table, inserting, EVERYTHING]);
    await writer.settle([late, table, EVERYTHING]);
    await settled();
    expect(world.store.asked.slice(-2)).toEqual([
      `release ${late} ${table} ${EVERYTHING}`,
      `release ${inserting}`,
    ]);
    expect((await world.read(late))[0]).not.toBe(before);
  });

  it('keeps its holds while a late row is being replaced', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([inserting]);
    world.store.failOn('release', 1, 'late');
    void writer.settle([late]);
    await settled();
    expect(await world.read(inserting)).toEqual([HELD]);
  });

  it('changes what covers a late row where the store does not say that the row has changed', async () => {
    const world = new World();
    const [before, old] = await world.read(inserting, late);
    const writer = world.begin();
    await writer.hold([inserting]);
    world.store.failOn('release', 1);
    await writer.settle([late]);
    await settled();
    const [after, still] = await world.read(inserting, late);
    expect(still).toBe(old);
    expect([before, HELD]).not.toContain(after);
  });

  it('has settled when the store was told of all that ended', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([row]);
    const answers: (() => void)[] = [];
    world.store.release = () =>
      new Promise<void>(resolve => answers.push(resolve));
    await writer.settle([row]);
    let hasSettled = false;
    const settling = world.announcer.settled().then(() => (hasSettled = true));
    await settled();
    expect(hasSettled).toBe(false);
    for (const answer of answers) answer();
    await settling;
    expect(world.told.at(-1)?.[0]).toBe('released');
  });

  it('does not end what another writer holds', async () => {
    const world = new World();
    const [first, second] = [world.begin(), world.begin()];
    const before = await world.read(row);
    await first.hold([row]);
    await second.hold([row]);
    await first.settle([row]);
    expect(await world.read(row)).toEqual([HELD]);
    await second.settle([]);
    const after = await world.read(row);
    expect(after).not.toEqual([HELD]);
    expect(after).not.toEqual(before);
  });

  it('tells what it held, for how long, and what was touched', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([row, table]);
    await world.time.advance(120);
    await writer.settle([row, late]);
    await settled();
    expect(world.told).toEqual([
      ['held', [row, table]],
      ['touched', [row, late]],
      ['released', [row, table], 120],
    ]);
  });
});

describe('a commit that takes long', () => {
  it('keeps its holds by renewing them each half of their lease', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([row]);
    await world.time.advance(LEASE_MS / 2 - 1);
    expect(world.store.asked).toHaveLength(1);
    await writer.hold([late]);
    await world.time.advance(1);
    expect(world.store.asked.slice(2)).toEqual([`hold ${row} ${late}`]);
    await world.time.advance(10 * LEASE_MS);
    expect(await world.read(row, late)).toEqual([HELD, HELD]);
    expect(world.store.asked).toHaveLength(3 + 20 + 1);
  });

  it('stops renewing when it has ended', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([row]);
    await world.time.advance(LEASE_MS);
    await writer.settle([row]);
    expect(world.time.pendingTimers).toBe(0);
    const asked = world.store.asked.length;
    await world.time.advance(10 * LEASE_MS);
    expect(world.store.asked).toHaveLength(asked);
    expect(await world.read(row)).not.toContain(HELD);
  });

  it('goes on renewing after a renewal that failed', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([row]);
    world.store.failOn('hold');
    await world.time.advance(LEASE_MS / 2);
    await world.time.advance(LEASE_MS / 2 - 1);
    expect(await world.read(row)).toEqual([HELD]);
    await world.time.advance(1);
    expect(await world.read(row)).toEqual([HELD]);
  });

  it('renews as often as the store needs that may lose holds', async () => {
    const world = new World({ renewalMs: 200 });
    const writer = world.begin();
    await writer.hold([row]);
    await world.time.advance(450);
    expect(world.store.asked).toEqual(Array(3).fill(`hold ${row}`));
    await writer.settle([row]);
  });

  it('holds again what was acknowledged only after its renewal was due', async () => {
    const world = new World();
    const writer = world.begin();
    const holding = writer.hold([row]);
    world.time.standStill(LEASE_MS / 2);
    await holding;
    expect(world.store.asked).toEqual(Array(2).fill(`hold ${row}`));
    await writer.settle([row]);
  });

  it('begins even where the store is slower than renewals follow each other', async () => {
    const world = new World({ renewalMs: 200 });
    const holdAtOnce = world.store.hold.bind(world.store);
    world.store.hold = async (...args) => {
      await new Promise<void>(resolve => world.time.timers.after(250, resolve));
      await holdAtOnce(...args);
    };
    const writer = world.begin();
    const holding = writer.hold([row]);
    await world.time.advance(250);
    await holding;
    expect(world.told).toEqual([['held', [row]]]);
    await writer.settle([row]);
  });

  it('holds nothing again for a writer that has ended meanwhile', async () => {
    const world = new World({ renewalMs: 200 });
    const holdAtOnce = world.store.hold.bind(world.store);
    let holds = 0;
    world.store.hold = async (...args) => {
      holds += 1;
      await new Promise<void>(resolve => world.time.timers.after(250, resolve));
      await holdAtOnce(...args);
    };
    const writer = world.begin();
    const holding = writer.hold([row]);
    await writer.settle([row]);
    await world.time.advance(250);
    await holding;
    expect(holds).toBe(1);
  });

  it('leaves the holds of a writer that went away to their lease', async () => {
    const world = new World();
    const before = await world.read(row);
    let isAbandoned = false;
    const writer = world.begin(() => isAbandoned);
    await writer.hold([row]);
    await world.time.advance(LEASE_MS / 2);
    isAbandoned = true;
    await world.time.advance(LEASE_MS - 1);
    expect(await world.read(row)).toEqual([HELD]);
    await world.time.advance(1);
    const after = await world.read(row);
    expect(after).not.toEqual([HELD]);
    // It may have committed.
    expect(after).not.toEqual(before);
    expect(world.time.pendingTimers).toBe(0);
  });
});

/** Whether the end of this announcement keeps its caller waiting for a store that is slow. */
async function waits(
  world: World,
  writer: Announcement,
  ...changed: Identifier[]
): Promise<boolean> {
  world.store.fault = 'late';
  let hasEnded = false;
  void writer.settle(changed).then(() => (hasEnded = true));
  await settled();
  world.store.fault = 'none';
  return !hasEnded;
}

describe('the caller of a write', () => {
  it('does not wait for the release of what is held, which reads as held until then', async () => {
    const world = new World();
    const before = await world.read(row);
    const writer = world.begin();
    await writer.hold([row, table]);
    expect(await waits(world, writer, row)).toBe(false);
    expect(await world.read(row)).toEqual([HELD]);
    await world.store.deliver();
    const after = await world.read(row);
    expect(after).not.toContain(HELD);
    expect(after).not.toEqual(before);
  });

  it('never finds the old token again, even where the release is lost', async () => {
    const world = new World();
    const before = await world.read(row);
    const writer = world.begin();
    await writer.hold([row]);
    expect(await waits(world, writer, row)).toBe(false);
    await world.time.advance(LEASE_MS);
    const after = await world.read(row);
    expect(after).not.toContain(HELD);
    expect(after).not.toEqual(before);
  });

  it('waits for a late row, and not for the release of what covers it', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([table, inserting]);
    world.store.failOn('release', 2, 'late');
    await writer.settle([late, table]);
    expect(await world.read(inserting)).toEqual([HELD]);
    await world.store.deliver();
    expect(await world.read(inserting)).not.toContain(HELD);
  });

  it('waits for a token that nobody held', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([row]);
    expect(await waits(world, writer, row, late)).toBe(true);
    expect(await waits(world, world.begin(), row)).toBe(true);
  });

  it('waits for the list of a table of which only rows were held', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([inserting]);
    expect(await waits(world, writer, late, table)).toBe(true);
  });

  it('waits where the store may have lost the hold, because renewals failed', async () => {
    const renewalMs = 200;
    const world = new World({ renewalMs });
    const writer = world.begin();
    await writer.hold([row]);
    await world.time.advance(RECOVERY_MS - 1);
    expect(await waits(world, world.begin(), table)).toBe(true);
    world.store.fault = 'down';
    await world.time.advance(renewalMs);
    expect(await waits(world, writer, row)).toBe(false);

    const cutOff = world.begin();
    world.store.fault = 'none';
    await cutOff.hold([row]);
    world.store.fault = 'down';
    await world.time.advance(RECOVERY_MS);
    expect(await waits(world, cutOff, row)).toBe(true);
  });

  it('waits where a hold was not acknowledged', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([row]);
    world.store.failOn('hold');
    await expect(writer.hold([table])).rejects.toThrow('down');
    expect(await waits(world, writer, row, table)).toBe(true);
  });

  it('waits where the lease may have ended before the commit', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([row]);
    world.time.standStill(LEASE_MS / 2);
    expect(await waits(world, writer, row)).toBe(true);
  });

  it('does not wait after a long commit whose holds were renewed', async () => {
    const world = new World({ renewalMs: 200 });
    const writer = world.begin();
    await writer.hold([row]);
    await world.time.advance(10 * LEASE_MS);
    expect(await waits(world, writer, row)).toBe(false);
  });

  it('waits after a long commit whose renewals failed', async () => {
    const world = new World();
    const writer = world.begin();
    await writer.hold([row]);
    world.store.fault = 'down';
    await world.time.advance(LEASE_MS / 2);
    expect(await waits(world, writer, row)).toBe(true);
  });

  it("waits with consistency 'commit'", async () => {
    const world = new World({ consistency: 'commit' });
    const writer = world.begin();
    await writer.hold([row]);
    expect(await waits(world, writer, row)).toBe(true);
  });
});

describe('with replicas that lag', () => {
  it('what was changed stays held for their lag, and what was not does not', async () => {
    const world = new World({ replicaLagMs: 200 });
    const before = await world.read(row, table);
    const writer = world.begin();
    await writer.hold([row, table]);
    await writer.settle([row]);
    expect(await world.read(row, table)).toEqual([HELD, before[1]]);
    await world.time.advance(199);
    expect(await world.read(row)).toEqual([HELD]);
    await world.time.advance(1);
    const after = await world.read(row);
    expect(after).not.toEqual([HELD]);
    expect(after[0]).not.toBe(before[0]);
  });

  it('a row that becomes known late is held as long', async () => {
    const world = new World({ replicaLagMs: 200 });
    const before = await world.read(late);
    const writer = world.begin();
    await writer.hold([inserting]);
    await writer.settle([late]);
    expect(await world.read(late)).toEqual([HELD]);
    await world.time.advance(200);
    const after = await world.read(late);
    expect(after).not.toContain(HELD);
    expect(after).not.toEqual(before);
  });
});

describe("with consistency 'commit'", () => {
  it('nothing is ever held, and tokens are replaced after the commit', async () => {
    const world = new World({ consistency: 'commit', replicaLagMs: 200 });
    const before = await world.read(row, table);
    const writer = world.begin();
    await writer.hold([row, table]);
    expect(await world.read(row, table)).toEqual(before);
    await writer.settle([row]);
    const after = await world.read(row, table);
    expect(after).not.toContain(HELD);
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    expect(world.store.asked.filter(asked => asked.startsWith('hold'))).toEqual(
      [],
    );
    expect(world.told).toEqual([['touched', [row]]]);
    expect(world.time.pendingTimers).toBe(0);
  });
});

describe('a store that fails', () => {
  it('makes a hold reject', async () => {
    const world = new World();
    world.store.fault = 'down';
    await expect(world.begin().hold([row])).rejects.toThrow('down');
    expect(world.told).toEqual([]);
  });

  it('is told of the end of a hold that it did not take, since it may have', async () => {
    const world = new World();
    const writer = world.begin();
    world.store.failOn('hold');
    await expect(writer.hold([row])).rejects.toThrow('down');
    await writer.settle([row]);
    expect(world.store.asked.at(-1)).toBe(`release ${row}`);
  });

  it('never makes the end reject, and is told all of it', async () => {
    for (const replicaLagMs of [0, 200]) {
      const world = new World({ replicaLagMs });
      const writer = world.begin();
      await writer.hold([row, table]);
      world.store.fault = 'down';
      await expect(writer.settle([row, late])).resolves.toBeUndefined();
      const asked = world.store.asked.slice(1).join('\n');
      for (const identifier of [row, late, table]) {
        expect(asked).toContain(identifier);
      }
    }
  });

  it('changes a late row by its lag, whatever became of other holders', async () => {
    const world = new World({ replicaLagMs: 200 });
    const other = mintHolder(randomBytes);
    await world.store.hold([late], other, LEASE_MS);
    const writer = world.begin();
    await writer.settle([late]);
    await world.store.release([late], other, 'unchanged');
    expect(await world.read(late)).toEqual([HELD]);
  });
});
