import { Deadline } from '../core/tokens/deadline.js';
import { systemTimers } from '../core/tokens/timers.js';
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
    stop: () => Promise.resolve(),
  };
}

const REDISCOVERY_PAUSE_MS = 250;
/**
 * The clients of clusters and sentinels look for another node by themselves and send a command
 * again, however long that takes; by then nobody waits for it.
 */
const ANSWER_TIMEOUT_MS = 2_000;

function answerDeadline(): Deadline {
  return new Deadline(ANSWER_TIMEOUT_MS, () => performance.now(), systemTimers);
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
  return {
    crossesSlots: false,
    async send(key, command) {
      // Before the slots are known the client itself stumbles.
      if (cluster.masters.length === 0) throw serverIsAway();
      try {
        // Never as read-only: a replica may lag behind a hold.
        return await deadline.of(
          () => cluster.sendCommand(key, false, command, AS_TEXT),
          noAnswer,
        );
      } catch (error) {
        if (!isReply(error)) rediscover.start(key);
        throw error;
      }
    },
    stop: () => rediscover.stop(),
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
  let running = 0;
  let lent = Promise.resolve();
  return {
    crossesSlots: true,
    async send(_key, command) {
      if (sentinel.getMasterNode() === undefined) {
        if (sentinel.isReady) find.start('');
        throw serverIsAway();
      }
      running += 1;
      try {
        if (running > 1) {
          await lent;
          return await sent(command);
        }
        const reply = sent(command);
        lent = afterLending();
        return await reply;
      } finally {
        running -= 1;
      }
    },
    stop: () => find.stop(),
  };
}

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

/** Whether Redis itself said no; else the command did not reach it, or the answer did not us. */
function isReply(error: unknown): boolean {
  return error instanceof Error && /^[A-Z]+ /.test(error.message);
}

function serverIsAway(): Error {
  return new Error('The client has no connection to Redis at the moment.');
}

function noAnswer(): Error {
  return new Error(`Redis did not answer within ${ANSWER_TIMEOUT_MS} ms.`);
}
