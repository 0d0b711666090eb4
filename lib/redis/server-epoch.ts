import { Recovery } from '../core/tokens/recovery.js';
import { epochIn } from './stored-tokens.js';

export interface SendOptions {
  readonly typeMapping: Readonly<Record<number, never>>;
}

/** Replies are decoded as text whatever the client was told to decode them as. */
export const AS_TEXT: SendOptions = { typeMapping: {} };

/** A client of one server, as far as it is used and its connections are followed. */
export interface FollowedClient {
  readonly isReady: boolean;
  sendCommand(args: readonly string[], options: SendOptions): Promise<unknown>;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
}

/**
 * The epoch of the server behind one client, asked once for each connection: as long as one lasts it
 * leads to the same server, and a reply comes by the connection that there is when it arrives.
 */
export class ServerEpoch {
  readonly #client: FollowedClient;
  readonly #recovery: Recovery;
  #epoch: string | undefined;
  #isAsking = false;

  constructor(client: FollowedClient, clock: () => number) {
    this.#client = client;
    this.#recovery = new Recovery(clock);
    client.on('ready', this.#onReady);
    client.on('reconnecting', this.#onLost);
    client.on('end', this.#onLost);
    if (client.isReady) this.ask();
  }

  /** `undefined` until the server has told. */
  get current(): string | undefined {
    return this.#epoch;
  }

  /** Whether its tokens may be trusted: not right after a connection was lost. */
  get isSettled(): boolean {
    return this.#recovery.isSettled;
  }

  /** Asks in the background, unless it is asking. */
  ask(): void {
    if (this.#isAsking || !this.#client.isReady) return;
    this.#isAsking = true;
    void this.#askNow();
  }

  /** The server may have changed its part: it answered with an error. */
  forget(): void {
    this.#epoch = undefined;
  }

  stop(): void {
    this.#client.off('ready', this.#onReady);
    this.#client.off('reconnecting', this.#onLost);
    this.#client.off('end', this.#onLost);
  }

  async #askNow(): Promise<void> {
    try {
      const info = await this.#client.sendCommand(
        ['INFO', 'replication'],
        AS_TEXT,
      );
      this.#epoch = epochIn(String(info));
    } catch (error) {
      // One that may not be asked has no epoch; one that is gone is asked after it is back.
      if (isReply(error)) this.#epoch = '';
    } finally {
      this.#isAsking = false;
    }
  }

  readonly #onReady = (): void => {
    this.#epoch = undefined;
    this.#recovery.answered();
    this.ask();
  };

  readonly #onLost = (): void => {
    this.#epoch = undefined;
    this.#recovery.failed();
  };
}

/** Whether Redis itself said no; else the command did not reach it, or the answer did not us. */
export function isReply(error: unknown): boolean {
  return error instanceof Error && /^[A-Z]+ /.test(error.message);
}
