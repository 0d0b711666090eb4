export { AlkeyEvents } from './nest/alkey-events.js';
export { AlkeyModule } from './nest/alkey.module.js';
export {
  ALKEY_GIVEN_OPTIONS,
  type AlkeyModuleExtras,
} from './nest/alkey.module-definition.js';
export {
  type AlkeyModuleOptions,
  type NearOptions,
} from './nest/alkey.options.js';
export { CacheKey, type KeyFunction } from './nest/cache-key.decorator.js';
export { CacheKeyService } from './nest/cache-key.service.js';
export { CacheKeyed, SkipCacheKeyed } from './nest/cache-keyed.decorator.js';
export { CacheKeyedInterceptor } from './nest/cache-keyed.interceptor.js';
export {
  type CacheKeyedOptions,
  type CacheScope,
} from './nest/cache-keyed.metadata.js';
export { ALKEY_CACHE } from './nest/injection-tokens.js';
export {
  GLOBAL_WRITE_TOKEN,
  type Ref,
  type RefAnswer,
  type RouteRef,
  row,
  rowOf,
  RowOfRef,
  RowRef,
} from './nest/refs.js';
export { type ValueSerializer } from './nest/value-texts.js';
export { type EntityTarget } from './typeorm/entity-catalog.js';
export { type KeyValue } from './typeorm/entity-key.js';
export { AlkeyError, type AlkeyErrorCode } from './core/errors.js';
export {
  type AlkeyEventMap,
  type AlkeyEventName,
  type EventListener,
} from './core/events.js';
export { type RedisOption } from './redis/open-redis.js';
export {
  type QueriesOption,
  type QueryOp,
  type QueryRule,
} from './core/reads/query-rules.js';
export { TokenStore, type HoldOutcome } from './core/tokens/token-store.js';
export { TokenStoreError } from './core/tokens/token-store-error.js';
export {
  type Held,
  HELD,
  type Holder,
  type Token,
} from './core/tokens/token.js';
export { type Identifier } from './core/identifiers/identifier.js';
