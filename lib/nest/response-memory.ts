import { LRUCache } from 'lru-cache';
import {
  byteLengthOf,
  decodeResponse,
  encodeResponse,
  type StoredResponse,
  withBytes,
} from '../core/responses/stored-response.js';

/** What Keyv hands to a store that serializes nothing. */
export interface KeyvEntry {
  readonly value?: unknown;
  /** Milliseconds since 1970. */
  readonly expires?: number | null | undefined;
}

interface Kept {
  readonly response: StoredResponse;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** What an entry takes besides its texts: the objects themselves. */
const ENTRY_BYTES = 1024;

/**
 * Responses in the process, ready to be sent, bounded by the bytes they take: those asked for longest
 * ago go first. It is a store for Keyv as well, which sees them as texts.
 */
export class ResponseMemory {
  private readonly entries: LRUCache<string, Kept>;

  constructor(maxBytes: number) {
    this.entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ response }, key) =>
        ENTRY_BYTES + 2 * key.length + sizeOf(response),
    });
  }

  find(key: string): StoredResponse | undefined {
    return this.live(key)?.response;
  }

  keep(key: string, response: StoredResponse, ttlMs: number): void {
    const expires = Date.now() + ttlMs;
    this.entries.set(key, { response: withBytes(response), expires });
  }

  get(key: string): KeyvEntry | undefined {
    const kept = this.live(key);
    return (
      kept && { value: encodeResponse(kept.response), expires: kept.expires }
    );
  }

  set(key: string, { value, expires }: KeyvEntry): void {
    const response =
      typeof value === 'string' ? decodeResponse(value) : undefined;
    if (!response) return;
    this.entries.set(key, {
      response: withBytes(response),
      expires: expires ?? Infinity,
    });
  }

  delete(key: string): boolean {
    return this.entries.delete(key);
  }

  clear(): void {
    this.entries.clear();
  }

  private live(key: string): Kept | undefined {
    const kept = this.entries.get(key);
    if (kept && kept.expires > Date.now()) return kept;
    if (kept) this.entries.delete(key);
    return undefined;
  }
}

function sizeOf({ body, headers }: StoredResponse): number {
  // Texts are UTF-16.
  let size = body.kind === 'bytes' ? body.utf8.length : 2 * byteLengthOf(body);
  for (const [name, value] of headers) {
    size += 2 * (name.length + String(value).length);
  }
  return size;
}
