import KeyvRedis from '@keyv/redis';
import { type Cache, createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { type OpenedRedis } from '../redis/open-redis.js';
import { ResponseMemory } from './response-memory.js';

/** Bytes of responses kept in the process; the ones asked for longest ago go first. */
const MEMORY_BYTES = 64 * 1024 * 1024;

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

function memoryStore(): Keyv {
  const store = new ResponseMemory(MEMORY_BYTES);
  return withoutSerializer(new Keyv({ store, useKeyPrefix: false }));
}

/** The memory that a store of such a cache keeps responses in; `undefined` for any other store. */
export function responseMemoryOf(
  store: Keyv | undefined,
): ResponseMemory | undefined {
  const inner: unknown = store?.store;
  return inner instanceof ResponseMemory ? inner : undefined;
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
