import { type ExecutionContext, Injectable } from '@nestjs/common';
import { AnswerSelection, type Selected } from './answer-selection.js';
import { type HttpExchange } from './http-exchange.js';
import { type RoutePlan } from './route-plans.js';

/** RFC 9110 §4.1: what everybody should understand; more is worth no digest. */
const LONGEST_URL = 8000;

/** RFC 9111 §4.3.2: for the origin, and no stored answer tells what it would say. */
const ORIGIN_CONDITIONS = ['if-match', 'if-unmodified-since'];

/** Finds out what requests ask for. */
@Injectable()
export class RouteRequests {
  constructor(private readonly selection: AnswerSelection) {}

  async ask(
    plan: RoutePlan,
    exchange: HttpExchange,
    context: ExecutionContext,
  ): Promise<Selected> {
    if (exchange.hasBody) return { reason: 'request-body' };
    const { method, path, rawQuery } = exchange;
    if (path.length + rawQuery.length > LONGEST_URL) {
      return { reason: 'long-url' };
    }
    if (ORIGIN_CONDITIONS.some(name => exchange.requestHeader(name))) {
      return { reason: 'precondition' };
    }
    return this.selection.select(plan, context, {
      method,
      hasCredentials: () => exchange.credentials,
      slotOf: ({ principal, variant }) =>
        plan.slot({
          scheme: exchange.scheme,
          authority: exchange.authority,
          path,
          rawQuery,
          vary: plan.varyHeaders.map(
            name => [name, exchange.requestHeader(name)] as const,
          ),
          variant,
          principal,
        }),
    });
  }
}
