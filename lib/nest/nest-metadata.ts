import { RequestMethod, type Type } from '@nestjs/common';
import { type ApplicationConfig, type ModulesContainer } from '@nestjs/core';
import { parseVary } from '../core/responses/cache-control.js';
import {
  CACHE_KEYED,
  type CacheKeyedMetadata,
  IS_CACHE_KEYED_INTERCEPTOR,
} from './cache-keyed.metadata.js';

/**
 * What Nest's decorators leave on classes and handlers, read under Nest's own names: version 11
 * and 12 export them from different places.
 */
const METADATA = {
  path: 'path',
  method: 'method',
  headers: '__headers__',
  version: '__version__',
  interceptors: '__interceptors__',
  routeArguments: '__routeArguments__',
  customRouteArguments: '__customRouteArgs__',
  passthrough: '__responsePassthrough__',
  redirect: '__redirect__',
  render: '__renderTemplate__',
  serverSentEvents: '__sse__',
  modulePath: '__module_path__',
  messageHandler: 'microservices:handler_type',
  messagePatterns: 'microservices:pattern',
  resolverType: 'graphql:resolver_type',
  resolverOfField: 'graphql:resolve_property',
} as const;

/** Positions of `@Res()` and `@Next()` among Nest's kinds of parameters. */
const RESPONSE_PARAMETER = 1;
const NEXT_PARAMETER = 2;

/** `@Info()` among the parameters of resolvers. */
const INFO_PARAMETER = 2;
/** Where a resolver without decorated parameters has it. */
const INFO_INDEX = 3;

/** The injection token of the options of GraphQL's module. */
const GRAPHQL_OPTIONS = 'GqlModuleOptions';

/** What `@MessagePattern` leaves; `@EventPattern`, whose handlers answer nobody, leaves another. */
const MESSAGE_HANDLER = 1;

export type Handler = (...parameters: never[]) => unknown;

/** What `@CacheKeyed` says of a handler; the handler's own before its controller's. */
export function cacheKeyedMetadata(
  controller: Type,
  handler: Handler,
): CacheKeyedMetadata | undefined {
  const metadata =
    read<CacheKeyedMetadata | false>(handler, CACHE_KEYED) ??
    read<CacheKeyedMetadata | false>(controller, CACHE_KEYED);
  return metadata === false ? undefined : metadata;
}

/** Whether a method of a controller is a route of HTTP. */
export function isRoute(handler: Handler): boolean {
  return read<RequestMethod>(handler, METADATA.method) !== undefined;
}

/** Whether a method answers messages, and not only hears events. */
export function isMessageHandler(handler: Handler): boolean {
  return read(handler, METADATA.messageHandler) === MESSAGE_HANDLER;
}

/** The patterns of the messages that a method answers, as they were declared. */
export function patternsOf(handler: Handler): unknown {
  return read(handler, METADATA.messagePatterns);
}

/** Whether a method resolves a query, a mutation, a subscription or a field of GraphQL. */
export function isResolver(handler: Handler): boolean {
  return (
    read(handler, METADATA.resolverType) !== undefined ||
    isFieldResolver(handler)
  );
}

/** Whether a method resolves a field of an object. */
export function isFieldResolver(handler: Handler): boolean {
  return read(handler, METADATA.resolverOfField) === true;
}

/**
 * Whether Nest runs interceptors on fields, which GraphQL's module is told; `undefined` where there
 * is no such module.
 */
export function interceptsFields(
  modules: ModulesContainer,
): boolean | undefined {
  const options = [...modules.values()].flatMap(({ providers }) => {
    const given: unknown = providers.get(GRAPHQL_OPTIONS)?.instance;
    return given === undefined || given === null ? [] : [given as object];
  });
  if (options.length === 0) return undefined;
  return options.some(given => {
    const enhancers: unknown = Reflect.get(given, 'fieldResolverEnhancers');
    return Array.isArray(enhancers) && enhancers.includes('interceptors');
  });
}

/** Whether a resolver is handed what is selected of its answer. */
export function takesSelection(resolver: Type, handler: Handler): boolean {
  const kinds = parameterKinds(resolver, handler);
  return kinds.length > 0
    ? kinds.includes(INFO_PARAMETER)
    : handler.length > INFO_INDEX;
}

const METHODS_THAT_READ = new Set<RequestMethod | undefined>([
  RequestMethod.GET,
  RequestMethod.HEAD,
  RequestMethod.ALL,
  // Not a route of HTTP: asked by whatever transport it has.
  undefined,
]);

/** Whether a handler may be asked by GET or HEAD. */
export function mayRead(handler: Handler): boolean {
  return METHODS_THAT_READ.has(read<RequestMethod>(handler, METADATA.method));
}

/** The names in Vary that `@Header` sets, before any interceptor runs. */
export function varyByDecorator(handler: Handler): readonly string[] {
  const headers =
    read<readonly { readonly name: string; readonly value: unknown }[]>(
      handler,
      METADATA.headers,
    ) ?? [];
  return headers
    .filter(({ name }) => name.toLowerCase() === 'vary')
    .flatMap(({ value }) =>
      // A function is asked anew for each request, so what it says is not known.
      typeof value === 'function' ? ['*'] : parseVary(String(value)),
    );
}

