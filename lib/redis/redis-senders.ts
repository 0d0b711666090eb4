import calculateSlot from 'cluster-key-slot';
import { Deadline } from '../core/tokens/deadline.js';
import { Recovery } from '../core/tokens/recovery.js';
import { systemClock, systemTimers } from '../core/tokens/timers.js';
import { type Fetched, type RedisSender } from './redis-commands.js';
import {
  AS_TEXT,
  type FollowedClient,
  isReply,
  type SendOptions,
  ServerEpoch,
} from './server-epoch.js';

/** What clients of one server, of a cluster and of sentinels have in common, as far as we call it. */
export interface RedisConnection {
  readonly isOpen: boolean;
  connect(): Promise<unknown>;
  destroy(): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  listenerCount(event: 'error'): number;
}

/** Its client is there once the first command for it was sent. */
interface ClusterNode {
  readonly client?: FollowedClient;
}

export interface SentCluster {
  readonly masters: readonly unknown[];
  readonly slots: readonly ({ readonly master: ClusterNode } | undefined)[];
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
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  sendCommand(
    isReadonly: boolean,
    args: readonly string[],
    options: SendOptions,
  ): Promise<unknown>;
}

export function clientSender(client: FollowedClient): RedisSender {
  const server = new ServerEpoch(client, systemClock);
  const send = (command: readonly string[]): Promise<unknown> =>
    client.isReady
      ? client.sendCommand(command, AS_TEXT)
      : Promise.reject(serverIsAway());
  return {
    crossesSlots: true,
    isSettled: () => server.isSettled,
    send: (_key, command) => forgetting(server, send(command)),
    fetch: (_key, command) => fetched(server, () => send(command)),
    async stop() {
      server.stop();
    },
  };
}

/** The reply with the epoch of the server that gave it; nothing, as long as that is not known. */
async function fetched(
  server: ServerEpoch,
  send: () => Promise<unknown>,
): Promise<Fetched | undefined> {
  if (server.current === undefined) {
    server.ask();
    return undefined;
  }
  const reply = await forgetting(server, send());
  // Of now, not of when it was sent: the connection may be another since.
  const epoch = server.current;
  return epoch === undefined ? undefined : { reply, epoch };
}

async function forgetting(
  server: ServerEpoch,
  sent: Promise<unknown>,
): Promise<unknown> {
  try {
    return await sent;
  } catch (error) {
    if (isReply(error)) server.forget();
    throw error;
  }
}

const REDISCOVERY_PAUSE_MS = 250;
/**
 * The clients of clusters and sentinels look for another node by themselves and send a command
 * again, however long that takes; by then nobody waits for it.
 */
const ANSWER_TIMEOUT_MS = 2_000;

function answerDeadline(): Deadline {
  return new Deadline(ANSWER_TIMEOUT_MS, systemClock, systemTimers);
}

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
  const deadline = answerDeadline();
  const servers = new Map<FollowedClient, ServerEpoch>();
  const serverOf = (client: FollowedClient): ServerEpoch => {
    const followed = servers.get(client);
    if (followed) return followed;
    const server = new ServerEpoch(client, systemClock);
    servers.set(client, server);
    client.on('end', () => {
      server.stop();
      servers.delete(client);
    });
    return server;
  };
  /** The client of the key's master, where it is connected. */
  const clientOf = (key: string): FollowedClient | undefined => {
    const shard = cluster.slots[calculateSlot(key)];
    const client = shard?.master.client;
    if (!client) return undefined;
    serverOf(client);
    return client.isReady ? client : undefined;
  };
  const send = async (
    key: string,
    command: readonly string[],
  ): Promise<unknown> => {
    // Before the slots are known the client itself stumbles.
    if (cluster.masters.length === 0) throw serverIsAway();
    try {
      // Never as read-only: a replica may lag behind a hold.
      return await deadline.of(() => {
        const sent = cluster.sendCommand(key, false, command, AS_TEXT);
        // Its client is made by then, and followed from the beginning.
        clientOf(key);
        return sent;
      }, noAnswer);
    } catch (error) {
      if (!isReply(error)) rediscover.start(key);
      throw error;
    }
  };
  return {
    crossesSlots: false,
    isSettled(key) {
      const client = clientOf(key);
      return client === undefined || serverOf(client).isSettled;
    },
    send,
    async fetch(key, command) {
      const client = clientOf(key);
      if (!client) return undefined;
      try {
        return await fetched(serverOf(client), () =>
          deadline.of(() => client.sendCommand(command, AS_TEXT), noAnswer),
        );
      } catch {
        // The slot has moved, or its node is away: the cluster's client knows what to do.
        return undefined;
      }
    },
    async stop() {
      for (const server of servers.values()) server.stop();
      await rediscover.stop();
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
  const deadline = answerDeadline();
  const sent = (command: readonly string[]): Promise<unknown> =>
    deadline.of(() => sentinel.sendCommand(false, command, AS_TEXT), noAnswer);
  const recovery = new Recovery(systemClock);
  let hasAnswered = false;
  // While the master is looked for the first time nobody relies on anything.
  const onLost = (): void => {
    if (hasAnswered) recovery.failed();
  };
  sentinel.on('client-error', onLost);
  let running = 0;
  let lent = Promise.resolve();
  return {
    crossesSlots: true,
    isSettled: () => recovery.isSettled,
    // Which server answers cannot be told, so tokens are read by the script, which tells.
    fetch: () => NOTHING,
    async send(_key, command) {
      if (sentinel.getMasterNode() === undefined) {
        if (sentinel.isReady) find.start('');
        onLost();
        throw serverIsAway();
      }
      running += 1;
      try {
        const reply =
          running > 1 ? lent.then(() => sent(command)) : sent(command);
        if (running === 1) lent = afterLending();
        const answer = await reply;
        recovery.answered();
        hasAnswered = true;
        return answer;
      } catch (error) {
        if (!isReply(error)) onLost();
        throw error;
      } finally {
        running -= 1;
      }
    },
    async stop() {
      sentinel.off('client-error', onLost);
      await find.stop();
    },
  };
}

const NOTHING = Promise.resolve(undefined);

/** The two turns of the microtask queue in which the connection is lent. */
async function afterLending(): Promise<void> {
  await Promise.resolve();
  await Promise.resolve();
}

interface Background {
  start(key: string): void;
  stop(): Promise<void>;
}

/** Runs in the background, once at a time, and not again right after its end. */
function oneAtATime(
  run: (key: string) => Promise<void>,
  onError: (error: unknown) => void,
): Background {
  let isBusy = false;
  let isStopped = false;
  let last = Promise.resolve();
  return {
    start(key) {
      if (isBusy || isStopped) return;
      isBusy = true;
      last = run(key)
        .catch((error: unknown) => {
          if (!isStopped) onError(error);
        })
        .finally(() => {
          setTimeout(() => {
            isBusy = false;
          }, REDISCOVERY_PAUSE_MS).unref();
        });
    },
    stop() {
      isStopped = true;
      return last;
    },
  };
}

function serverIsAway(): Error {
  return new Error('The client has no connection to Redis at the moment.');
}

function noAnswer(): Error {
  return new Error(`Redis did not answer within ${ANSWER_TIMEOUT_MS} ms.`);
}
