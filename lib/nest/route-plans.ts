import { Inject, Injectable, type Type } from '@nestjs/common';
import {
  ApplicationConfig,
  MetadataScanner,
  ModulesContainer,
} from '@nestjs/core';
import { varyNames } from '../core/responses/answer-headers.js';
import {
  prepareResource,
  type RequestParts,
} from '../core/responses/resource.js';
import { type ResolvedOptions } from './alkey.options.js';
import { type CacheKeyedMetadata } from './cache-keyed.metadata.js';
import { type HandlerPlan, planHandler, PlanMemory } from './handler-plan.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import {
  answersByItself,
  cacheKeyedMetadata,
  type Handler,
  hasInterceptorsOutside,
  isRoute,
  mayRead,
  rendersTemplate,
  routeParameters,
  varyByDecorator,
  versionText,
} from './nest-metadata.js';
import { RefCompiler } from './ref-compiler.js';

/** Everything about a cached route that does not depend on the request. */
export interface RoutePlan extends HandlerPlan {
  /** What `@Header` names in Vary. */
  readonly varyByDecorator: readonly string[];
  readonly statuses: readonly number[];
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly singleFlight: 'process' | 'cluster';
  /** The handler answers by itself: by the response object, a redirect, a stream of events. */
  readonly untouched: boolean;
  /**
   * How an answer is kept: `text`, the JSON that is sent; `value`, the value itself, where
   * interceptors outside ours or a template have their own look at it.
   */
  readonly form: 'text' | 'value';
  readonly slot: (request: RequestParts) => string;
  /** Whether the address and the route parameters alone say which answer is asked for. */
  readonly byAddress: boolean;
  /** What the answer's Vary names. */
  readonly vary: readonly string[];
  /** The same, as it is sent where nobody else names any. */
  readonly varyText: string;
}

/** The plans of all routes with `@CacheKeyed`, made and checked once. */
@Injectable()
export class RoutePlans {
  private readonly plans = new PlanMemory<RoutePlan>();

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    private readonly compiler: RefCompiler,
    private readonly modules: ModulesContainer,
    private readonly config: ApplicationConfig,
  ) {}

  /**
   * Makes the plans of every controller, so that what is wrong with one is found at start.
   *
   * @throws AlkeyError for a ref that no request can make right
   */
  prepare(): void {
    const scanner = new MetadataScanner();
    for (const module of this.modules.values()) {
      for (const { metatype } of module.controllers.values()) {
        const controller = metatype as Type | null;
        if (!controller) continue;
        const prototype = controller.prototype as object;
        for (const method of scanner.getAllMethodNames(prototype)) {
          const handler: unknown = Reflect.get(prototype, method);
          if (typeof handler === 'function' && isRoute(handler as Handler)) {
            this.planOf(controller, handler as Handler);
          }
        }
      }
    }
  }

  /** The plan of a handler; `undefined` where it is not cached, or never asked by GET or HEAD. */
  planOf(controller: Type, handler: Handler): RoutePlan | undefined {
    return this.plans.planOf(controller, handler, () => {
      const metadata = cacheKeyedMetadata(controller, handler);
      return metadata && mayRead(handler)
        ? this.plan(controller, handler, metadata)
        : undefined;
    });
  }

  private plan(
    controller: Type,
    handler: Handler,
    metadata: CacheKeyedMetadata,
  ): RoutePlan {
    const { modules, config } = this;
    const { options } = metadata;
    const plan = planHandler(
      controller,
      handler,
      metadata,
      routeParameters(controller, handler, modules, config),
      { defaults: this.options, compiler: this.compiler },
    );
    const form =
      rendersTemplate(handler) ||
      hasInterceptorsOutside(controller, handler, config)
        ? 'value'
        : 'text';
    const vary = varyNames(plan.scope, plan.varyHeaders);
    return {
      ...plan,
      vary,
      varyText: vary.join(', '),
      byAddress:
        plan.refs.parameters !== undefined &&
        plan.principal === undefined &&
        plan.variant === undefined &&
        plan.varyHeaders.length === 0,
      varyByDecorator: varyByDecorator(handler),
      statuses: options.statuses ?? [200],
      staleWhileRevalidateMs: options.staleWhileRevalidateMs ?? 0,
      staleIfErrorMs: options.staleIfErrorMs ?? 0,
      singleFlight: options.singleFlight ?? 'process',
      untouched: answersByItself(controller, handler),
      form,
      slot: prepareResource({
        route: `${plan.name}${versionText(controller, handler)}`,
        mode: form,
        release: this.options.release,
        scope: plan.scope,
        query: options.query ?? 'all',
      }),
    };
  }
}
