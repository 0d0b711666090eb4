import { UnreadKey, type UnreadPart } from './unread-key.js';

/** Parts of all keys together; beyond that all are forgotten and begin anew, each at little cost. */
const MAX_PARTS = 50_000;
/** Keys that begin with the same part; the oldest of them goes. */
const MAX_ALIKE = 8;
/** Longer than what keys that are asked for often are made of. */
const MAX_TEXT_LENGTH = 64;

/**
 * The keys asked for lately: where their tokens are those of the last time, nothing is composed or
 * digested.
 */
export class RecentKeys {
  readonly #maxParts: number;
  /** By the text of their first part; the one kept last is the first. */
  readonly #keys = new Map<string, UnreadKey[]>();
  #parts = 0;

  constructor(maxParts = MAX_PARTS) {
    this.#maxParts = maxParts;
  }

  /** The key of these parts, the very one of before where it is remembered. */
  keyOf(parts: readonly UnreadPart[]): UnreadKey {
    const first = firstText(parts);
    const known = this.#keys.get(first)?.find(each => each.isOf(parts));
    if (known) return known;
    const key = new UnreadKey(parts);
    if (parts.every(isShort)) this.#keep(first, key, parts.length);
    return key;
  }

  #keep(first: string, key: UnreadKey, parts: number): void {
    if (this.#parts + parts > this.#maxParts) {
      this.#keys.clear();
      this.#parts = 0;
    }
    this.#parts += parts;
    const alike = this.#keys.get(first);
    if (!alike) {
      this.#keys.set(first, [key]);
      return;
    }
    alike.unshift(key);
    // It counts on, which only makes all be forgotten the sooner.
    if (alike.length > MAX_ALIKE) alike.pop();
  }
}

function firstText([first]: readonly UnreadPart[]): string {
  return typeof first === 'object' ? first.identifier : (first ?? '');
}

function isShort(part: UnreadPart): boolean {
  return typeof part !== 'string' || part.length <= MAX_TEXT_LENGTH;
}
