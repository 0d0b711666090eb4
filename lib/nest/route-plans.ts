import {
  type ExecutionContext,
  Inject,
  Injectable,
  type Type,
} from '@nestjs/common';
import {
  ApplicationConfig,
  MetadataScanner,
  ModulesContainer,
} from '@nestjs/core';
import { type ResponseScope } from '../core/responses/cacheability.js';
import {
  prepareResource,
  type RequestParts,
} from '../core/responses/resource.js';
import { type ResolvedOptions } from './alkey.options.js';
import { type CacheKeyedMetadata } from './cache-keyed.metadata.js';
import { checkCacheKeyedOptions } from './cache-keyed.options.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import {
  answersByItself,
  cacheKeyedMetadata,
  type Handler,
  hasInterceptorsOutside,
  isRoute,
  mayRead,
  methodName,
  rendersTemplate,
  routeParameters,
  varyByDecorator,
  versionText,
} from './nest-metadata.js';
import { type ReadyRef, RefCompiler } from './ref-compiler.js';

/** Everything about a cached route that does not depend on the request. */
export interface RoutePlan {
  /** `UsersController.findOne`. */
  readonly name: string;
  readonly refs: ReadyRef;
  readonly ttlMs: number;
  readonly scope: ResponseScope;
  /** Whose answer it is, for a scope that is a function. */
  readonly principal:
    ((context: ExecutionContext) => string | number | undefined) | undefined;
  readonly varyHeaders: readonly string[];
  /** What `@Header` names in Vary. */
  readonly varyByDecorator: readonly string[];
  readonly variant: ((context: ExecutionContext) => unknown) | undefined;
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
}

/** The plans of all routes with `@CacheKeyed`, made and checked once. */
@Injectable()
export class RoutePlans {
  private readonly plans = new Map<unknown, Map<unknown, RoutePlan>>();

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
    let plans = this.plans.get(controller);
    if (!plans) this.plans.set(controller, (plans = new Map()));
    const known = plans.get(handler);
    if (known) return known;
    const metadata = cacheKeyedMetadata(controller, handler);
    if (!metadata || !mayRead(handler)) return undefined;
    const plan = this.plan(controller, handler, metadata);
    plans.set(handler, plan);
    return plan;
  }

  private plan(
    controller: Type,
    handler: Handler,
    { refs, options }: CacheKeyedMetadata,
  ): RoutePlan {
    const name = `${controller.name}.${methodName(controller, handler)}`;
    checkCacheKeyedOptions(options, name);
    const declared = options.scope ?? this.options.scope;
    const scope = typeof declared === 'function' ? 'principal' : declared;
    const form =
      rendersTemplate(handler) ||
      hasInterceptorsOutside(controller, handler, this.config)
        ? 'value'
        : 'text';
    return {
      name,
      refs: this.compiler.compile(refs, {
        name,
        parameters: routeParameters(
          controller,
          handler,
          this.modules,
          this.config,
        ),
      }),
      ttlMs: options.ttlMs ?? this.options.ttlMs,
      scope,
      principal: typeof declared === 'function' ? declared : undefined,
      varyHeaders: Array.isArray(options.vary)
        ? (options.vary as readonly string[])
        : [],
      varyByDecorator: varyByDecorator(handler),
      variant: typeof options.vary === 'function' ? options.vary : undefined,
      statuses: options.statuses ?? [200],
      staleWhileRevalidateMs: options.staleWhileRevalidateMs ?? 0,
      staleIfErrorMs: options.staleIfErrorMs ?? 0,
      singleFlight: options.singleFlight ?? 'process',
      untouched: answersByItself(controller, handler),
      form,
      slot: prepareResource({
        route: `${name}${versionText(controller, handler)}`,
        mode: form,
        release: this.options.release,
        scope,
        query: options.query ?? 'all',
      }),
    };
  }
}
