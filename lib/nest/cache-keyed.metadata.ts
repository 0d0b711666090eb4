import { type ExecutionContext } from '@nestjs/common';
import { type RouteRef } from './refs.js';

/**
 * Whose answers are shared. `anonymous`: requests with credentials (`Authorization`, `Cookie`,
 * `request.user`) are not cached; `shared`: one answer for all; a function: one per principal, not
 * cached where it answers `undefined`.
 */
export type CacheScope =
  | 'anonymous'
  | 'shared'
  | ((context: ExecutionContext) => string | number | undefined);

/** Options of `@CacheKeyed`; those from `query` on are about HTTP, and mean nothing outside it. */
export interface CacheKeyedOptions {
  /** How long a stored response lives at most, in milliseconds. @default the module's */
  readonly ttlMs?: number;
  /** @default the module's */
  readonly scope?: CacheScope;
  /** Request headers, or a value made of the request, that the answer also depends on. @default none */
  readonly vary?: readonly string[] | ((context: ExecutionContext) => unknown);
  /** Query parameters that count, in any order. @default 'all' */
  readonly query?: 'all' | readonly string[];
  /**
   * How long after it was outdated an answer may still be given while a new one is made, in
   * milliseconds; 0: not at all. @default 0
   */
  readonly staleWhileRevalidateMs?: number;
  /**
   * How long after it was outdated an answer may still be given instead of a failure (500, 502, 503,
   * 504), in milliseconds; 0: not at all. @default 0
   */
  readonly staleIfErrorMs?: number;
  /**
   * Who shares one run of the handler on a miss: the requests of one process, or of all that share
   * one Redis. @default 'process'
   */
  readonly singleFlight?: 'process' | 'cluster';
  /** Statuses that are stored. @default [200] */
  readonly statuses?: readonly number[];
}

/** Marks the class of our interceptor, so that it is told from others without being imported. */
export const IS_CACHE_KEYED_INTERCEPTOR = Symbol('alkey:interceptor');

/** What a decorator leaves on a class or a handler. */
export interface CacheKeyedMetadata {
  readonly refs: readonly RouteRef[];
  readonly options: CacheKeyedOptions;
}

/** Metadata key: `CacheKeyedMetadata`, or `false` for a handler that is exempt. */
export const CACHE_KEYED = 'alkey:cache-keyed';
