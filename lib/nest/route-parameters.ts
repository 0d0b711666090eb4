import { type ExecutionContext } from '@nestjs/common';
import { AlkeyError, didYouMean } from '../core/errors.js';
import { type KeyValue } from '../typeorm/entity-key.js';
import { callArguments } from './call.js';

/** A route, as far as its refs need to know it. */
export interface RouteFacts {
  /** `UsersController.findOne`. */
  readonly name: string;
  /** Names of the parameters in its path; `undefined`: no HTTP route, or not known. */
  readonly parameters: readonly string[] | undefined;
}

/** What a request gives for them, decoded; what a wildcard took is a list on Express. */
export type RouteParameters = Readonly<Record<string, unknown>>;

/** A route parameter, or, outside HTTP, an argument. */
export function parameterOf(
  context: ExecutionContext,
  name: string,
): KeyValue | undefined {
  if (context.getType() === 'http') {
    const { params = {} } = context.switchToHttp().getRequest<{
      readonly params?: RouteParameters;
    }>();
    return routeParameter(params, name);
  }
  const given = callArguments(context);
  if (typeof given !== 'object' || given === null) return undefined;
  const value: unknown = Object.getOwnPropertyDescriptor(given, name)?.value;
  return isKeyValue(value) ? value : undefined;
}

/** Of a key of one column: a record in its place could name any column. */
function isKeyValue(value: unknown): value is KeyValue {
  return (
    ['string', 'number', 'bigint', 'boolean'].includes(typeof value) ||
    value instanceof Date ||
    value instanceof Uint8Array
  );
}

/** Decoded; what a wildcard took, with its slashes. */
export function routeParameter(
  parameters: RouteParameters,
  name: string,
): string | undefined {
  const value = parameters[name];
  if (Array.isArray(value)) return value.join('/');
  return typeof value === 'string' ? value : undefined;
}

/** @throws AlkeyError `ALKEY_UNKNOWN_ROUTE_PARAMETER` where the route has none of that name */
export function requireParameter(name: string, route: RouteFacts): void {
  const { parameters } = route;
  if (!parameters || parameters.includes(name)) return;
  const meant = didYouMean(name, parameters);
  throw new AlkeyError(
    'ALKEY_UNKNOWN_ROUTE_PARAMETER',
    `The route of ${route.name} has no parameter "${name}".` +
      (meant === undefined ? '' : ` Did you mean "${meant}"?`) +
      (parameters.length > 0
        ? ` It has ${parameters.map(known => `"${known}"`).join(', ')}.`
        : ' It has none.') +
      ' Name one of its parameters in @CacheKeyed, or add it to the path.',
  );
}
