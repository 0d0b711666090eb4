import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type Identifier } from '../../../lib/core/identifiers/identifier.js';
import {
  GuardedTokenStore,
  type TokenStoreEvent,
} from '../../../lib/core/tokens/guarded-token-store.js';
import { MemoryTokenStore } from '../../../lib/core/tokens/memory-token-store.js';
import {
  chosenToken,
  HELD,
  mintHolder,
} from '../../../lib/core/tokens/token.js';
import { TokenStoreError } from '../../../lib/core/tokens/token-store-error.js';
import { tokenStoreContract } from '../../contract/token-store.contract.js';
import { FaultyTokenStore } from '../../../lib/testing/faulty-token-store.js';
import { ManualTime } from '../../support/manual-time.js';

const TIMEOUT_MS = 50;
const LEASE_MS = 30_000;
/** Long enough for the pause after failures and for one more try. */
const SOON_MS = 150;

const USER = 'alkey:users#1' as Identifier;
const ORDER = 'alkey:orders#7' as Identifier;

function openStores({ maxDebts = 100, tokenTtlMs = 3_600_000 } = {}) {
  const time = new ManualTime();
  const memory = new MemoryTokenStore({
    clock: time.clock,
    randomBytes,
    tokenTtlMs,
    maxTokens: 10_000,
  });
  const faulty = new FaultyTokenStore(memory);
  const events: TokenStoreEvent[] = [];
  const guard = new GuardedTokenStore({
    store: faulty,
    storeTimeoutMs: TIMEOUT_MS,
    clock: time.clock,
    timers: time.timers,
    onEvent: event => events.push(event),
    maxDebts,
  });
  /** The error of an operation that time has to pass for. */
  const failureOf = async (operation: Promise<unknown>) => {
    const failure = operation.then(
      () => undefined,
      (error: unknown) => error,
    );
    await time.advance(TIMEOUT_MS);
    return failure;
  };
  return { time, memory, faulty, guard, events, failureOf };
}

const holder = () => mintHolder(randomBytes);

tokenStoreContract(
  'GuardedTokenStore over a store that works',
  async options => {
    const { guard, time } = openStores(options);
    return {
      store: guard,
      other: guard,
      elapse: ms => time.advance(ms),
      close: () => guard.close(),
    };
  },
);

describe('an operation on a guarded store', () => {
  it.each([
    ['down', 'failed'],
    ['mute', 'timeout'],
    ['late', 'timeout'],
  ] as const)(
    'rejects with TokenStoreError when the store is %s',
    async (fault, why) => {
      const { faulty, guard, failureOf } = openStores();
      faulty.fault = fault;
      const error = await failureOf(guard.read([USER]));
      expect(error).toBeInstanceOf(TokenStoreError);
      expect(error).toMatchObject({
        code: 'ALKEY_STORE_UNAVAILABLE',
        operation: 'read',
        identifiers: 1,
        why,
      });
    },
  );

  it('waits no longer than it may', async () => {
    const { faulty, guard, time } = openStores();
    faulty.fault = 'mute';
    let isOver = false;
    const read = guard.read([USER]).catch(() => (isOver = true));
    await time.advance(TIMEOUT_MS - 1);
    expect(isOver).toBe(false);
    await time.advance(1);
    expect(isOver).toBe(true);
    await read;
  });

  it('may take as long again for each further thousand of identifiers', async () => {
    const { faulty, guard, time } = openStores();
    const many = Array.from(
      { length: 2_001 },
      (_, row) => `alkey:users#${row}` as Identifier,
    );
    faulty.fault = 'mute';
    const failure = guard.replace(many).catch((error: unknown) => error);
    await time.advance(3 * TIMEOUT_MS);
    expect(await failure).toHaveProperty(
      'message',
      'Could not replace 2001 tokens (alkey:users#0, alkey:users#1, alkey:users#2 and 1998 more) within 150 ms. Responses that depend on them may be served stale until they expire.',
    );
  });

  it('keeps the cause of a failure', async () => {
    const { faulty, guard, failureOf } = openStores();
    faulty.fault = 'down';
    expect(await failureOf(guard.write(USER, chosenToken('secret')))).toEqual(
      expect.objectContaining({
        message: expect.not.stringContaining('secret'),
        cause: new Error('The store is down.'),
      }),
    );
  });

  it('leaves no timer behind once its time is over', async () => {
    const { guard, time } = openStores();
    await guard.read([USER]);
    await time.advance(TIMEOUT_MS);
    expect(time.pendingTimers).toBe(0);
  });
});

