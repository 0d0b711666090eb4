import { systemClock, systemTimers } from '../core/tokens/timers.js';

/** What clients of node-redis have in common, as far as they are kept connected. */
export interface KeptClient {
  readonly isOpen: boolean;
  connect(): Promise<unknown>;
  destroy(): unknown;
}

/** A client of one server, which can be asked whether it is there. */
export interface AskedClient extends KeptClient {
  readonly isReady: boolean;
  sendCommand(args: readonly string[]): Promise<unknown>;
}

export interface KeptConnection {
  /** Ends the connection that there is, and begins another. */
  restart(): void;
  stop(): void;
}

/** Between two attempts of a client that gives up; node-redis itself waits no longer either. */
export const LONGEST_RECONNECT_DELAY_MS = 200;

export const PING_INTERVAL_MS = 250;
export const SILENCE_MS = 1_000;

/**
 * Connects a client in the background, and again where it gives up: that of one server keeps trying
 * by itself; those of a cluster and of sentinels do not when nobody answers the first time.
 */
export function keepConnected(
  client: KeptClient,
  onError: (error: unknown) => void,
): KeptConnection {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const connect = async (): Promise<void> => {
    try {
      await client.connect();
    } catch (error) {
      if (isStopped) return;
      onError(error);
      // A sentinel's client that failed to connect counts as open until it is destroyed.
      if (client.isOpen) await client.destroy();
      if (!isStopped) timer = setTimeout(connect, LONGEST_RECONNECT_DELAY_MS);
    }
  };
  void connect();
  return {
    restart() {
      client.destroy();
      void connect();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

/**
 * The same for a client of one server, whose connection begins anew when nothing is answered for a
 * second: a server that is frozen, or a cable that is cut, takes what is written and is silent.
 *
 * A socket's own timeout would not do: what is written counts as activity for it.
 */
export function keepAnswering(
  client: AskedClient,
  onError: (error: unknown) => void,
): KeptConnection {
  const kept = keepConnected(client, onError);
  let silentSince: number | undefined;
  let cancel: (() => void) | undefined;
  const ping = async (): Promise<void> => {
    try {
      await client.sendCommand(['PING']);
    } catch {
      // An error is an answer as well; the end of the connection the client tells by itself.
    }
    silentSince = undefined;
  };
  const look = (): void => {
    const nowMs = systemClock();
    if (!client.isReady) {
      // It tries by itself, and gives up a server that takes the connection and is silent.
      silentSince = undefined;
    } else if (silentSince === undefined) {
      silentSince = nowMs;
      void ping();
    } else if (nowMs - silentSince > SILENCE_MS) {
      silentSince = undefined;
      kept.restart();
    }
    cancel = systemTimers.after(PING_INTERVAL_MS, look);
  };
  look();
  return {
    restart: kept.restart,
    stop() {
      cancel?.();
      kept.stop();
    },
  };
}
