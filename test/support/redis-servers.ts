import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient } from '@keyv/redis';

/** A Redis of one's own, which may be killed, frozen and emptied. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Runs one command on a connection of its own. */
  command(...args: string[]): Promise<unknown>;
  /** Stops answering without closing a connection (SIGSTOP). */
  freeze(): void;
  thaw(): void;
  /** Ends it at once, with all it knows (SIGKILL). */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>;
}

/** Several servers that end together. */
export interface RedisServers extends AsyncDisposable {
  readonly servers: readonly RedisServer[];
  readonly ports: readonly number[];
  stop(): Promise<void>;
}

export interface SentinelServers extends RedisServers {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly sentinel: RedisServer;
}

const PATH = [
  process.env.PATH,
  '/usr/local/sbin',
  '/usr/sbin',
  '/usr/bin',
].join(delimiter);
const START_TIMEOUT_MS = 15_000;

/**
 * A suite that starts Redis servers of its own. Where there is no `redis-server` on PATH it is
 * skipped, and its title says so; with `REQUIRE_SERVICES=1` it fails instead.
 */
export function describeWithRedisServers(
  title: string,
  body: () => void,
): void {
  // Jest's global, because this file is also used where `@jest/globals` cannot be imported.
  if (isOnPath('redis-server') || process.env.REQUIRE_SERVICES === '1') {
    describe(`${title}`, () => {
      body();
    });
    return;
  }
  // oxlint-disable-next-line jest/no-disabled-tests -- the reason is in the title
  describe.skip(`${title} [skipped: redis-server is not on PATH]`, () => {
    body();
  });
}

export async function startRedis(
  ...settings: string[]
): Promise<RedisServers & { readonly server: RedisServer }> {
  const group = await startGroup();
  try {
    const server = await group.start(settings);
    return { ...group.servers(), server };
  } catch (error) {
    await group.stop();
    throw error;
  }
}

/** Three masters that share the slots; with `'spare'` a fourth node takes the first one's place. */
export async function startRedisCluster(
  spare?: 'spare',
): Promise<RedisServers> {
  const group = await startGroup();
  try {
    const settings = [
      '--cluster-enabled',
      'yes',
      '--repl-diskless-sync-delay',
      '0',
      '--cluster-node-timeout',
      '2000',
    ];
    const nodes = [
      await group.start(settings),
      await group.start(settings),
      await group.start(settings),
    ] as const;
    const [first] = nodes;
    const bounds = [0, 5461, 10923, 16384];
    for (const [index, node] of nodes.entries()) {
      await node.command(
        'CLUSTER',
        'ADDSLOTS',
        ...range(bounds[index]!, bounds[index + 1]!),
      );
      if (node !== first) {
        await node.command('CLUSTER', 'MEET', '127.0.0.1', `${first.port}`);
      }
    }
    for (const node of nodes) {
      await until(async () =>
        String(await node.command('CLUSTER', 'INFO')).includes(
          'cluster_state:ok',
        ),
      );
    }
    if (spare) {
      const replica = await group.start(settings);
      const id = String(await first.command('CLUSTER', 'MYID'));
      await replica.command('CLUSTER', 'MEET', '127.0.0.1', `${first.port}`);
      await until(async () =>
        String(await replica.command('CLUSTER', 'NODES')).includes(id),
      );
      await replica.command('CLUSTER', 'REPLICATE', id);
      // One that has never been in step does not take over.
      await until(() => isInStep(replica));
      for (const node of nodes) {
        await until(async () =>
          String(await node.command('CLUSTER', 'NODES')).includes(
            `slave ${id}`,
          ),
        );
      }
    }
    return group.servers();
  } catch (error) {
    await group.stop();
    throw error;
  }
}

/** A master called `alkey`, one replica, and one sentinel that may fail over by itself. */
export async function startRedisSentinel(): Promise<SentinelServers> {
  const group = await startGroup();
  try {
    const master = await group.start([]);
    const replica = await group.start([
      '--replicaof',
      '127.0.0.1',
      `${master.port}`,
      '--repl-diskless-sync-delay',
      '0',
    ]);
    await until(() => isInStep(replica));
    const sentinel = await group.startSentinel(
      [
        `sentinel monitor alkey 127.0.0.1 ${master.port} 1`,
        'sentinel down-after-milliseconds alkey 300',
        'sentinel failover-timeout alkey 2000',
      ].join('\n'),
    );
    await until(async () =>
      String(await sentinel.command('SENTINEL', 'REPLICAS', 'alkey')).includes(
        `${replica.port}`,
      ),
    );
    return { ...group.servers(), master, replica, sentinel };
  } catch (error) {
    await group.stop();
    throw error;
  }
}