describe('a store that keeps failing', () => {
  it('is not asked for a while, then once at a time', async () => {
    const { faulty, guard, time, failureOf } = openStores();
    faulty.fault = 'down';
    for (let failure = 0; failure < 3; failure++) {
      await guard.read([USER]).catch(() => undefined);
    }
    const asked = faulty.asked.length;
    expect(await failureOf(guard.read([USER]))).toMatchObject({
      why: 'refused',
    });
    expect(faulty.asked).toHaveLength(asked);

    await time.advance(SOON_MS);
    faulty.fault = 'mute';
    const probes = [guard.read([USER]), guard.read([USER]), guard.read([USER])];
    const failures = probes.map(probe => failureOf(probe));
    expect(faulty.asked).toHaveLength(asked + 1);
    expect(await Promise.all(failures)).toMatchObject([
      { why: 'timeout' },
      { why: 'refused' },
      { why: 'refused' },
    ]);
  });

  it('is used again within a second of its return', async () => {
    const { faulty, guard, time } = openStores();
    faulty.fault = 'down';
    for (let failure = 0; failure < 20; failure++) {
      await guard.read([USER]).catch(() => undefined);
      await time.advance(TIMEOUT_MS);
    }
    faulty.fault = 'none';
    await time.advance(SOON_MS);
    expect(await guard.read([USER])).toEqual([expect.any(String)]);
  });

  it('is told of once per failure, and once when it is back', async () => {
    const { faulty, guard, time, events } = openStores();
    faulty.fault = 'down';
    for (let failure = 0; failure < 5; failure++) {
      await guard.read([USER, ORDER]).catch(() => undefined);
    }
    expect(events).toHaveLength(3);
    expect(events[2]).toEqual({
      type: 'store-error',
      operation: 'read',
      identifiers: 2,
      error: expect.any(TokenStoreError),
    });
    faulty.fault = 'none';
    await time.advance(SOON_MS);
    await guard.read([USER]);
    await guard.read([USER]);
    expect(events.slice(3)).toEqual([
      { type: 'store-recovered', operation: 'read', identifiers: 1 },
    ]);
  });
});

describe('a hold that failed', () => {
  it.each(['down', 'mute', 'late'] as const)(
    'is in the store as soon as that works again, before anything is trusted (%s)',
    async fault => {
      const { faulty, guard, memory, time, failureOf } = openStores();
      await guard.read([USER, ORDER]);
      faulty.fault = fault;
      await failureOf(guard.hold([USER], holder(), LEASE_MS));
      faulty.fault = 'none';
      expect(await guard.read([ORDER])).toEqual([HELD]);
      await time.advance(SOON_MS);
      expect(await memory.read([USER])).toEqual([HELD]);
      expect(await guard.read([USER, ORDER])).toEqual([
        HELD,
        expect.any(String),
      ]);
    },
  );

  it('keeps from being trusted what was read while it failed', async () => {
    const { faulty, guard, failureOf } = openStores();
    const read = guard.read([ORDER]);
    faulty.fault = 'down';
    const hold = failureOf(guard.hold([USER], holder(), LEASE_MS));
    await hold;
    expect(await read).toEqual([HELD]);
  });

  it('ends with its writer, whose tokens are new then', async () => {
    const { faulty, guard, time, failureOf } = openStores();
    const by = holder();
    const before = await guard.read([USER]);
    faulty.fault = 'down';
    await failureOf(guard.hold([USER], by, LEASE_MS));
    faulty.fault = 'none';
    await guard.release([USER], by, 'changed');
    const after = await guard.read([USER]);
    expect(after).toEqual([expect.any(String)]);
    expect(after).not.toEqual(before);
    await time.advance(SOON_MS);
    expect(await guard.read([USER])).toEqual(after);
  });

  it('leaves the token alone when its writer changed nothing', async () => {
    const { faulty, guard, failureOf } = openStores();
    const by = holder();
    const before = await guard.read([USER]);
    faulty.fault = 'late';
    await failureOf(guard.hold([USER], by, LEASE_MS));
    faulty.fault = 'none';
    await faulty.deliver();
    await guard.release([USER], by, 'unchanged');
    expect(await guard.read([USER])).toEqual(before);
  });

  it('keeps everything held while its release is under way', async () => {
    const { faulty, guard, failureOf } = openStores();
    const by = holder();
    await guard.read([ORDER]);
    faulty.fault = 'down';
    await failureOf(guard.hold([USER], by, LEASE_MS));
    faulty.fault = 'late';
    const release = failureOf(guard.release([USER], by, 'changed'));
    faulty.fault = 'none';
    expect(await guard.read([USER, ORDER])).toEqual([HELD, HELD]);
    await release;
  });

  it('lasts for its lease and no longer when it arrives after its release', async () => {
    const { faulty, guard, time, failureOf } = openStores();
    const by = holder();
    faulty.fault = 'late';
    await failureOf(guard.hold([USER], by, LEASE_MS));
    faulty.fault = 'none';
    await guard.release([USER], by, 'changed');
    const between = await guard.read([USER]);
    await faulty.deliver();
    expect(await guard.read([USER])).toEqual([HELD]);
    await time.advance(LEASE_MS);
    const after = await guard.read([USER]);
    expect(after).toEqual([expect.any(String)]);
    expect(after).not.toEqual(between);
  });

  it('counts as changed when its writer has not ended within the lease', async () => {
    const { faulty, guard, time, failureOf } = openStores();
    const before = await guard.read([USER]);
    faulty.fault = 'down';
    await failureOf(guard.hold([USER], holder(), LEASE_MS));
    await time.advance(LEASE_MS);
    faulty.fault = 'none';
    await time.advance(SOON_MS);
    const after = await guard.read([USER]);
    expect(after).toEqual([expect.any(String)]);
    expect(after).not.toEqual(before);
  });

  it('is forgotten when the same holder holds the same again', async () => {
    const { faulty, guard, time, failureOf } = openStores();
    const by = holder();
    faulty.fault = 'down';
    await failureOf(guard.hold([USER], by, LEASE_MS));
    faulty.fault = 'none';
    await guard.hold([USER], by, LEASE_MS);
    expect(await guard.read([ORDER])).toEqual([expect.any(String)]);
    const asked = faulty.asked.length;
    await time.advance(SOON_MS);
    expect(faulty.asked).toHaveLength(asked);
  });
});

