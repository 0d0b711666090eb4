import {
  createClient,
  createCluster,
  createSentinel,
  type RedisClientOptions,
  type RedisClusterOptions,
} from '@keyv/redis';
import {
  SentRedisCommands,
  type RedisCommands,
  type RedisSender,
} from './redis-commands.js';
import {
  clientSender,
  clusterSender,
  sentinelSender,
  type RedisConnection,
  type SentCluster,
  type SentSentinel,
} from './redis-senders.js';
import {
  type AskedClient,
  keepAnswering,
  keepConnected,
  LONGEST_RECONNECT_DELAY_MS,
  PING_INTERVAL_MS,
  SILENCE_MS,
} from './keep-connected.js';
import { type InvalidatedClient } from './redis-token-changes.js';
import { type FollowedClient } from './server-epoch.js';

export type RedisSentinelOptions = Parameters<typeof createSentinel>[0];

/** A `KeyvRedis`, of whichever copy of its package. */
export interface KeyvRedisLike {
  readonly client: object;
  getClient(): Promise<unknown>;
}

/**
 * Where Redis is: a URL, options of node-redis for one server, a cluster (`rootNodes`) or sentinels
 * (`sentinelRootNodes` and `name`), a client made from such, or a `KeyvRedis`.
 */
export type RedisOption =
  | string
  | RedisClientOptions
  | RedisClusterOptions
  | RedisSentinelOptions
  | RedisConnection
  | KeyvRedisLike;

export interface OpenRedisOptions {
  /**
   * Told of every error of the connection, also of each attempt to connect again, about five times a
   * second while Redis is away. Must not throw.
   */
  readonly onError: (error: unknown) => void;
}

export interface OpenedRedis {
  readonly commands: RedisCommands;
  /** The client of node-redis, for others that want to share the connection. */
  readonly client: RedisConnection;
  /**
   * A connection of its own, not opened yet, that tells which keys change; `undefined` on a cluster
   * and behind sentinels, where no one server knows.
   */
  invalidations(): InvalidatedClient | undefined;
  /** Whether `close()` closes the client: only where it was opened here. */
  readonly ownsClient: boolean;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 1_000;
/** After this many attempts a sentinel's client asks the sentinels for the master anew. */
const RECONNECTS_TO_ONE_MASTER = 3;

/**
 * Opens what the option names, or takes the client that it is.
 *
 * What is opened here connects in the background, and again whenever the connection is lost; while
 * Redis is away or frozen every command is rejected after about a second (two on a cluster or behind
 * sentinels), at once where that is known.
 * Settings in the given options win over those made here. A client that is handed in is connected
 * if it is not, and never closed.
 */
export function openRedis(
  redis: RedisOption,
  { onError }: OpenRedisOptions,
): OpenedRedis {
  if (typeof redis === 'string') {
    return own(createClient(clientDefaults({ url: redis })), onError);
  }
  if ('getClient' in redis) return borrow(asConnection(redis.client), onError);
  if (isConnection(redis)) return borrow(redis, onError);
  if ('sentinelRootNodes' in redis) {
    return own(createSentinel(sentinelDefaults(redis)), onError);
  }
  if ('rootNodes' in redis) {
    return own(createCluster(clusterDefaults(redis)), onError);
  }
  return own(createClient(clientDefaults(redis)), onError);
}

function own(client: object, onError: (error: unknown) => void): OpenedRedis {
  const connection = asConnection(client);
  connection.on('error', onError);
  const kept = isSingle(connection)
    ? keepAnswering(connection, onError)
    : keepConnected(connection, onError);
  const sender = senderFor(connection, onError);
  return {
    commands: new SentRedisCommands(sender),
    client: connection,
    invalidations: () => invalidationsOf(connection),
    ownsClient: true,
    async close() {
      kept.stop();
      const stopped = sender.stop();
      // Not `close()`, which waits for the answers of a server that may be gone.
      if (connection.isOpen) await connection.destroy();
      await stopped;
      // A cluster that was just asking for its slots has connected to its nodes again.
      if (isCluster(connection) && connection.masters.length > 0) {
        await connection.destroy();
      }
    },
  };
}

function borrow(
  connection: RedisConnection,
  onError: (error: unknown) => void,
): OpenedRedis {
  // Without any listener an error event ends the process. It stays when we close, because the client
  // lives on.
  if (connection.listenerCount('error') === 0) connection.on('error', onError);
  if (!connection.isOpen) connection.connect().catch(onError);
  const sender = senderFor(connection, onError);
  return {
    commands: new SentRedisCommands(sender),
    client: connection,
    invalidations: () => invalidationsOf(connection),
    ownsClient: false,
    async close() {
      // Not waited for: what is under way ends when the client that lives on lets it.
      void sender.stop();
    },
  };
}

function invalidationsOf(
  connection: RedisConnection,
): InvalidatedClient | undefined {
  if (isCluster(connection) || isSentinel(connection)) return undefined;
  const client = connection as unknown as ReturnType<typeof createClient>;
  const { socket } = client.options;
  return client.duplicate({
    ...clientDefaults({ socket } as RedisClientOptions),
    RESP: 3,
    emitInvalidate: true,
  } as RedisClientOptions) as unknown as InvalidatedClient;
}

function senderFor(
  connection: RedisConnection,
  onError: (error: unknown) => void,
): RedisSender {
  if (isCluster(connection)) return clusterSender(connection, onError);
  if (isSentinel(connection)) return sentinelSender(connection, onError);
  return clientSender(connection as RedisConnection & FollowedClient);
}

function clientDefaults(options: RedisClientOptions): RedisClientOptions {
  return {
    disableOfflineQueue: true,
    ...options,
    // A copy as well because node-redis writes what it reads from the URL into its options.
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      // Of the first exchange on a connection; later ones are watched by what is answered.
      socketTimeout: SILENCE_MS,
      reconnectStrategy: reconnectDelayMs,
      ...options.socket,
    } as RedisClientOptions['socket'],
  } as RedisClientOptions;
}

