import KeyvRedis from '@keyv/redis';
import { type Cache, createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { LRUCache } from 'lru-cache';
import { type OpenedRedis } from '../redis/open-redis.js';

/** Bytes of responses kept in the process; the ones asked for longest ago go first. */
const MEMORY_BYTES = 64 * 1024 * 1024;

/** What Keyv hands to a store that serializes nothing. */
interface Entry {
  readonly value?: unknown;
  readonly expires?: number | null | undefined;
}

/** The cache that holds responses unless the application brings its own: memory, then Redis. */
export function createResponseCache(
  redis: OpenedRedis | undefined,
  onError: (error: unknown) => void,
): Cache {
  const stores = [memoryStore()];
  if (redis) stores.push(redisStore(redis));
  for (const store of stores) store.on('error', onError);
  return createCache({ stores });
}

/** Bounded by the size of what it holds, which a count of entries would not be. */
function memoryStore(): Keyv {
  const entries = new LRUCache<string, Entry>({
    maxSize: MEMORY_BYTES,
    // UTF-16; the key and the entry itself are small beside it.
    sizeCalculation: ({ value }, key) =>
      2 * (String(value).length + key.length) + 1,
  });
  return withoutSerializer(
    new Keyv({
      store: {
        get: (key: string) => entries.get(key),
        set: (key: string, entry: Entry, ttlMs?: number) => {
          entries.set(key, entry, ttlMs === undefined ? {} : { ttl: ttlMs });
        },
        delete: (key: string) => entries.delete(key),
        clear: () => entries.clear(),
      },
      useKeyPrefix: false,
    }),
  );
}

/** Values are texts that are ready to be kept, so only their expiry is put in front of them. */
function redisStore({ client }: OpenedRedis): Keyv {
  const keyv = new Keyv({
    store: new KeyvRedis(client as ConstructorParameters<typeof KeyvRedis>[0], {
      throwOnErrors: true,
    }),
    useKeyPrefix: false,
    throwOnErrors: true,
    serialize: ({ value, expires }) => `${expires ?? ''}\n${String(value)}`,
    deserialize: <T>(text: string) => {
      const lineEnd = text.indexOf('\n');
      const expires = text.slice(0, lineEnd);
      return {
        value: text.slice(lineEnd + 1) as T,
        ...(expires === '' ? {} : { expires: Number(expires) }),
      };
    },
  });
  // Keys carry the module's own namespace already.
  keyv.namespace = undefined;
  return keyv;
}

/** Keyv sets a serializer of its own where none is given. */
function withoutSerializer(keyv: Keyv): Keyv {
  keyv.serialize = undefined;
  keyv.deserialize = undefined;
  return keyv;
}