/** Whether the handler answers by itself, so that what it returns is not the response. */
export function answersByItself(controller: Type, handler: Handler): boolean {
  return (
    read(handler, METADATA.serverSentEvents) !== undefined ||
    read(handler, METADATA.redirect) !== undefined ||
    (takesResponse(controller, handler) && !passesThrough(controller, handler))
  );
}

/** Whether a template makes the response of what the handler returns. */
export function rendersTemplate(handler: Handler): boolean {
  return read(handler, METADATA.render) !== undefined;
}

/** The versions a route answers to, as text; they are no part of the URL where a header tells. */
export function versionText(controller: Type, handler: Handler): string {
  const version =
    read(handler, METADATA.version) ?? read(controller, METADATA.version);
  return version === undefined
    ? ''
    : ` v${[version].flat().map(String).join(',')}`;
}

/** Whether an interceptor sees the handler's value after ours: one that stands before it in line. */
export function hasInterceptorsOutside(
  controller: Type,
  handler: Handler,
  config: ApplicationConfig,
): boolean {
  const global = [
    ...config.getGlobalInterceptors(),
    ...config.getGlobalRequestInterceptors(),
  ];
  const local = [
    ...(read<readonly unknown[]>(controller, METADATA.interceptors) ?? []),
    ...(read<readonly unknown[]>(handler, METADATA.interceptors) ?? []),
  ];
  return global.length > 0 || local.findIndex(isOurs) > 0;
}

/**
 * The names of the parameters in every path that leads to a handler; `undefined` where it is no
 * route.
 */
export function routeParameters(
  controller: Type,
  handler: Handler,
  modules: ModulesContainer,
  config: ApplicationConfig,
): readonly string[] | undefined {
  if (!isRoute(handler)) return undefined;
  const paths = [
    config.getGlobalPrefix(),
    ...modulePaths(controller, modules),
    ...pathsOf(controller),
    ...pathsOf(handler),
  ];
  return paths.flatMap(parametersInPath);
}

function isOurs(interceptor: unknown): boolean {
  return (
    typeof interceptor === 'function' &&
    IS_CACHE_KEYED_INTERCEPTOR in interceptor
  );
}

/** The name under which a controller has a handler; another decorator may have renamed the function. */
export function methodName(controller: Type, handler: Handler): string {
  let prototype: unknown = controller.prototype;
  while (typeof prototype === 'object' && prototype !== null) {
    for (const [name, { value }] of Object.entries(
      Object.getOwnPropertyDescriptors(prototype),
    )) {
      if (value === handler) return name;
    }
    prototype = Object.getPrototypeOf(prototype) as unknown;
  }
  return handler.name;
}

function takesResponse(controller: Type, handler: Handler): boolean {
  return parameterKinds(controller, handler).some(
    kind => kind === RESPONSE_PARAMETER || kind === NEXT_PARAMETER,
  );
}

function parameterKinds(controller: Type, handler: Handler): readonly number[] {
  const parameters =
    read<object>(
      controller,
      METADATA.routeArguments,
      methodName(controller, handler),
    ) ?? {};
  // `1:0`: kind and index.
  return Object.keys(parameters)
    .filter(key => !key.includes(METADATA.customRouteArguments))
    .map(key => Number(key.split(':')[0]));
}

function passesThrough(controller: Type, handler: Handler): boolean {
  return (
    read(controller, METADATA.passthrough, methodName(controller, handler)) ===
    true
  );
}

function modulePaths(
  controller: Type,
  modules: ModulesContainer,
): readonly string[] {
  return [...modules.values()]
    .filter(module =>
      [...module.controllers.values()].some(
        ({ metatype }) => metatype === controller,
      ),
    )
    .flatMap(({ metatype }) =>
      Reflect.getMetadataKeys(metatype)
        .filter(key => String(key).startsWith(METADATA.modulePath))
        .map(key => String(Reflect.getMetadata(key, metatype))),
    );
}

function pathsOf(target: object): readonly string[] {
  return [read<string | readonly string[]>(target, METADATA.path) ?? []].flat();
}

/**
 * `:id`, `{/:id}`, `*rest`, `:"my-id"`: the forms of path-to-regexp 8. A bare `*` is `path` on
 * Express, where Nest names it, and `*` on Fastify, which knows no other.
 */
function parametersInPath(path: string): readonly string[] {
  return [...path.matchAll(PARAMETER)].flatMap(
    ([, sign, quoted, plain]): readonly string[] => {
      const name = quoted?.replace(/\\(.)/gsu, '$1') ?? plain;
      if (name !== undefined) return [name];
      return sign === '*' ? ['path', '*'] : [];
    },
  );
}

/** After what is escaped: a sign, and a name in quotes or of JavaScript's own letters. */
const PARAMETER =
  /\\.|([:*])(?:"((?:[^"\\]|\\.)+)"|([\p{ID_Start}$_][\p{ID_Continue}$\u200C\u200D]*))?/gsu;

function read<T>(
  target: object,
  key: string,
  property?: string,
): T | undefined {
  return (
    property === undefined
      ? Reflect.getMetadata(key, target)
      : Reflect.getMetadata(key, target, property)
  ) as T | undefined;
}
