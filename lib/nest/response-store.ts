import { setImmediate } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { type Cache } from 'cache-manager';
import { type Keyv } from 'keyv';
import { type Fingerprint } from '../core/keys/cache-key.js';
import {
  decodeResponse,
  encodeResponse,
  fingerprintOfEncoded,
  type StoredResponse,
} from '../core/responses/stored-response.js';
import { AlkeyEvents } from './alkey-events.js';
import { type ResolvedOptions } from './alkey.options.js';
import { ALKEY_CACHE, ALKEY_OPTIONS } from './injection-tokens.js';
import { RouteShares } from './route-shares.js';
import { within } from './within.js';

/** What a slot holds for a reader. */
export interface Found {
  /** The response that was made under the reader's tokens. */
  readonly response: StoredResponse | undefined;
  /** Whether there was one that had been made under others. */
  readonly outdated: boolean;
  /** The newest of these, where it was asked for. */
  readonly stale?: StoredResponse | undefined;
}

interface Entry {
  readonly text: string;
  /** Milliseconds until its store drops it. */
  readonly leftMs: number;
}

/**
 * Stored responses in the stores of a cache-manager `Cache`, one slot per resource.
 *
 * The stores are asked one by one instead of through the `Cache`: its `get` answers with the first
 * copy there is, and an outdated one in the first store would hide a newer one in the second.
 */
@Injectable()
export class ResponseStore {
  private readonly writing = new Set<Promise<void>>();
  private readonly shares: RouteShares;

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(ALKEY_CACHE) private readonly cache: Cache,
    private readonly events: AlkeyEvents,
  ) {
    this.shares = new RouteShares(options.maxBytesPerRoute);
  }

  /**
   * The response in `slot` that was made under `fingerprint`, if there is one and a store answered
   * within `storeTimeoutMs`, and whether an outdated one was met; `orStale`: that one as well. Never
   * rejects.
   */
  async lookUp(
    slot: string,
    fingerprint: Fingerprint,
    { orStale = false } = {},
  ): Promise<Found> {
    const key = this.keyOf(slot);
    let outdated = false;
    let stale: StoredResponse | undefined;
    for (const [index, store] of this.cache.stores.entries()) {
      const entry = await this.get(store, key);
      const made = entry && fingerprintOfEncoded(entry.text);
      if (!entry || made === undefined) continue;
      if (made !== fingerprint) {
        outdated = true;
        const old = orStale ? decodeResponse(entry.text) : undefined;
        if (old && old.storedAt > (stale?.storedAt ?? -Infinity)) stale = old;
        continue;
      }
      const response = decodeResponse(entry.text);
      if (!response) continue;
      this.shares.touch(slot);
      if (index > 0 && entry.leftMs > 0) {
        // Nearer stores get it for the rest of its life, not for a new one.
        const nearer = this.cache.stores.slice(0, index);
        this.write(nearer, key, entry.text, entry.leftMs);
      }
      return { response, outdated };
    }
    return { response: undefined, outdated, stale };
  }

  /**
   * Stores a response in every store, in the background; answers the size of its text. Where it is
   * the answer of a handler, others of that `route` may have to go: those that nobody asked for longest.
   */
  put(
    slot: string,
    response: StoredResponse,
    ttlMs: number,
    route?: string,
  ): number {
    const text = encodeResponse(response);
    this.write(this.cache.stores, this.keyOf(slot), text, ttlMs);
    if (route !== undefined) {
      const bytes = Buffer.byteLength(text);
      for (const other of this.shares.add(route, slot, bytes)) {
        this.remove(other);
      }
    }
    return text.length;
  }

  /** Drops what a slot holds from every store, in the background. */
  remove(slot: string): void {
    this.shares.remove(slot);
    const key = this.keyOf(slot);
    for (const store of this.cache.stores) {
      this.inBackground(async () => {
        await store.delete(key);
      });
    }
  }

  /**
   * Waits for what is being stored, so that nothing is written after the connection is closed;
   * for `storeTimeoutMs` at most.
   */
  async settled(): Promise<void> {
    await Promise.all(this.writing);
  }

  /**
   * Resolves when whoever looks finds what was stored until now, and whoever looked before it was
   * there has heard so.
   */
  async arrived(): Promise<void> {
    await this.settled();
    // A look-up that was answered in the same turn goes on in it.
    await setImmediate();
  }

  private keyOf(slot: string): string {
    return `${this.options.namespace}${slot.slice('alkey'.length)}`;
  }

  private async get(store: Keyv, key: string): Promise<Entry | undefined> {
    try {
      const raw = await within(this.options.storeTimeoutMs, async () =>
        store.getRaw<unknown>(key),
      );
      if (typeof raw?.value !== 'string') return undefined;
      const leftMs =
        typeof raw.expires === 'number'
          ? raw.expires - Date.now()
          : this.options.ttlMs;
      return { text: raw.value, leftMs };
    } catch (error) {
      this.failed('get-response', error);
      return undefined;
    }
  }

  private write(
    stores: readonly Keyv[],
    key: string,
    text: string,
    ttlMs: number,
  ): void {
    for (const store of stores) {
      this.inBackground(async () => {
        await store.set(key, text, ttlMs);
      });
    }
  }

  private inBackground(task: () => Promise<void>): void {
    // Given up after a while: what a store that hangs was handed would pile up.
    const done = within(this.options.storeTimeoutMs, task)
      .catch((error: unknown) => this.failed('set-response', error))
      .finally(() => this.writing.delete(done));
    this.writing.add(done);
  }

  private failed(
    operation: 'get-response' | 'set-response',
    error: unknown,
  ): void {
    this.events.emit('store-error', { operation, identifiers: 0, error });
  }
}
