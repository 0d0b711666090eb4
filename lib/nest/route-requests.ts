import { type ExecutionContext, Injectable, Logger } from '@nestjs/common';
import { AlkeyError } from '../core/errors.js';
import { type Dependency } from '../core/identifiers/dependency.js';
import {
  type BypassReason,
  maySelect,
} from '../core/responses/cacheability.js';
import { type HttpExchange } from './http-exchange.js';
import { OncePerText } from './once-per-text.js';
import { type RoutePlan } from './route-plans.js';

/** What a request asks for, by what its route says; or why it is not cached. */
export type Asked =
  | {
      readonly reason?: undefined;
      readonly slot: string;
      readonly dependencies: readonly Dependency[];
    }
  | { readonly reason: BypassReason };

/** RFC 9110 §4.1: what everybody should understand; more is worth no digest. */
const LONGEST_URL = 8000;

/** RFC 9111 §4.3.2: for the origin, and no stored answer tells what it would say. */
const ORIGIN_CONDITIONS = ['if-match', 'if-unmodified-since'];

/** Finds out what requests ask for. */
@Injectable()
export class RouteRequests {
  private readonly logger = new Logger('Alkey');
  private readonly failures = new OncePerText();

  /** What an application's function throws is its own: no error. */
  async ask(
    plan: RoutePlan,
    exchange: HttpExchange,
    context: ExecutionContext,
  ): Promise<Asked> {
    if (exchange.hasBody) return { reason: 'request-body' };
    const { path, rawQuery } = exchange;
    if (path.length + rawQuery.length > LONGEST_URL) {
      return { reason: 'long-url' };
    }
    if (ORIGIN_CONDITIONS.some(name => exchange.requestHeader(name))) {
      return { reason: 'precondition' };
    }
    try {
      const principal = plan.principal?.(context);
      const selection = maySelect({
        method: exchange.method,
        scope: plan.scope,
        credentials: exchange.credentials,
        principal: isSomebody(principal) ? principal : undefined,
      });
      if (!selection.use) return { reason: selection.reason };
      const dependencies = await plan.refs(context);
      if (!dependencies) return { reason: 'invalid-key' };
      const slot = plan.slot({
        scheme: exchange.scheme,
        authority: exchange.authority,
        path,
        rawQuery,
        vary: plan.varyHeaders.map(
          name => [name, exchange.requestHeader(name)] as const,
        ),
        variant: plan.variant?.(context),
        principal,
      });
      return { slot, dependencies };
    } catch (error) {
      if (isUnencodable(error)) return { reason: 'unencodable' };
      this.failures.run(plan.name, () =>
        this.logger.warn(
          `A function given to @CacheKeyed on ${plan.name} failed, or named what cannot be depended on; ` +
            `such requests are not cached. Later failures are not logged. ${String(error)}`,
        ),
      );
      return { reason: 'declaration-error' };
    }
  }
}

/** Neither is a principal, though a function that is not checked may answer them for nobody. */
export function isSomebody(principal: unknown): boolean {
  return principal !== null && !Number.isNaN(principal);
}

export function isUnencodable(error: unknown): boolean {
  return error instanceof AlkeyError && error.code === 'ALKEY_UNENCODABLE_PART';
}
