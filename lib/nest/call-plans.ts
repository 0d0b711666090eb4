import { Inject, Injectable, Logger, type Type } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { type ResolvedOptions } from './alkey.options.js';
import { type HandlerPlan, planHandler, PlanMemory } from './handler-plan.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import {
  cacheKeyedMetadata,
  type Handler,
  interceptsFields,
  isFieldResolver,
  isMessageHandler,
  isResolver,
  takesSelection,
} from './nest-metadata.js';
import { RefCompiler } from './ref-compiler.js';

/** Everything about a cached resolver or message handler that does not depend on the call. */
export interface CallPlan extends HandlerPlan {
  /** The resolver takes `info`, so what it answers may depend on what is selected. */
  readonly seesSelection: boolean;
}

/** The plans of all resolvers and message handlers with `@CacheKeyed`, made and checked once. */
@Injectable()
export class CallPlans {
  private readonly logger = new Logger('Alkey');
  private readonly plans = new PlanMemory<CallPlan>();

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
    return this.plans.planOf(owner, handler, () => {
      const metadata = cacheKeyedMetadata(owner, handler);
      return (
        metadata && {
          ...planHandler(owner, handler, metadata, undefined, {
            defaults: this.options,
            compiler: this.compiler,
          }),
          seesSelection: takesSelection(owner, handler),
        }
      );
    });
  }
}
