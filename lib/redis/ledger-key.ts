import calculateSlot from 'cluster-key-slot';

const SLOTS = 16_384;

/** By slot, a hash tag that belongs to it. */
let tags: readonly string[] | undefined;

/** Where the holds of keys with this prefix are kept account of; no identifier looks like it. */
export function ledgerKey(keyPrefix: string): string {
  return `${keyPrefix}@holds`;
}

/** The same on a cluster, where a script may touch keys of one slot only: one for each slot. */
export function ledgerKeyInSlotOf(key: string, keyPrefix: string): string {
  // A prefix with a hash tag of its own puts all keys in one slot.
  const plain = ledgerKey(keyPrefix);
  const slot = calculateSlot(key);
  if (calculateSlot(plain) === slot) return plain;
  tags ??= tagsOfSlots();
  return `${plain}{${tags[slot]}}`;
}

function tagsOfSlots(): readonly string[] {
  const found: string[] = Array.from({ length: SLOTS });
  for (let left = SLOTS, number = 0; left > 0; number++) {
    const tag = number.toString(36);
    const slot = calculateSlot(tag);
    if (found[slot] !== undefined) continue;
    found[slot] = tag;
    left -= 1;
  }
  return found;
}
