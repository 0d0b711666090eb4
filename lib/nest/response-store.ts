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
import { responseMemoryOf } from './response-cache.js';
import { type ResponseMemory } from './response-memory.js';
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

/** What was found in the process, and how to tell whether a store's text is what is looked for. */
interface Search {
  readonly outdated: boolean;
  readonly stale: StoredResponse | undefined;
  readonly orStale: boolean;
  readonly early: EarlyAnswer | undefined;
  readonly select: (
    text: string,
  ) => StoredResponse | undefined | Promise<StoredResponse | undefined>;
}

/** What the nearest store that has to be asked will have answered. */
export type EarlyAnswer = Promise<Entry | undefined>;

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
  /** Where answers are found at once; `undefined` with a cache of the application's own. */
  private readonly memory: ResponseMemory | undefined;
  /** The stores that have to be asked, the nearest first. */
  private readonly asked: readonly Keyv[];

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(ALKEY_CACHE) cache: Cache,
    private readonly events: AlkeyEvents,
  ) {
    this.shares = new RouteShares(options.maxBytesPerRoute);
    const [nearest, ...others] = cache.stores;
    this.memory = responseMemoryOf(nearest);
    this.asked = this.memory ? others : cache.stores;
  }

  /** The response in `slot` that was made under `fingerprint`, where the process itself has it. */
  find(slot: string, fingerprint: Fingerprint): StoredResponse | undefined {
    const response = this.memory?.find(this.keyOf(slot));
    if (response?.fingerprint !== fingerprint) return undefined;
    this.shares.touch(slot);
    return response;
  }

  /**
   * Asks the nearest store ahead, for a look-up that is certain to need it: the process itself has
   * nothing in this slot, whatever the tokens.
   */
  ask(slot: string): EarlyAnswer | undefined {
    const key = this.keyOf(slot);
    const [nearest] = this.asked;
    return nearest && !this.memory?.find(key)
      ? this.get(nearest, key)
      : undefined;
  }

  /** What the process itself has in `slot`, under whatever tokens it was made. */
  findAny(slot: string): StoredResponse | undefined {
    return this.memory?.find(this.keyOf(slot));
  }

  /**
   * The response in `slot` that was made under `fingerprint`, if there is one and a store answered
   * within `storeTimeoutMs`, and whether an outdated one was met; `orStale`: that one as well.
   * `early` is what `ask` began. Never rejects.
   */
  async lookUp(
    slot: string,
    fingerprint: Fingerprint,
    {
      orStale = false,
      early,
    }: {
      readonly orStale?: boolean;
      readonly early?: EarlyAnswer | undefined;
    } = {},
  ): Promise<Found> {
    const near = this.find(slot, fingerprint);
    if (near) return { response: near, outdated: false };
    const old = this.findAny(slot);
    return this.lookUpFurther(slot, {
      outdated: old !== undefined,
      stale: orStale ? old : undefined,
      orStale,
      early,
      select: text =>
        fingerprintOfEncoded(text) === fingerprint
          ? decodeResponse(text)
          : undefined,
    });
  }

  /**
   * The same for a response that says itself what it depends on: the first that `isCurrent` says is, in
   * this process or in a store. Rejects as that does.
   */
  async lookUpListed(
    slot: string,
    isCurrent: (response: StoredResponse) => Promise<boolean>,
    orStale: boolean,
  ): Promise<Found> {
    const old = this.findAny(slot);
    if (old && (await isCurrent(old))) {
      this.shares.touch(slot);
      return { response: old, outdated: false };
    }
    return this.lookUpFurther(slot, {
      outdated: old !== undefined,
      stale: orStale ? old : undefined,
      orStale,
      early: undefined,
      select: async text => {
        const response = decodeResponse(text);
        return response && (await isCurrent(response)) ? response : undefined;
      },
    });
  }

  /** Asks the stores beyond the process, the nearest first. */
  private async lookUpFurther(
    slot: string,
    { outdated, stale, orStale, early, select }: Search,
  ): Promise<Found> {
    const key = this.keyOf(slot);
    for (const [index, store] of this.asked.entries()) {
      const entry = await (index === 0 && early ? early : this.get(store, key));
      if (!entry || fingerprintOfEncoded(entry.text) === undefined) continue;
      const response = await select(entry.text);
      if (!response) {
        outdated = true;
        const old = orStale ? decodeResponse(entry.text) : undefined;
        if (old && old.storedAt > (stale?.storedAt ?? -Infinity)) stale = old;
        continue;
      }
      this.shares.touch(slot);
      if (entry.leftMs > 0) {
        // Nearer stores get it for the rest of its life, not for a new one.
        this.memory?.keep(key, response, entry.leftMs);
        const nearer = this.asked.slice(0, index);
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
    const key = this.keyOf(slot);
    this.memory?.keep(key, response, ttlMs);
    this.write(this.asked, key, text, ttlMs);
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
    this.memory?.delete(key);
    for (const store of this.asked) {
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