async function isInStep(replica: RedisServer): Promise<boolean> {
  const info = String(await replica.command('INFO', 'replication'));
  return info.includes('master_link_status:up');
}

interface Group {
  start(settings: readonly string[]): Promise<RedisServer>;
  startSentinel(config: string): Promise<RedisServer>;
  servers(): RedisServers;
  stop(): Promise<void>;
}

async function startGroup(): Promise<Group> {
  const dir = await mkdtemp(join(tmpdir(), 'alkey-redis-servers-'));
  const guard = startGuard();
  guard.tell({ dir });
  const servers: RedisServer[] = [];
  const stop = async () => {
    for (const server of servers) server.thaw();
    await guard.end();
  };
  const add = async (args: (port: number) => Promise<readonly string[]>) => {
    const port = await freePort();
    const server = redisServer(port, await args(port), dir, guard);
    await server.restart();
    servers.push(server);
    return server;
  };
  return {
    start: settings =>
      add(async port => {
        const basics = `--port ${port} --bind 127.0.0.1 --save  --appendonly no`;
        const files = `--dbfilename ${port}.rdb --cluster-config-file ${port}.nodes`;
        return [...`${basics} ${files}`.split(' '), ...settings];
      }),
    startSentinel: config =>
      add(async port => {
        const file = join(dir, `${port}.conf`);
        await writeFile(file, `port ${port}\nbind 127.0.0.1\n${config}\n`);
        return [file, '--sentinel'];
      }),
    servers: () => ({
      servers,
      ports: servers.map(server => server.port),
      stop,
      [Symbol.asyncDispose]: stop,
    }),
    stop,
  };
}

function redisServer(
  port: number,
  args: readonly string[],
  dir: string,
  guard: Guard,
): RedisServer {
  let child: ChildProcess | undefined;
  const url = `redis://127.0.0.1:${port}`;
  const commandOnce = async (words: readonly string[]): Promise<unknown> => {
    const client = createClient({ url, socket: { reconnectStrategy: false } });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await client.sendCommand(words);
    } finally {
      if (client.isOpen) client.destroy();
    }
  };
  const command = async (...words: string[]): Promise<unknown> => {
    for (let left = 5; ; left -= 1) {
      try {
        return await commandOnce(words);
      } catch (error) {
        // A server that changes its role sends its clients away, those that just came as well.
        if (left === 0 || !/Socket closed|ECONNRESET/.test(String(error))) {
          throw error;
        }
        await sleep(50);
      }
    }
  };
  return {
    port,
    url,
    command,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async kill() {
      if (!child || child.exitCode !== null || child.signalCode !== null)
        return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      guard.tell({ gone: child.pid });
    },
    async restart() {
      child = spawn('redis-server', args, {
        cwd: dir,
        stdio: 'ignore',
        // Ctrl-C in a terminal reaches the specs first, then the guard ends the server.
        detached: true,
        env: { ...process.env, PATH },
      });
      let failure: Error | undefined;
      child.once('error', error => (failure = error));
      child.unref();
      if (child.pid) guard.tell({ pid: child.pid });
      await until(async () => {
        if (failure) throw failure;
        return isListening(port);
      });
    },
  };
}

interface Guard {
  tell(message: Readonly<Record<string, unknown>>): void;
  end(): Promise<void>;
}

/** The process that ends the servers when this one is gone, however it goes. */
function startGuard(): Guard {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('redis-servers-guard.js', import.meta.url))],
    { stdio: ['pipe', 'ignore', 'inherit'], detached: true },
  );
  child.unref();
  return {
    tell: message => void child.stdin.write(`${JSON.stringify(message)}\n`),
    async end() {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.ref();
      child.stdin.end();
      await ended;
    },
  };
}

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `${from + index}`);
}

/** Waits for a fact. */
export async function until(
  isTrue: () => Promise<boolean> | boolean,
  timeoutMs = START_TIMEOUT_MS,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) {
      throw new Error(`Not true after ${timeoutMs} ms: ${isTrue}`);
    }
    await sleep(10);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') {
    throw new Error('Expected a TCP address.');
  }
  // A node of a cluster listens on the port 10000 above its own as well.
  return address.port < 55_000 ? address.port : freePort();
}

function isListening(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function isOnPath(name: string): boolean {
  return PATH.split(delimiter).some(folder => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
