import {
  type ExecutionContext,
  Inject,
  Injectable,
  Logger,
  type Type,
} from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { type ResponseScope } from '../core/responses/cacheability.js';
import { type ResolvedOptions } from './alkey.options.js';
import { checkCacheKeyedOptions } from './cache-keyed.options.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import {
  cacheKeyedMetadata,
  type Handler,
  interceptsFields,
  isFieldResolver,
  isMessageHandler,
  isResolver,
  methodName,
  takesSelection,
} from './nest-metadata.js';
import { type ReadyRef, RefCompiler } from './ref-compiler.js';

/** Everything about a cached resolver or message handler that does not depend on the call. */
export interface CallPlan {
  /** `UsersResolver.user`. */
  readonly name: string;
  readonly refs: ReadyRef;
  readonly ttlMs: number;
  readonly scope: ResponseScope;
  /** Whose answer it is, for a scope that is a function. */
  readonly principal:
    ((context: ExecutionContext) => string | number | undefined) | undefined;
  readonly varyHeaders: readonly string[];
  readonly variant: ((context: ExecutionContext) => unknown) | undefined;
  /** The resolver takes `info`, so what it answers may depend on what is selected. */
  readonly seesSelection: boolean;
}

/** The plans of all resolvers and message handlers with `@CacheKeyed`, made and checked once. */
@Injectable()
export class CallPlans {
  private readonly logger = new Logger('Alkey');
  private readonly plans = new Map<
    unknown,
    Map<unknown, CallPlan | undefined>
  >();

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    private readonly compiler: RefCompiler,
    private readonly modules: ModulesContainer,
  ) {}

  /**
   * Makes the plans of every resolver and message handler, so that what is wrong with one is found
   * at start.
   *
   * @throws AlkeyError for a ref that no call can make right
   */
  prepare(): void {
    const scanner = new MetadataScanner();
    const passesFields = interceptsFields(this.modules) === false;
    for (const module of this.modules.values()) {
      for (const { metatype } of [
        ...module.controllers.values(),
        ...module.providers.values(),
      ]) {
        // A factory's function has no methods.
        const prototype: unknown = metatype?.prototype;
        if (typeof prototype !== 'object' || prototype === null) continue;
        for (const method of scanner.getAllMethodNames(prototype)) {
          const handler = Reflect.get(prototype, method) as Handler;
          if (isResolver(handler) || isMessageHandler(handler)) {
            const plan = this.planOf(metatype as Type, handler);
            if (plan && passesFields && isFieldResolver(handler)) {
              this.logger.warn(
                `@CacheKeyed on ${plan.name} does nothing: Nest runs no interceptors on fields. ` +
                  "Give GraphQLModule `fieldResolverEnhancers: ['interceptors']`.",
              );
            }
          }
        }
      }
    }
  }

  /** The plan of a handler; `undefined` where it is not cached. */
  planOf(owner: Type, handler: Handler): CallPlan | undefined {
    let plans = this.plans.get(owner);
    if (!plans) this.plans.set(owner, (plans = new Map()));
    if (!plans.has(handler)) plans.set(handler, this.plan(owner, handler));
    return plans.get(handler);
  }

  private plan(owner: Type, handler: Handler): CallPlan | undefined {
    const metadata = cacheKeyedMetadata(owner, handler);
    if (!metadata) return undefined;
    const { refs, options } = metadata;
    const name = `${owner.name}.${methodName(owner, handler)}`;
    checkCacheKeyedOptions(options, name);
    const { scope = this.options.scope, vary } = options;
    return {
      name,
      // What arguments there are is not known before a call.
      refs: this.compiler.compile(refs, { name, parameters: undefined }),
      ttlMs: options.ttlMs ?? this.options.ttlMs,
      scope: typeof scope === 'function' ? 'principal' : scope,
      principal: typeof scope === 'function' ? scope : undefined,
      varyHeaders: typeof vary === 'object' ? vary : [],
      variant: typeof vary === 'function' ? vary : undefined,
      seesSelection: takesSelection(owner, handler),
    };
  }
}
