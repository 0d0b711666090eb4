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
import { within } from './within.js';

/** What a slot holds for a reader. */
export interface Found {
  /** The response that was made under the reader's tokens. */
  readonly response: StoredResponse | undefined;
  /** Whether there was one that had been made under others. */
  readonly outdated: boolean;
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

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(ALKEY_CACHE) private readonly cache: Cache,
    private readonly events: AlkeyEvents,
  ) {}

  /**
   * The response in `slot` that was made under `fingerprint`, if there is one and a store answered
   * within `storeTimeoutMs`, and whether an outdated one was met. Never rejects.
   */
  async lookUp(slot: string, fingerprint: Fingerprint): Promise<Found> {
    const key = this.keyOf(slot);
    let outdated = false;
    for (const [index, store] of this.cache.stores.entries()) {
      const entry = await this.get(store, key);
      const made = entry && fingerprintOfEncoded(entry.text);
      if (!entry || made === undefined) continue;
      if (made !== fingerprint) {
        outdated = true;
        continue;
      }
      const response = decodeResponse(entry.text);
      if (!response) continue;
      if (index > 0 && entry.leftMs > 0) {
        // Nearer stores get it for the rest of its life, not for a new one.
        const nearer = this.cache.stores.slice(0, index);
        this.write(nearer, key, entry.text, entry.leftMs);
      }
      return { response, outdated };
    }
    return { response: undefined, outdated };
  }

  /** Stores a response in every store, in the background; answers the size of its text. */
  put(slot: string, response: StoredResponse, ttlMs: number): number {
    const text = encodeResponse(response);
    this.write(this.cache.stores, this.keyOf(slot), text, ttlMs);
    return text.length;
  }

  /**
   * Waits for what is being stored, so that nothing is written after the connection is closed;
   * for `storeTimeoutMs` at most.
   */
  async settled(): Promise<void> {
    await Promise.all(this.writing);
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
      // Given up after a while: what a store that hangs was handed would pile up.
      const written = within(this.options.storeTimeoutMs, async () => {
        await store.set(key, text, ttlMs);
      })
        .catch((error: unknown) => this.failed('set-response', error))
        .finally(() => this.writing.delete(written));
      this.writing.add(written);
    }
  }

  private failed(
    operation: 'get-response' | 'set-response',
    error: unknown,
  ): void {
    this.events.emit('store-error', { operation, identifiers: 0, error });
  }
}
