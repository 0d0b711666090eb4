import { type ExecutionContext } from '@nestjs/common';
import { EVERYTHING } from '../core/identifiers/identifier.js';
import { type EntityTarget } from '../typeorm/entity-catalog.js';
import { type KeyValue } from '../typeorm/entity-key.js';

/** Any write at all: `alkey:*#*`. */
export const GLOBAL_WRITE_TOKEN: string = EVERYTHING;

/** A row named by its key; made by `row`. */
export class RowRef {
  /** @internal */
  constructor(
    readonly target: EntityTarget,
    readonly key: KeyValue,
  ) {}
}

/**
 * Names a row by its key where there is no instance: `row(User, 42)`, `row(Membership, { userId: 1,
 * groupId: 2 })`. The key is the application's value; a transformer of its column is applied.
 */
export function row(target: EntityTarget, key: KeyValue): RowRef {
  return new RowRef(target, key);
}

/** What a request says of a row: its key, or a record of its key's or of unique properties. */
export type RowFromRequest = (
  context: ExecutionContext,
) => KeyValue | undefined | null | Promise<KeyValue | undefined | null>;

/** A row that depends on the request; made by `rowOf`. */
export class RowOfRef {
  /** @internal */
  constructor(
    readonly target: EntityTarget,
    readonly from: string | Readonly<Record<string, string>> | RowFromRequest,
  ) {}
}

/**
 * The row a request is about: `rowOf(User, 'id')` by the route parameter `id`, outside HTTP by the
 * argument of a resolver or the property of a message's payload; with a record, by a
 * composite key from several parameters or by a unique column, each property named with the
 * parameter that it comes from: `rowOf(User, { slug: 'slug' })`; with a function, by what that
 * answers. What is no key, or no row, is not cached.
 */
export function rowOf(
  target: EntityTarget,
  from: string | Readonly<Record<string, string>> | RowFromRequest,
): RowOfRef {
  return new RowOfRef(target, from);
}

/** What `CacheKeyService` takes: an instance, an entity, an identifier, or `row(…)`. */
export type Ref = object | string;

/**
 * What a function in `@CacheKeyed` may answer: an instance, any ref, or a list of them; `undefined`
 * and `null`: this request is not cached.
 */
export type RefAnswer =
  Ref | RowOfRef | readonly (Ref | RowOfRef)[] | undefined | null;

/** What `@CacheKeyed` takes. */
export type RouteRef =
  | EntityTarget
  | RowOfRef
  | RowRef
  | ((context: ExecutionContext) => RefAnswer | Promise<RefAnswer>);
