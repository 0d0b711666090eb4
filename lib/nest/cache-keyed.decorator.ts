import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import { CacheKeyedInterceptor } from './cache-keyed.interceptor.js';
import {
  CACHE_KEYED,
  type CacheKeyedMetadata,
  type CacheKeyedOptions,
} from './cache-keyed.metadata.js';
import { type RouteRef } from './refs.js';

/**
 * Caches what a handler, or every handler of its class, answers to GET and HEAD, to a GraphQL query
 * or to a message, until a write touches what `refs` name. On a handler it replaces the class's.
 */
export function CacheKeyed(
  ...parameters:
    | readonly RouteRef[]
    | readonly [...refs: readonly RouteRef[], options: CacheKeyedOptions]
): ClassDecorator & MethodDecorator {
  const last = parameters.at(-1);
  const metadata: CacheKeyedMetadata = isOptions(last)
    ? { refs: parameters.slice(0, -1) as readonly RouteRef[], options: last }
    : { refs: parameters as readonly RouteRef[], options: {} };
  return applyDecorators(
    SetMetadata(CACHE_KEYED, metadata),
    UseInterceptors(CacheKeyedInterceptor),
  );
}

/** Exempts a handler of a decorated controller. */
export function SkipCacheKeyed(): MethodDecorator {
  return SetMetadata(CACHE_KEYED, false);
}

function isOptions(value: unknown): value is CacheKeyedOptions {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype
  );
}
