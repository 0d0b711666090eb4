import { LRUCache } from 'lru-cache';

/** What an answer counts at least, in bytes: its key, and what stores keep beside the text. */
const LEAST_BYTES = 1024;

/**
 * What this process stored for each route, bounded: requests with ever new queries or hosts push out
 * answers of their own route, in Redis as in memory, and none of another.
 */
export class RouteShares {
  private readonly routes = new Map<string, LRUCache<string, number>>();
  /** The share that each slot is in. */
  private readonly homes = new Map<string, LRUCache<string, number>>();

  constructor(private readonly maxBytes: number) {}

  /** Counts an answer of `bytes`; answers the slots that have to go for it. */
  add(route: string, slot: string, bytes: number): readonly string[] {
    const gone: string[] = [];
    this.evicted = gone;
    const share = this.shareOf(route);
    const size = Math.max(bytes, LEAST_BYTES);
    // One that is larger than all the room is the only one.
    share.set(slot, Math.min(size, this.maxBytes));
    this.homes.set(slot, share);
    return gone;
  }

  /** A slot was asked for. */
  touch(slot: string): void {
    this.homes.get(slot)?.get(slot);
  }

  /** A slot was emptied. */
  remove(slot: string): void {
    this.homes.get(slot)?.delete(slot);
    this.homes.delete(slot);
  }

  private evicted: string[] = [];

  private shareOf(route: string): LRUCache<string, number> {
    let share = this.routes.get(route);
    if (!share) {
      share = new LRUCache({
        maxSize: this.maxBytes,
        sizeCalculation: size => size,
        dispose: (_, slot, reason) => {
          if (reason !== 'evict') return;
          this.homes.delete(slot);
          this.evicted.push(slot);
        },
      });
      this.routes.set(route, share);
    }
    return share;
  }
}
