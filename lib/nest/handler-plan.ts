import { type ExecutionContext, type Type } from '@nestjs/common';
import { type ResponseScope } from '../core/responses/cacheability.js';
import { type ResolvedOptions } from './alkey.options.js';
import { type CacheKeyedMetadata } from './cache-keyed.metadata.js';
import { checkCacheKeyedOptions } from './cache-keyed.options.js';
import { type Handler, methodName } from './nest-metadata.js';
import { type ReadyRef, type RefCompiler } from './ref-compiler.js';

/** What `@CacheKeyed` says of a handler, over HTTP and outside it. */
export interface HandlerPlan {
  /** `UsersController.findOne`. */
  readonly name: string;
  readonly refs: ReadyRef;
  /** There are no refs: what it depends on is found out while it runs. */
  readonly recorded: boolean;
  readonly ttlMs: number;
  readonly scope: ResponseScope;
  /** Whose answer it is, for a scope that is a function. */
  readonly principal:
    ((context: ExecutionContext) => string | number | undefined) | undefined;
  readonly varyHeaders: readonly string[];
  readonly variant: ((context: ExecutionContext) => unknown) | undefined;
}

/** What plans are made with. */
export interface PlanningTools {
  /** The module's, for what a decorator does not say. */
  readonly defaults: ResolvedOptions;
  readonly compiler: RefCompiler;
}

/**
 * The plan of a handler of `owner`, which has these parameters; `undefined`: not known before a call.
 *
 * @throws AlkeyError for an option that is wrong, or a ref that no call can make right
 */
export function planHandler(
  owner: Type,
  handler: Handler,
  { refs, options }: CacheKeyedMetadata,
  parameters: readonly string[] | undefined,
  { defaults, compiler }: PlanningTools,
): HandlerPlan {
  const name = `${owner.name}.${methodName(owner, handler)}`;
  checkCacheKeyedOptions(options, name);
  const { scope = defaults.scope, ttlMs = defaults.ttlMs, vary = [] } = options;
  return {
    name,
    refs: compiler.compile(refs, { name, parameters }),
    recorded: refs.length === 0,
    ttlMs,
    scope: typeof scope === 'function' ? 'principal' : scope,
    principal: typeof scope === 'function' ? scope : undefined,
    varyHeaders: typeof vary === 'function' ? [] : vary,
    variant: typeof vary === 'function' ? vary : undefined,
  };
}

/** Plans that are made once: of each class its own, since classes inherit their handlers. */
export class PlanMemory<Plan extends HandlerPlan> {
  private readonly plans = new Map<Type, Map<Handler, Plan | undefined>>();

  planOf(
    owner: Type,
    handler: Handler,
    make: () => Plan | undefined,
  ): Plan | undefined {
    let plans = this.plans.get(owner);
    if (!plans) this.plans.set(owner, (plans = new Map()));
    if (!plans.has(handler)) plans.set(handler, make());
    return plans.get(handler);
  }
}