describe('a store that failed several times', () => {
  it('is asked for no tokens for a while, and told of writers all the same', async () => {
    const { faulty, guard, failureOf } = openStores();
    faulty.fault = 'down';
    for (let call = 0; call < 3; call++) await failureOf(guard.read([USER]));
    const asked = faulty.asked.length;
    await expect(guard.read([USER])).rejects.toMatchObject({ why: 'refused' });
    expect(faulty.asked).toHaveLength(asked);
    faulty.fault = 'none';
    await guard.hold([USER], holder(), 1_000);
    expect(faulty.asked.at(-1)).toBe(`hold ${USER}`);
  });

  it('is asked on where it answered each time, if with an error', async () => {
    const { faulty, guard } = openStores();
    faulty.read = async identifiers => {
      throw new TokenStoreError('read', identifiers, {
        why: 'rejected',
        cause: new Error('OOM'),
      });
    };
    for (let call = 0; call < 10; call++) {
      await expect(guard.read([USER])).rejects.toMatchObject({
        why: 'rejected',
      });
    }
  });
});

describe('a release that failed', () => {
  it.each(['down', 'mute', 'late'] as const)(
    'is made up for without being asked, and trusted only then (%s)',
    async fault => {
      const { faulty, guard, memory, time, failureOf } = openStores();
      const by = holder();
      const before = await guard.read([USER, ORDER]);
      await guard.hold([USER], by, LEASE_MS);
      faulty.fault = fault;
      await failureOf(guard.release([USER], by, 'changed'));
      expect(await guard.read([USER, ORDER])).toEqual([HELD, HELD]);
      faulty.fault = 'none';
      await time.advance(2 * SOON_MS);
      const after = await guard.read([USER, ORDER]);
      expect(after[0]).not.toBe(before[0]);
      expect(after).toEqual([expect.any(String), before[1]]);
      expect(await memory.read([USER, ORDER])).toEqual(after);
    },
  );

  it('replaces the token of a commit that the store knows nothing of', async () => {
    const { faulty, guard, memory, time, failureOf } = openStores();
    const by = holder();
    const [before] = await guard.read([USER]);
    faulty.fault = 'down';
    await failureOf(guard.hold([USER], by, LEASE_MS));
    await failureOf(guard.release([USER], by, 'changed'));
    faulty.fault = 'none';
    await time.advance(SOON_MS);
    expect(await memory.read([USER])).not.toEqual([before]);
    expect(await guard.read([USER])).toEqual([expect.any(String)]);
  });

  it('brings the token back when nothing changed', async () => {
    const { faulty, guard, time, failureOf } = openStores();
    const by = holder();
    const before = await guard.read([USER]);
    await guard.hold([USER], by, LEASE_MS);
    faulty.fault = 'down';
    await failureOf(guard.release([USER], by, 'unchanged'));
    faulty.fault = 'none';
    await time.advance(SOON_MS);
    expect(await guard.read([USER])).toEqual(before);
  });

  it('keeps its lag', async () => {
    const { faulty, guard, memory, time, failureOf } = openStores();
    faulty.fault = 'down';
    await failureOf(guard.release([USER], holder(), 'changed', 5_000));
    faulty.fault = 'none';
    await time.advance(SOON_MS);
    expect(await memory.read([USER])).toEqual([HELD]);
    await time.advance(5_000);
    expect(await memory.read([USER])).toEqual([expect.any(String)]);
  });

  it('is tried until it succeeds', async () => {
    const { faulty, guard, memory, time, failureOf } = openStores();
    const [before] = await guard.read([USER]);
    faulty.fault = 'mute';
    await failureOf(guard.replace([USER]));
    await time.advance(60_000);
    faulty.fault = 'none';
    await time.advance(SOON_MS);
    expect(await memory.read([USER])).not.toEqual([before]);
    expect(await guard.read([USER])).toEqual([expect.any(String)]);
  });

  it('tells that the store is back once nothing is owed', async () => {
    const { faulty, guard, time, events, failureOf } = openStores();
    faulty.fault = 'down';
    await failureOf(guard.replace([USER]));
    await failureOf(guard.release([ORDER], holder(), 'changed'));
    faulty.fault = 'none';
    await time.advance(SOON_MS);
    expect(events.map(event => event.type)).toEqual([
      ...Array(events.length - 1).fill('store-error'),
      'store-recovered',
    ]);
    expect(events.at(-1)?.operation).toBe('release');
  });
});

