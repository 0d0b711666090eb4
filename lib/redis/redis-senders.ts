import { type RedisSender } from './redis-commands.js';

/** What clients of one server, of a cluster and of sentinels have in common, as far as we call it. */
export interface RedisConnection {
  readonly isOpen: boolean;
  connect(): Promise<unknown>;
  destroy(): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  listenerCount(event: 'error'): number;
}

interface SendOptions {
  readonly typeMapping: Readonly<Record<number, never>>;
}

// Replies are decoded as text whatever the client was told to decode them as.
const AS_TEXT: SendOptions = { typeMapping: {} };

export interface SentClient {
  readonly isReady: boolean;
  sendCommand(args: readonly string[], options: SendOptions): Promise<unknown>;
}

export interface SentCluster {
  readonly masters: readonly unknown[];
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean,
    args: readonly string[],
    options: SendOptions,
  ): Promise<unknown>;
}

export interface SentSentinel {
  readonly isReady: boolean;
  getMasterNode(): unknown;
  sendCommand(
    isReadonly: boolean,
    args: readonly string[],
    options: SendOptions,
  ): Promise<unknown>;
}

export function clientSender(client: SentClient): RedisSender {
  return {
    crossesSlots: true,
    send: (_key, command) =>
      client.isReady
        ? client.sendCommand(command, AS_TEXT)
        : Promise.reject(serverIsAway()),
  };
}

const REDISCOVERY_PAUSE_MS = 250;

/**
 * A cluster's client learns that a slot has moved only from a node that answers; of a master that
 * is gone it never does. So a command that fails because its node is away sends one to another
 * node, whose redirection makes the client ask for the slots anew.
 */
export function clusterSender(
  cluster: SentCluster,
  onError: (error: unknown) => void,
): RedisSender {
  const rediscover = oneAtATime(async (key: string) => {
    await cluster.sendCommand(undefined, false, ['EXISTS', key], AS_TEXT);
  }, onError);
  return {
    crossesSlots: false,
    async send(key, command) {
      // Before the slots are known the client itself stumbles.
      if (cluster.masters.length === 0) throw serverIsAway();
      try {
        // Never as read-only: a replica may lag behind a hold.
        return await cluster.sendCommand(key, false, command, AS_TEXT);
      } catch (error) {
        if (!isReply(error)) rediscover(key);
        throw error;
      }
    },
  };
}

/**
 * A sentinel's client makes its callers wait while it looks for the master, without an end. So
 * commands are refused while there is none, and one that nobody waits for keeps it looking.
 *
 * It also lends its connection to the first caller of a tick and makes the others wait for the end
 * of the loan; once it is lent, all share it. So the first goes a moment ahead.
 */
export function sentinelSender(
  sentinel: SentSentinel,
  onError: (error: unknown) => void,
): RedisSender {
  const find = oneAtATime(async () => {
    await sentinel.sendCommand(false, ['PING'], AS_TEXT);
  }, onError);
  let running = 0;
  let lent = Promise.resolve();
  return {
    crossesSlots: true,
    async send(_key, command) {
      if (sentinel.getMasterNode() === undefined) {
        if (sentinel.isReady) find('');
        throw serverIsAway();
      }
      running += 1;
      try {
        if (running > 1) {
          await lent;
          return await sentinel.sendCommand(false, command, AS_TEXT);
        }
        const reply = sentinel.sendCommand(false, command, AS_TEXT);
        lent = afterLending();
        return await reply;
      } finally {
        running -= 1;
      }
    },
  };
}

/** The two turns of the microtask queue in which the connection is lent. */
async function afterLending(): Promise<void> {
  await Promise.resolve();
  await Promise.resolve();
}

/** Runs in the background, once at a time, and not again right after a failure. */
function oneAtATime(
  run: (key: string) => Promise<void>,
  onError: (error: unknown) => void,
): (key: string) => void {
  let running = false;
  return key => {
    if (running) return;
    running = true;
    run(key)
      .catch(onError)
      .finally(() => {
        setTimeout(() => {
          running = false;
        }, REDISCOVERY_PAUSE_MS).unref();
      });
  };
}

/** Whether Redis itself said no; else the command did not reach it, or the answer did not us. */
function isReply(error: unknown): boolean {
  return error instanceof Error && /^[A-Z]+ /.test(error.message);
}

function serverIsAway(): Error {
  return new Error('The client has no connection to Redis at the moment.');
}
