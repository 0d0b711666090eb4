import { type ExecutionContext } from '@nestjs/common';
import { type Handler, isMessageHandler, patternsOf } from './nest-metadata.js';

/** One call of a handler outside HTTP that may be answered from what is kept. */
export interface Call {
  /** By name; what `rowOf(User, 'id')` and `:id` name. */
  readonly arguments: unknown;
  /** GraphQL: the object that a field is of. */
  readonly parent?: unknown;
  /**
   * What tells handlers of one name apart, and what else of the call they see; the selection only
   * where it is asked for.
   */
  facts(seesSelection: boolean): unknown;
  /** Whether the call says who makes it; asked anew, since an interceptor may find out. */
  hasCredentials(): boolean;
  requestHeader(name: string): unknown;
  /** Whether its answer comes with a cookie, which is somebody's own. */
  setsCookie(): boolean;
}

/**
 * The call that a context is about: a field of a GraphQL query, or a message that is to be
 * answered. `undefined` for all else: HTTP, events, mutations, subscriptions, references between
 * federated schemas.
 */
export function callOf(context: ExecutionContext): Call | undefined {
  switch (context.getType<string>()) {
    case 'graphql':
      return graphqlCall(context.getArgs<GraphqlArguments>());
    case 'rpc':
      return isMessageHandler(context.getHandler() as Handler)
        ? messageCall(
            context.getArgs(),
            patternsOf(context.getHandler() as Handler),
          )
        : undefined;
    default:
      return undefined;
  }
}

/** The arguments of a call by their names, whatever the transport; `undefined` where it has none. */
export function callArguments(context: ExecutionContext): unknown {
  switch (context.getType<string>()) {
    case 'graphql':
      return context.getArgByIndex(1);
    case 'rpc':
      return context.getArgByIndex(0);
    default:
      return undefined;
  }
}

type GraphqlArguments = [
  parent: unknown,
  args: unknown,
  context: GraphqlContext | undefined,
  info: GraphqlInfo | undefined,
];

/** What GraphQL hands to a resolver, as far as it counts. */
interface GraphqlInfo {
  readonly operation?: { readonly operation?: unknown };
  readonly parentType: { readonly name: string };
  readonly fieldName: string;
  readonly fieldNodes: readonly unknown[];
  readonly fragments: Readonly<Record<string, unknown>>;
  readonly variableValues: unknown;
}

interface GraphqlContext {
  readonly req?: GraphqlRequest;
  readonly res?: GraphqlResponse;
  readonly reply?: GraphqlResponse;
  readonly user?: unknown;
}

interface GraphqlResponse {
  getHeader?(name: string): unknown;
}

interface GraphqlRequest {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly user?: unknown;
  /** Express's. */
  readonly res?: GraphqlResponse;
  /** Fastify's. */
  readonly raw?: { readonly user?: unknown };
}

function graphqlCall([parent, args, context, info]: GraphqlArguments):
  Call | undefined {
  if (info?.operation?.operation !== 'query') return undefined;
  const { req, res = context?.reply ?? req?.res } = context ?? {};
  return {
    arguments: args,
    parent,
    facts: seesSelection => [
      info.parentType.name,
      info.fieldName,
      seesSelection ? selectionOf(info) : undefined,
    ],
    hasCredentials: () =>
      // Where there is no request nobody can tell.
      req?.headers === undefined ||
      [
        headerOf(req.headers, 'authorization'),
        headerOf(req.headers, 'cookie'),
        req.user,
        req.raw?.user,
        context?.user,
      ].some(sign => sign !== undefined && sign !== null),
    requestHeader: name => req?.headers && headerOf(req.headers, name),
    setsCookie: () => Boolean(res?.getHeader?.('set-cookie')),
  };
}

/** A header among Node's, or among Fetch's, which some servers hand on. */
function headerOf(
  headers: NonNullable<GraphqlRequest['headers']>,
  name: string,
): unknown {
  const { get } = headers;
  return typeof get === 'function'
    ? (get as (name: string) => unknown).call(headers, name)
    : headers[name.toLowerCase()];
}

/** What is asked of a field: the nodes of the query without their places in its text. */
function selectionOf(info: GraphqlInfo): unknown {
  const nodes = JSON.stringify(
    [info.fieldNodes, Object.values(info.fragments)],
    (name, value: unknown) => (name === 'loc' ? undefined : value),
  );
  return [nodes, info.variableValues];
}

/** Each transport has its own name for what a message came under; a handler may have several. */
const PATTERN_GETTERS = ['getPattern', 'getSubject', 'getTopic', 'getChannel'];

function messageCall([payload, context]: unknown[], patterns: unknown): Call {
  return {
    arguments: payload,
    facts: () => [patterns, patternOf(context)],
    hasCredentials: () => false,
    requestHeader: () => undefined,
    setsCookie: () => false,
  };
}

function patternOf(context: unknown): unknown {
  if (typeof context !== 'object' || context === null) return undefined;
  const getter = PATTERN_GETTERS.find(name => name in context);
  return getter === undefined
    ? undefined
    : (Reflect.get(context, getter) as () => unknown).call(context);
}
