import { type Identifier } from './identifiers/identifier.js';
import { type BypassReason } from './responses/cacheability.js';

/**
 * What was asked for: `http` a route's response, `call` a handler outside HTTP, `wrap` a value of
 * `CacheKeyService.wrap`, `query` a TypeORM query.
 */
export type CacheSource = 'http' | 'call' | 'wrap' | 'query';

/** Where an event comes from. Never a URL or arguments: they may say who asked for what. */
interface CacheEvent {
  readonly source: CacheSource;
  /** The handler or query, as the program names it: `UsersController.findOne`. */
  readonly name: string;
}

/** A stored answer was given. */
export interface HitEvent extends CacheEvent {
  readonly identifiers: readonly Identifier[];
  /** Milliseconds since it was stored; `undefined` where 304 was answered without fetching it. */
  readonly ageMs: number | undefined;
  /** `stale`: outdated, and given all the same as the route allows. */
  readonly freshness: 'fresh' | 'stale';
}

/** An answer is being made. */
export interface MissEvent extends CacheEvent {
  readonly identifiers: readonly Identifier[];
  /** `absent`: none stored, or no longer; `outdated`: one, made under other tokens. */
  readonly reason: 'absent' | 'outdated';
  /** Whether it joined a run of the handler that was under way. */
  readonly collapsed: boolean;
}

/** An answer was neither looked up nor stored, or was made and could not be stored. */
export interface BypassEvent extends CacheEvent {
  readonly reason: BypassReason;
  /** Empty where they were not known yet. */
  readonly identifiers: readonly Identifier[];
}

export interface StoredEvent extends CacheEvent {
  readonly identifiers: readonly Identifier[];
  /** Length of the stored text, in UTF-16 code units. */
  readonly size: number;
  readonly ttlMs: number;
}

/** Tokens are gone; whatever was made under them is outdated. */
export interface TouchedEvent {
  readonly identifiers: readonly Identifier[];
  /** `write`: observed in the database; `manual`: asked for by the program. */
  readonly cause: 'write' | 'manual';
}

/** A writer is about to commit. */
export interface HeldEvent {
  readonly identifiers: readonly Identifier[];
  readonly leaseMs: number;
}

/** A writer has committed, rolled back or lost its connection. */
export interface ReleasedEvent {
  readonly identifiers: readonly Identifier[];
  /** How long the identifiers were held, in milliseconds. */
  readonly heldMs: number;
}

export interface StoreErrorEvent {
  /** The first five concern tokens. */
  readonly operation:
    | 'read'
    | 'hold'
    | 'release'
    | 'replace'
    | 'write'
    | 'get-response'
    | 'set-response';
  /** How many identifiers it named; 0 where the operation is about a response. */
  readonly identifiers: number;
  readonly error: unknown;
}

export interface AlkeyEventMap {
  readonly hit: HitEvent;
  readonly miss: MissEvent;
  readonly bypass: BypassEvent;
  readonly stored: StoredEvent;
  readonly touched: TouchedEvent;
  readonly held: HeldEvent;
  readonly released: ReleasedEvent;
  readonly 'store-error': StoreErrorEvent;
}

export type AlkeyEventName = keyof AlkeyEventMap;

/** Every name there is, for those who forward all of them. */
export const ALKEY_EVENT_NAMES: readonly AlkeyEventName[] = [
  'hit',
  'miss',
  'bypass',
  'stored',
  'touched',
  'held',
  'released',
  'store-error',
];

export type EventListener<Name extends AlkeyEventName> = (
  event: AlkeyEventMap[Name],
) => unknown;

interface Subscription<Name extends AlkeyEventName> {
  readonly listener: EventListener<Name>;
  failed: boolean;
}

type Subscriptions = {
  [Name in AlkeyEventName]?: readonly Subscription<Name>[];
};

/** Hands events to listeners, at once and in the order in which they subscribed. */
export class EventHub {
  #subscriptions: Subscriptions = {};
  readonly #onListenerError: (error: unknown, name: AlkeyEventName) => void;

  /**
   * `onListenerError` hears the first failure of each subscription, thrown or rejected; the others
   * would only be a flood of the same.
   */
  constructor(onListenerError: (error: unknown, name: AlkeyEventName) => void) {
    this.#onListenerError = onListenerError;
  }

  /** Calls `listener` for every event of that name until the returned function is called. */
  on<Name extends AlkeyEventName>(
    name: Name,
    listener: EventListener<Name>,
  ): () => void {
    const subscription: Subscription<Name> = { listener, failed: false };
    // A new list each time, so that an `emit` under way goes on with the one it began with.
    this.#set(name, [...this.#get(name), subscription]);
    return () => {
      this.#set(
        name,
        this.#get(name).filter(other => other !== subscription),
      );
    };
  }

  /** Whether anybody listens; where nobody does, a payload need not be built. */
  hasListeners(name: AlkeyEventName): boolean {
    return this.#get(name).length > 0;
  }

  /** Never throws, and does not wait for listeners that are asynchronous. */
  emit<Name extends AlkeyEventName>(
    name: Name,
    event: AlkeyEventMap[Name],
  ): void {
    for (const subscription of this.#get(name)) {
      const fail = (error: unknown): void => {
        if (subscription.failed) return;
        subscription.failed = true;
        this.#onListenerError(error, name);
      };
      try {
        const answer = subscription.listener(event);
        if (answer instanceof Promise) answer.catch(fail);
      } catch (error) {
        fail(error);
      }
    }
  }

  #get<Name extends AlkeyEventName>(name: Name): readonly Subscription<Name>[] {
    return this.#subscriptions[name] ?? [];
  }

  #set<Name extends AlkeyEventName>(
    name: Name,
    subscriptions: readonly Subscription<Name>[],
  ): void {
    this.#subscriptions = { ...this.#subscriptions, [name]: subscriptions };
  }
}
