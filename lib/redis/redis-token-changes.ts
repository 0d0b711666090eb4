import { type Identifier } from '../core/identifiers/identifier.js';
import {
  type TokenChangeListener,
  type TokenChanges,
} from '../core/tokens/near-token-store.js';
import {
  type AskedClient,
  keepAnswering,
  type KeptConnection,
} from './keep-connected.js';

/** A client of one server that tells which keys changed (RESP 3, client-side caching). */
export interface InvalidatedClient extends AskedClient {
  on(event: string, listener: (value: unknown) => void): unknown;
}

export interface RedisTokenChangesOptions {
  /** A connection of its own; it connects by itself whenever it is lost. */
  readonly client: InvalidatedClient;
  readonly namespace: string;
  readonly listener: TokenChangeListener;
  /** Told of every error of the connection. Must not throw. */
  readonly onError: (error: unknown) => void;
}

/**
 * Listens to the changes of all keys of a namespace, on a connection of its own: Redis sends their
 * names by itself (`CLIENT TRACKING ON BCAST`), evictions and expiries among them.
 */
export class RedisTokenChanges implements TokenChanges {
  readonly #client: InvalidatedClient;
  readonly #keyPrefix: string;
  readonly #listener: TokenChangeListener;
  readonly #onError: (error: unknown) => void;
  readonly #kept: KeptConnection;
  #isListening = false;
  /** Raised by each connection, so that one that is gone does not speak for the next. */
  #connection = 0;

  constructor({
    client,
    namespace,
    listener,
    onError,
  }: RedisTokenChangesOptions) {
    this.#client = client;
    this.#keyPrefix = `${namespace}:`;
    this.#listener = listener;
    this.#onError = onError;
    client.on('ready', () => void this.#begin());
    for (const event of ['error', 'reconnecting', 'end']) {
      client.on(event, () => this.#lost());
    }
    client.on('error', onError);
    client.on('invalidate', key => this.#invalidated(key));
    this.#kept = keepAnswering(client, onError);
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  async close(): Promise<void> {
    this.#lost();
    this.#kept.stop();
    if (this.#client.isOpen) this.#client.destroy();
  }

  async #begin(): Promise<void> {
    this.#connection += 1;
    const connection = this.#connection;
    try {
      // The client has asked for what this connection itself reads, which is nothing.
      await this.#client.sendCommand(['CLIENT', 'TRACKING', 'OFF']);
      const everything = ['ON', 'BCAST', 'PREFIX', this.#keyPrefix];
      await this.#client.sendCommand(['CLIENT', 'TRACKING', ...everything]);
      if (connection === this.#connection) this.#isListening = true;
    } catch (error) {
      this.#onError(error);
    }
  }

  #lost(): void {
    this.#connection += 1;
    this.#isListening = false;
    this.#listener.allChanged();
  }

  #invalidated(key: unknown): void {
    if (key === null) {
      this.#listener.allChanged();
      return;
    }
    const name = String(key).slice(this.#keyPrefix.length);
    this.#listener.changed(`alkey:${name}` as Identifier);
  }
}
