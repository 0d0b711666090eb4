import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  rowIdentifier,
  tableId,
  type Identifier,
} from '../../lib/core/identifiers/identifier.js';
import {
  chosenToken,
  HELD,
  mintHolder,
  type Held,
  type Token,
} from '../../lib/core/tokens/token.js';
import { type TokenStore } from '../../lib/core/tokens/token-store.js';

/** What a store's spec hands to the contract. */
export interface StoreUnderTest {
  readonly store: TokenStore;
  /** The same tokens as another process sees them. */
  readonly other: TokenStore;
  /** Lets at least `ms` of the store's own time pass. */
  elapse(ms: number): Promise<void>;
  close(): Promise<void>;
}

const LEASE_MS = 30_000;
const SHORT_MS = 300;

const holder = () => mintHolder(randomBytes);

/** What every store must do, whatever it keeps its tokens in. */
export function tokenStoreContract(
  name: string,
  open: (options: { readonly tokenTtlMs: number }) => Promise<StoreUnderTest>,
): void {
  describe(`the token store contract: ${name}`, () => {
    let world: StoreUnderTest;
    beforeAll(async () => {
      world = await open({ tokenTtlMs: 60_000 });
    });
    afterAll(() => world.close());

    const read = async (id: Identifier) => (await world.store.read([id]))[0];
    const readByOther = async (id: Identifier) =>
      (await world.other.read([id]))[0];
    const isNew = async (id: Identifier, old: Token | Held | undefined) => {
      const now = await read(id);
      return now !== HELD && now !== old && (await readByOther(id)) === now;
    };

    describe('tokens', () => {
      it('peeks at what a read would answer, or at nothing', async () => {
        const [a, b] = [unique(), unique()];
        const seen = await world.store.read([a, b]);
        expect([undefined, seen]).toContainEqual(world.store.peek([a, b]));
        const writer = holder();
        await world.store.hold([b], writer, LEASE_MS);
        expect([undefined, [seen[0], HELD]]).toContainEqual(
          world.store.peek([a, b]),
        );
        await world.store.release([b], writer, 'changed');
        const after = await world.store.read([b]);
        expect(after).not.toEqual([seen[1]]);
        expect([undefined, after]).toContainEqual(world.store.peek([b]));
      });

      it('mints a missing token once for all readers', async () => {
        const [a, b] = [unique(), unique()];
        const first = await world.store.read([a, b, a]);
        expect(first[0]).toBe(first[2]);
        expect(first[0]).not.toBe(first[1]);
        expect(await world.store.read([a, b, a])).toEqual(first);
        expect(await world.other.read([b, a])).toEqual([first[1], first[0]]);
      });

      it('gives concurrent readers of a missing token the same one', async () => {
        const id = unique();
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            index % 2 ? read(id) : readByOther(id),
          ),
        );
        expect(new Set(answers).size).toBe(1);
      });

      it('answers known and unknown identifiers in their order', async () => {
        const known = [unique(), unique()];
        const tokens = await world.store.read(known);
        const mixed = [unique(), known[1]!, unique(), known[0]!];
        const answers = await world.store.read(mixed);
        expect([answers[1], answers[3]]).toEqual([tokens[1], tokens[0]]);
        expect(await world.other.read(mixed)).toEqual(answers);
      });

      it('does nothing for no identifiers', async () => {
        expect(await world.store.read([])).toEqual([]);
        await world.store.hold([], holder(), LEASE_MS);
        await world.store.release([], holder(), 'changed', SHORT_MS);
        await world.store.replace([]);
      });

      it('replaces a token for every reader', async () => {
        const [id, untouched] = [unique(), unique()];
        const [before, other] = await world.store.read([id, untouched]);
        await world.other.replace([id]);
        expect(await isNew(id, before)).toBe(true);
        expect(await read(untouched)).toBe(other);
      });

      it.each([
        ['words', 'release-2024'],
        ['what looks like a hold', 'h-;17@1:a;'],
        ['what looks like a token', 'ttoken'],
        ['separators and line ends', '3:a;b\r\n@,;:'],
        ['other scripts', 'ключ 鍵 🔑'],
        ['zero bytes', 'a\u0000b'],
        ['a long text', 'x'.repeat(10_000)],
      ])('keeps a token set by hand: %s', async (_what, text) => {
        const id = unique();
        const by = holder();
        await world.store.write(id, chosenToken(text));
        expect(await read(id)).toBe(text);
        expect(await readByOther(id)).toBe(text);
        await world.store.hold([id], by, LEASE_MS);
        await world.store.release([id], by, 'unchanged');
        expect(await readByOther(id)).toBe(text);
      });

      it('does thousands of identifiers in one call', async () => {
        const ids = Array.from({ length: 2_000 }, unique);
        const by = holder();
        const before = await world.store.read(ids);
        expect(new Set(before).size).toBe(2_000);
        await world.store.hold(ids, by, LEASE_MS);
        expect(new Set(await world.other.read(ids))).toEqual(new Set([HELD]));
        await world.store.release(ids, by, 'changed');
        const after = await world.store.read(ids);
        expect(new Set([...before, ...after]).size).toBe(4_000);
        expect(await world.store.read(ids)).toEqual(after);
      }, 30_000);
    });

    describe('holds', () => {
      it('reads as held for every reader, and nothing else does', async () => {
        const [id, untouched] = [unique(), unique()];
        const [, token] = await world.store.read([id, untouched]);
        await world.other.hold([id], holder(), LEASE_MS);
        expect(await world.store.read([id, untouched])).toEqual([HELD, token]);
        expect(await readByOther(id)).toBe(HELD);
      });

      it('mints a new token after a change', async () => {
        const id = unique();
        const by = holder();
        const before = await read(id);
        await world.other.hold([id], by, LEASE_MS);
        await world.other.release([id], by, 'changed');
        expect(await isNew(id, before)).toBe(true);
      });

      it('brings the token back when nothing changed', async () => {
        const id = unique();
        const by = holder();
        const before = await read(id);
        await world.store.hold([id], by, LEASE_MS);
        await world.store.release([id], by, 'unchanged');
        expect(await read(id)).toBe(before);
        expect(await readByOther(id)).toBe(before);
      });

      it('leaves no token where there was none and nothing changed', async () => {
        const id = unique();
        const by = holder();
        await world.store.hold([id], by, LEASE_MS);
        await world.store.release([id], by, 'unchanged');
        expect(await isNew(id, HELD)).toBe(true);
      });

      it('adds up the holds of several holders', async () => {
        const id = unique();
        const [first, second] = [holder(), holder()];
        const before = await read(id);
        await world.store.hold([id], first, LEASE_MS);
        await world.other.hold([id], second, LEASE_MS);
        await world.store.release([id], first, 'unchanged');
        expect(await read(id)).toBe(HELD);
        await world.other.release([id], second, 'unchanged');
        expect(await read(id)).toBe(before);
      });

      it.each([
        ['first', 'changed', 'unchanged'],
        ['second', 'unchanged', 'changed'],
        ['both', 'changed', 'changed'],
      ] as const)(
        'takes the token away when of two holders the %s changed it',
        async (_who, one, two) => {
          const id = unique();
          const [first, second] = [holder(), holder()];
          const before = await read(id);
          await world.store.hold([id], first, LEASE_MS);
          await world.store.hold([id], second, LEASE_MS);
          await world.store.release([id], first, one);
          expect(await read(id)).toBe(HELD);
          await world.store.release([id], second, two);
          expect(await isNew(id, before)).toBe(true);
        },
      );

      it('does not bring back what changed before a third holder came', async () => {
        const id = unique();
        const [first, second, third] = [holder(), holder(), holder()];
        const before = await read(id);
        await world.store.hold([id], first, LEASE_MS);
        await world.store.hold([id], second, LEASE_MS);
        await world.store.release([id], first, 'changed');
        await world.store.hold([id], third, LEASE_MS);
        await world.store.release([id], second, 'unchanged');
        await world.store.release([id], third, 'unchanged');
        expect(await isNew(id, before)).toBe(true);
      });

      it('counts a holder that holds twice once', async () => {
        const id = unique();
        const by = holder();
        const before = await read(id);
        await world.store.hold([id], by, LEASE_MS);
        await world.store.hold([id], by, LEASE_MS);
        await world.store.release([id], by, 'unchanged');
        expect(await read(id)).toBe(before);
      });

      it('changes nothing when a release is repeated for an unchanged token', async () => {
        const id = unique();
        const by = holder();
        const before = await read(id);
        await world.store.hold([id], by, LEASE_MS);
        await world.store.release([id], by, 'unchanged');
        await world.store.release([id], by, 'unchanged');
        await world.store.release([id], holder(), 'unchanged');
        expect(await read(id)).toBe(before);
      });

      it('keeps the holds of others when a stranger releases', async () => {
        const id = unique();
        const by = holder();
        const before = await read(id);
        await world.store.hold([id], by, LEASE_MS);
        await world.store.release([id], holder(), 'unchanged');
        expect(await read(id)).toBe(HELD);
        await world.store.release([id], by, 'unchanged');
        expect(await read(id)).toBe(before);
      });

      it('takes the token away when a change is released that was never held', async () => {
        const id = unique();
        const before = await read(id);
        await world.store.release([id], holder(), 'changed');
        expect(await isNew(id, before)).toBe(true);
      });

      it('keeps holds when a token is replaced, and counts them as changed', async () => {
        const id = unique();
        const by = holder();
        const before = await read(id);
        await world.store.hold([id], by, LEASE_MS);
        await world.other.replace([id]);
        expect(await read(id)).toBe(HELD);
        await world.store.release([id], by, 'unchanged');
        expect(await isNew(id, before)).toBe(true);
      });

      it('gives a token set under a hold its place when nothing changed', async () => {
        const id = unique();
        const by = holder();
        await world.store.hold([id], by, LEASE_MS);
        await world.other.write(id, chosenToken('chosen'));
        expect(await read(id)).toBe(HELD);
        await world.store.release([id], by, 'unchanged');
        expect(await read(id)).toBe('chosen');
      });

      it('forgets a token set under a hold when something changed', async () => {
        const id = unique();
        const by = holder();
        await world.store.hold([id], by, LEASE_MS);
        await world.store.write(id, chosenToken('chosen'));
        await world.store.release([id], by, 'changed');
        expect(await isNew(id, 'chosen' as Token)).toBe(true);
      });
    });

    describe('leases', () => {
      it('ends a hold that nobody releases, with a new token', async () => {
        const id = unique();
        const before = await read(id);
        await world.store.hold([id], holder(), SHORT_MS);
        expect(await read(id)).toBe(HELD);
        await world.elapse(SHORT_MS);
        expect(await isNew(id, before)).toBe(true);
      });

      it('leaves alone what came after the lease when its holder changed nothing', async () => {
        const id = unique();
        const by = holder();
        const before = await read(id);
        await world.store.hold([id], by, SHORT_MS);
        await world.elapse(SHORT_MS);
        await world.store.release([id], by, 'unchanged');
        expect(await isNew(id, before)).toBe(true);
        const after = await read(id);
        await world.store.release([id], by, 'unchanged');
        expect(await read(id)).toBe(after);
      });

      it('takes away what came after the lease when its holder changed something', async () => {
        const id = unique();
        const by = holder();
        await world.store.hold([id], by, SHORT_MS);
        await world.elapse(SHORT_MS);
        const between = await read(id);
        await world.store.release([id], by, 'changed');
        expect(await isNew(id, between)).toBe(true);
      });

      it('vouches for no token once one of two leases has ended', async () => {
        const id = unique();
        const patient = holder();
        const before = await read(id);
        await world.store.hold([id], holder(), SHORT_MS);
        await world.store.hold([id], patient, LEASE_MS);
        await world.elapse(SHORT_MS);
        expect(await read(id)).toBe(HELD);
        await world.store.release([id], patient, 'unchanged');
        expect(await isNew(id, before)).toBe(true);
      });

      it('renews a lease with a second hold', async () => {
        const id = unique();
        const by = holder();
        const before = await read(id);
        await world.store.hold([id], by, SHORT_MS);
        await world.store.hold([id], by, LEASE_MS);
        await world.elapse(SHORT_MS);
        expect(await read(id)).toBe(HELD);
        await world.store.release([id], by, 'unchanged');
        expect(await read(id)).toBe(before);
      });

      it('vouches for no token when a lease is renewed after its end', async () => {
        const id = unique();
        const [late, patient] = [holder(), holder()];
        const before = await read(id);
        await world.store.hold([id], late, SHORT_MS);
        await world.store.hold([id], patient, LEASE_MS);
        await world.elapse(SHORT_MS);
        await world.store.hold([id], late, LEASE_MS);
        await world.store.release([id], late, 'unchanged');
        await world.store.release([id], patient, 'unchanged');
        expect(await isNew(id, before)).toBe(true);
      });
    });

    describe('replica lag', () => {
      it('stays held for the lag after a change, then mints a new token', async () => {
        const id = unique();
        const by = holder();
        const before = await read(id);
        await world.store.hold([id], by, LEASE_MS);
        await world.store.release([id], by, 'changed', SHORT_MS);
        expect(await read(id)).toBe(HELD);
        expect(await readByOther(id)).toBe(HELD);
        await world.elapse(SHORT_MS);
        expect(await isNew(id, before)).toBe(true);
      });

      it('holds for the lag where there was no hold', async () => {
        const id = unique();
        const before = await read(id);
        await world.store.release([id], holder(), 'changed', SHORT_MS);
        expect(await read(id)).toBe(HELD);
        await world.elapse(SHORT_MS);
        expect(await isNew(id, before)).toBe(true);
      });

      it('outlives the release of a later holder', async () => {
        const id = unique();
        const [lagging, later] = [holder(), holder()];
        const before = await read(id);
        await world.store.release([id], lagging, 'changed', SHORT_MS);
        await world.store.hold([id], later, LEASE_MS);
        await world.store.release([id], later, 'unchanged');
        expect(await read(id)).toBe(HELD);
        await world.elapse(SHORT_MS);
        expect(await isNew(id, before)).toBe(true);
      });

      it('has none where nothing changed', async () => {
        const id = unique();
        const by = holder();
        const before = await read(id);
        await world.store.hold([id], by, LEASE_MS);
        await world.store.release([id], by, 'unchanged', LEASE_MS);
        expect(await read(id)).toBe(before);
      });
    });
  });

  describe(`the life of tokens: ${name}`, () => {
    const TTL_MS = 400;
    let world: StoreUnderTest;
    beforeAll(async () => {
      world = await open({ tokenTtlMs: TTL_MS });
    });
    afterAll(() => world.close());

    it('forgets a token that nobody reads', async () => {
      const id = unique();
      const [before] = await world.store.read([id]);
      await world.elapse(TTL_MS);
      expect(await world.store.read([id])).not.toEqual([before]);
    });

    it('keeps a token that is read for longer than it lives unread', async () => {
      const id = unique();
      const before = await world.store.read([id]);
      for (let round = 0; round < 6; round++) {
        await world.elapse(TTL_MS / 4);
        expect(await world.store.read([id])).toEqual(before);
      }
    });

    it('gives a token that comes back its whole life', async () => {
      const id = unique();
      const by = mintHolder(randomBytes);
      const before = await world.store.read([id]);
      await world.store.hold([id], by, LEASE_MS);
      await world.elapse(TTL_MS);
      await world.store.release([id], by, 'unchanged');
      await world.elapse(TTL_MS / 4);
      expect(await world.other.read([id])).toEqual(before);
    });
  });
}

/** An identifier that no other test and no other run knows. */
export function unique(): Identifier {
  return rowIdentifier(tableId('things'), [
    randomBytes(9).toString('hex'),
    '*',
  ]);
}
