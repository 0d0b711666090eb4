import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { HELD, mintHolder } from '../../../lib/core/tokens/token.js';
import { MemoryTokenStore } from '../../../lib/core/tokens/memory-token-store.js';
import {
  tokenStoreContract,
  unique,
} from '../../contract/token-store.contract.js';

function openStore({ tokenTtlMs = 60_000, maxTokens = 10_000 } = {}) {
  let nowMs = 1_000;
  const store = new MemoryTokenStore({
    clock: () => nowMs,
    randomBytes,
    tokenTtlMs,
    maxTokens,
  });
  return {
    store,
    elapse(ms: number) {
      nowMs += ms;
    },
  };
}

tokenStoreContract('MemoryTokenStore', async options => {
  const { store, elapse } = openStore(options);
  return {
    store,
    other: store,
    elapse: async ms => elapse(ms),
    close: () => store.close(),
  };
});

describe('MemoryTokenStore', () => {
  it('evicts the token that was read longest ago', async () => {
    const { store } = openStore({ maxTokens: 2 });
    const [a, b, c] = [unique(), unique(), unique()];
    const [tokenA, tokenB] = await store.read([a, b]);
    await store.read([a]);
    await store.read([c]);
    expect(await store.read([a])).toEqual([tokenA]);
    expect(await store.read([b])).not.toEqual([tokenB]);
  });

  it('never evicts a hold', async () => {
    const { store } = openStore({ maxTokens: 1 });
    const ids = [unique(), unique(), unique()];
    await store.hold(ids, mintHolder(randomBytes), 1_000);
    await store.read([unique(), unique(), unique()]);
    expect(await store.read(ids)).toEqual([HELD, HELD, HELD]);
  });

  it('ends a lease at its deadline, not after it', async () => {
    const { store, elapse } = openStore();
    const id = unique();
    await store.hold([id], mintHolder(randomBytes), 1_000);
    elapse(999);
    expect(await store.read([id])).toEqual([HELD]);
    elapse(1);
    expect(await store.read([id])).not.toEqual([HELD]);
  });

  it('ends the life of a token at its deadline, not after it', async () => {
    const { store, elapse } = openStore({ tokenTtlMs: 1_000 });
    const id = unique();
    const before = await store.read([id]);
    elapse(999);
    expect(await store.read([id])).toEqual(before);
    elapse(1_000);
    expect(await store.read([id])).not.toEqual(before);
  });
});
