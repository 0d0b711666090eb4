import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type Identifier } from '../../../lib/core/identifiers/identifier.js';
import { MemoryTokenStore } from '../../../lib/core/tokens/memory-token-store.js';
import {
  NearTokenStore,
  type TokenChangeListener,
} from '../../../lib/core/tokens/near-token-store.js';
import { HELD, mintHolder } from '../../../lib/core/tokens/token.js';
import { FaultyTokenStore } from '../../../lib/testing/faulty-token-store.js';
import { ManualTime } from '../../support/manual-time.js';

const USER = 'alkey:users#1' as Identifier;
const INSERTING = 'alkey:users#+' as Identifier;
const ORDER = 'alkey:orders#7' as Identifier;
const MAX_AGE_MS = 1_000;

function openNear({ maxCopies = 100 } = {}) {
  const time = new ManualTime();
  const far = new FaultyTokenStore(
    new MemoryTokenStore({
      clock: time.clock,
      randomBytes,
      tokenTtlMs: 60_000,
      maxTokens: 1_000,
    }),
  );
  const changes = { isListening: true, close: async () => undefined };
  let listener: TokenChangeListener | undefined;
  const near = new NearTokenStore({
    store: far,
    maxAgeMs: MAX_AGE_MS,
    clock: time.clock,
    maxCopies,
    listen(heard) {
      listener = heard;
      return changes;
    },
  });
  const reads = () => far.asked.filter(each => each.startsWith('read'));
  return { time, far, near, changes, reads, listener: listener! };
}

describe('tokens kept near', () => {
  it('are read once', async () => {
    const { near, reads } = openNear();
    const tokens = await near.read([USER, ORDER]);
    expect(await near.read([ORDER, USER])).toEqual(tokens.toReversed());
    expect(reads()).toEqual([`read ${USER} ${ORDER}`]);
  });

  it('are read only where they are missing, and answered in their order', async () => {
    const { far, near, reads } = openNear();
    const [user] = await near.read([USER]);
    const answers = await near.read([ORDER, USER]);
    expect(answers).toEqual([(await far.read([ORDER]))[0], user]);
    expect(reads()[1]).toBe(`read ${ORDER}`);
  });

  it('are known without a read, as long as all of them are', async () => {
    const { near, listener, time } = openNear();
    expect(near.peek([USER])).toBeUndefined();
    const tokens = await near.read([USER, ORDER]);
    expect(near.peek([USER, ORDER])).toEqual(tokens);
    listener.changed(USER);
    expect(near.peek([USER, ORDER])).toBeUndefined();
    expect(near.peek([ORDER])).toEqual(tokens.slice(1));
    await time.advance(MAX_AGE_MS);
    expect(near.peek([ORDER])).toBeUndefined();
  });

  it('are dropped one by one when they change, and all at once', async () => {
    const { near, listener, reads } = openNear();
    await near.read([USER, ORDER]);
    listener.changed(USER);
    await near.read([USER, ORDER]);
    listener.allChanged();
    await near.read([USER, ORDER]);
    expect(reads().slice(1)).toEqual([`read ${USER}`, `read ${USER} ${ORDER}`]);
  });

  it('are not kept where they changed while they were read', async () => {
    const { near, listener, reads } = openNear();
    const reading = near.read([USER, ORDER]);
    listener.changed(USER);
    await reading;
    await near.read([USER, ORDER]);
    const second = near.read([USER]);
    listener.allChanged();
    await second;
    await near.read([USER]);
    expect(reads().slice(1)).toEqual([`read ${USER}`, `read ${USER}`]);
  });

  it('are not kept while nobody would tell of a change', async () => {
    const { near, changes, reads } = openNear();
    changes.isListening = false;
    await near.read([USER]);
    changes.isListening = true;
    const reading = near.read([USER]);
    changes.isListening = false;
    await reading;
    await near.read([USER]);
    expect(reads()).toHaveLength(3);
  });

  it('are used no longer than they may be old', async () => {
    const { near, reads, time } = openNear();
    await near.read([USER]);
    await time.advance(MAX_AGE_MS - 1);
    await near.read([USER]);
    expect(reads()).toHaveLength(1);
    await time.advance(1);
    await near.read([USER]);
    expect(reads()).toHaveLength(2);
  });

  it('are not kept where they are held', async () => {
    const { far, near, reads } = openNear();
    await far.hold([USER], mintHolder(randomBytes), 10_000);
    expect(await near.read([USER])).toEqual([HELD]);
    expect(await near.read([USER])).toEqual([HELD]);
    expect(reads()).toHaveLength(2);
  });

  it('of rows are dropped when rows are inserted whose keys are not known yet', async () => {
    const { far, near, listener, reads } = openNear();
    const [token] = await near.read([USER, INSERTING]);
    const holder = mintHolder(randomBytes);
    await far.hold([INSERTING], holder, 10_000);
    listener.changed(INSERTING);
    expect(await near.read([USER, INSERTING])).toEqual([token, HELD]);
    await far.replace([USER]);
    await far.release([INSERTING], holder, 'unchanged');
    // Nobody has told of the row yet.
    expect(await near.read([USER, INSERTING])).not.toContain(token);
    expect(reads()).toHaveLength(3);
  });

  it('of rows are not kept where rows are inserted while they are read', async () => {
    const { near, listener, reads } = openNear();
    await near.read([INSERTING]);
    const reading = near.read([USER]);
    listener.changed(INSERTING);
    await reading;
    await near.read([USER]);
    expect(reads().slice(1)).toEqual([`read ${USER}`, `read ${USER}`]);
  });

  it('are bounded in number, the oldest going first', async () => {
    const { near, reads } = openNear({ maxCopies: 1 });
    await near.read([USER]);
    await near.read([ORDER]);
    await near.read([ORDER]);
    await near.read([USER]);
    expect(reads()).toHaveLength(3);
  });

  it.each(['hold', 'release', 'replace', 'write'] as const)(
    'are dropped by a %s of this process, from before it until after it',
    async operation => {
      const { near, reads } = openNear();
      const holder = mintHolder(randomBytes);
      const [token] = await near.read([USER]);
      const change = {
        hold: () => near.hold([USER], holder, 1_000),
        release: () => near.release([USER], holder, 'changed'),
        replace: () => near.replace([USER]),
        write: () => near.write(USER, 'chosen' as never),
      }[operation];
      const changing = change();
      // Sent before the change was acknowledged, so it may answer what was before.
      const reading = near.read([USER]);
      await changing;
      await reading;
      expect(await near.read([USER])).not.toEqual([token]);
      expect(reads()).toHaveLength(3);
    },
  );
});