// Of nodes of a cluster and behind sentinels, whose clients are not ours to restart: a frozen server
// accepts what is written and never answers. The ping keeps an idle connection from being taken for
// one.
function nodeDefaults(options: RedisClientOptions): RedisClientOptions {
  return clientDefaults({
    pingInterval: PING_INTERVAL_MS,
    ...options,
  } as RedisClientOptions);
}

function clusterDefaults(options: RedisClusterOptions): RedisClusterOptions {
  return {
    ...options,
    defaults: nodeDefaults({
      ...options.defaults,
    } as RedisClientOptions) as RedisClusterOptions['defaults'],
  };
}

function sentinelDefaults(options: RedisSentinelOptions): RedisSentinelOptions {
  const node = nodeDefaults({
    ...options.nodeClientOptions,
    socket: {
      // Connecting to a master that is gone must end, or the client never asks the sentinels again.
      reconnectStrategy: (retries: number) =>
        retries < RECONNECTS_TO_ONE_MASTER
          ? reconnectDelayMs(retries)
          : new Error(`No answer after ${retries} attempts to connect.`),
      ...options.nodeClientOptions?.socket,
    },
  } as RedisClientOptions);
  const sentinel = nodeDefaults({
    ...options.sentinelClientOptions,
  } as RedisClientOptions);
  return {
    passthroughClientErrorEvents: true,
    // Otherwise callers of one tick wait for each other's answers.
    reserveClient: true,
    ...options,
    nodeClientOptions: node as RedisSentinelOptions['nodeClientOptions'],
    sentinelClientOptions:
      sentinel as RedisSentinelOptions['sentinelClientOptions'],
  };
}

function reconnectDelayMs(retries: number): number {
  return Math.min(50 * 2 ** retries, LONGEST_RECONNECT_DELAY_MS);
}

function isConnection(value: object): value is RedisConnection {
  return 'sendCommand' in value && 'isOpen' in value;
}

function asConnection(value: object): RedisConnection {
  if (isConnection(value)) return value;
  throw new TypeError('Expected a client of node-redis.');
}

function isSingle(
  connection: RedisConnection,
): connection is RedisConnection & AskedClient & FollowedClient {
  return !isCluster(connection) && !isSentinel(connection);
}

function isCluster(
  connection: RedisConnection,
): connection is RedisConnection & SentCluster {
  return 'slots' in connection;
}

function isSentinel(
  connection: RedisConnection,
): connection is RedisConnection & SentSentinel {
  return 'getSentinelNode' in connection;
}
