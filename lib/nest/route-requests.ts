import { type ExecutionContext, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import {
  type Dependency,
  identifiersOf,
} from '../core/identifiers/dependency.js';
import { LastFingerprint } from '../core/keys/last-fingerprint.js';
import {
  type BypassReason,
  maySelect,
} from '../core/responses/cacheability.js';
import { LastTagDigest } from '../core/responses/entity-tag.js';
import { EntityCatalog } from '../typeorm/entity-catalog.js';
import { AnswerSelection } from './answer-selection.js';
import { type HttpExchange } from './http-exchange.js';
import { routeParameter } from './route-parameters.js';
import { type RoutePlan } from './route-plans.js';

/** RFC 9110 §4.1: what everybody should understand; more is worth no digest. */
const LONGEST_URL = 8000;

/** RFC 9111 §4.3.2: for the origin, and no stored answer tells what it would say. */
const ORIGIN_CONDITIONS = ['if-match', 'if-unmodified-since'];

/** Addresses whose answers are remembered for each route, and the longest text of one. */
const REMEMBERED_ADDRESSES = 1000;
const LONGEST_REMEMBERED = 500;

/** What a request asks for; or why no answer to it is kept. */
export type Asked = AskedAnswer | { readonly reason: BypassReason };

/** An answer that is asked for: its place, what it depends on, and the tokens to read. */
export interface AskedAnswer {
  readonly reason?: undefined;
  readonly slot: string;
  readonly dependencies: readonly Dependency[];
  readonly fingerprints: LastFingerprint;
  readonly tags: LastTagDigest;
}

interface Addresses {
  /** Of the catalog by which dependencies were found. */
  readonly revision: number;
  readonly answers: LRUCache<string, AskedAnswer>;
}

/** Finds out what requests ask for. */
@Injectable()
export class RouteRequests {
  private readonly addresses = new WeakMap<RoutePlan, Addresses>();

  constructor(
    private readonly selection: AnswerSelection,
    private readonly catalog: EntityCatalog,
  ) {}

  /** At once where the address was asked for before and says it all, else by a promise. */
  ask(
    plan: RoutePlan,
    exchange: HttpExchange,
    context: ExecutionContext,
  ): Asked | Promise<Asked> {
    const reason = refusalOf(exchange);
    if (reason) return { reason };
    const address = addressOf(plan, exchange);
    if (address === undefined) return this.find(plan, exchange, context);
    const { answers } = this.addressesOf(plan);
    const known = answers.get(address);
    if (known) {
      const selection = maySelect({
        method: exchange.method,
        scope: plan.scope,
        credentials: exchange.credentials,
        principal: undefined,
      });
      return selection.use ? known : selection;
    }
    return this.find(plan, exchange, context).then(asked => {
      if (asked.reason === undefined) answers.set(address, asked);
      return asked;
    });
  }

  private async find(
    plan: RoutePlan,
    exchange: HttpExchange,
    context: ExecutionContext,
  ): Promise<Asked> {
    const { method, path, rawQuery } = exchange;
    const selected = await this.selection.select(plan, context, {
      method,
      hasCredentials: () => exchange.credentials,
      slotOf: ({ principal, variant }) =>
        plan.slot({
          scheme: exchange.scheme,
          authority: exchange.authority,
          path,
          rawQuery,
          vary: plan.varyHeaders.map(
            name => [name, exchange.requestHeader(name.toLowerCase())] as const,
          ),
          variant,
          principal,
        }),
    });
    if (selected.reason !== undefined) return selected;
    const fingerprints = new LastFingerprint(
      identifiersOf(selected.dependencies),
    );
    return {
      ...selected,
      fingerprints,
      tags: new LastTagDigest(selected.slot),
    };
  }

  private addressesOf(plan: RoutePlan): Addresses {
    const { revision } = this.catalog;
    const known = this.addresses.get(plan);
    if (known?.revision === revision) return known;
    const answers = new LRUCache<string, AskedAnswer>({
      max: REMEMBERED_ADDRESSES,
    });
    const addresses = { revision, answers };
    this.addresses.set(plan, addresses);
    return addresses;
  }
}

function refusalOf(exchange: HttpExchange): BypassReason | undefined {
  if (exchange.hasBody) return 'request-body';
  if (exchange.path.length + exchange.rawQuery.length > LONGEST_URL) {
    return 'long-url';
  }
  return ORIGIN_CONDITIONS.some(name => exchange.requestHeader(name))
    ? 'precondition'
    : undefined;
}

/**
 * Text that is the same only for requests that ask for the same; `undefined` where more decides than the
 * address and the route parameters, which a guard may have changed.
 */
function addressOf(
  { byAddress, refs: { parameters = [] } }: RoutePlan,
  exchange: HttpExchange,
): string | undefined {
  if (!byAddress) return undefined;
  // None of the first three can have a line feed in it.
  let text = `${exchange.scheme}\n${exchange.authority}\n${exchange.path}\n${exchange.rawQuery}`;
  for (const name of parameters) {
    const value = routeParameter(exchange.parameters, name);
    text += value === undefined ? '\n' : `\n${value.length} ${value}`;
  }
  return text.length > LONGEST_REMEMBERED ? undefined : text;
}