describe('a store to which much is owed', () => {
  it('is told whole tables instead of more rows than it may owe', async () => {
    const { faulty, guard, time, failureOf } = openStores({ maxDebts: 3 });
    faulty.fault = 'down';
    const rows = [1, 2, 3, 4].map(row => `alkey:users#${row}` as Identifier);
    await failureOf(guard.replace(rows));
    await failureOf(guard.replace(['alkey:lab2.orders#*' as Identifier]));
    faulty.fault = 'none';
    faulty.asked.length = 0;
    await time.advance(SOON_MS);
    expect(faulty.asked).toEqual([
      'replace alkey:users#** alkey:users#* alkey:*#* alkey:lab2.orders#** alkey:lab2.orders#*',
    ]);
  });

  it('gives whole tables the longest lag of what they stand for', async () => {
    const { faulty, guard, memory, time, failureOf } = openStores({
      maxDebts: 0,
    });
    faulty.fault = 'down';
    await failureOf(guard.release([USER], holder(), 'unchanged', 9_000));
    await failureOf(guard.release([USER], holder(), 'changed', 5_000));
    faulty.fault = 'none';
    await time.advance(SOON_MS);
    const table = ['alkey:users#**' as Identifier];
    expect(await memory.read(table)).toEqual([HELD]);
    await time.advance(9_000);
    expect(await memory.read(table)).toEqual([expect.any(String)]);
  });
});

describe('what a guarded store knows by itself', () => {
  it('is what its store knows, unless anything is owed', async () => {
    const { faulty, guard, failureOf } = openStores();
    const tokens = await guard.read([USER]);
    faulty.peek = () => tokens;
    expect(guard.peek([USER])).toEqual(tokens);
    faulty.fault = 'down';
    await failureOf(guard.replace([ORDER]));
    expect(guard.peek([USER])).toBeUndefined();
  });
});

describe('a guarded store that closes', () => {
  it('tries once more to pay what it owes, then closes its store', async () => {
    const { faulty, guard, time, failureOf } = openStores();
    faulty.fault = 'down';
    await failureOf(guard.replace([USER]));
    faulty.fault = 'none';
    faulty.asked.length = 0;
    await guard.close();
    expect(faulty.asked).toEqual([`replace ${USER}`, 'close']);
    expect(time.pendingTimers).toBe(0);
  });

  it('closes its store though that answers no more', async () => {
    const { faulty, guard, time, failureOf } = openStores();
    faulty.fault = 'mute';
    await failureOf(guard.replace([USER]));
    const closed = guard.close();
    await time.advance(TIMEOUT_MS);
    await closed;
    expect(faulty.asked.at(-1)).toBe('close');
    expect(time.pendingTimers).toBe(0);
  });

  it('owes nothing for a token that could not be set', async () => {
    const { faulty, guard, failureOf } = openStores();
    faulty.fault = 'down';
    await failureOf(guard.write(USER, chosenToken('chosen')));
    faulty.fault = 'none';
    expect(await guard.read([USER])).toEqual([expect.any(String)]);
  });
});
