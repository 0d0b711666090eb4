import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type RedisServer,
  type SentinelServers,
  until,
} from '../support/redis-servers.js';
import { type FaultKind } from './faults.js';
import { type Random } from './random.js';

/** An empty Redis takes more than this, so every key has to go. */
const NO_MEMORY_BYTES = '1';
const POLICIES = [
  'allkeys-lru',
  'allkeys-random',
  'volatile-lru',
  'volatile-ttl',
  'noeviction',
];
/** A sentinel needs its time to notice, and a server to be in step again. */
const FAILOVER_TIMEOUT_MS = 30_000;

/** What happens to a single server. */
export function singleRedisFaults(
  server: RedisServer,
  random: Random,
): readonly FaultKind[] {
  return [
    {
      kind: 'redis restarted empty',
      async run(begin) {
        await forgetSnapshot(server);
        begin();
        await server.kill();
        await sleep(random.between(0, 500));
        await server.restart();
      },
    },
    {
      kind: 'redis restarted from a snapshot',
      async run(begin) {
        await server.command('SAVE');
        const ageMs = random.integer(50, 1_500);
        await sleep(ageMs);
        begin(`${ageMs} ms old`);
        await server.kill();
        await sleep(random.between(0, 200));
        await server.restart();
        await forgetSnapshot(server);
      },
    },
    ...anyRedisFaults(() => Promise.resolve(server), random),
  ];
}

/** What happens to a master with a replica and a sentinel. */
export function sentinelFaults(
  { master, replica, sentinel }: SentinelServers,
  random: Random,
): readonly FaultKind[] {
  const servers = [master, replica];
  const current = async (): Promise<RedisServer> => {
    const [, port] = (await sentinel.command(
      'SENTINEL',
      'GET-MASTER-ADDR-BY-NAME',
      'alkey',
    )) as readonly string[];
    return servers.find(server => `${server.port}` === port) ?? master;
  };
  // Not always the one that was promoted: on a busy machine a sentinel may change its mind.
  const inStep = async (): Promise<boolean> => {
    const first = await current();
    const other = servers.find(server => server !== first) ?? replica;
    if ((await isMaster(first)) && (await isMaster(other))) {
      // What the sentinel would tell it some ten seconds later.
      await other.command('REPLICAOF', '127.0.0.1', `${first.port}`);
    }
    return isInStep(other);
  };
  const failOver = async (
    begin: (detail?: string) => void,
    end: (old: RedisServer) => Promise<void>,
    comeBack: (old: RedisServer) => Promise<void>,
  ): Promise<void> => {
    const old = await current();
    const next = servers.find(server => server !== old) ?? replica;
    // What the master acknowledges from here on, the replica never learns.
    const lostMs = random.integer(50, 1_000);
    next.freeze();
    try {
      await old.command('CLIENT', 'KILL', 'TYPE', 'replica');
      await sleep(lostMs);
      begin(`the last ${lostMs} ms lost`);
      await end(old);
    } finally {
      next.thaw();
    }
    await until(async () => (await current()) === next, FAILOVER_TIMEOUT_MS);
    await until(() => isMaster(next), FAILOVER_TIMEOUT_MS);
    await comeBack(old);
    await until(inStep, FAILOVER_TIMEOUT_MS);
  };
  return [
    {
      kind: 'master killed, failover',
      run: begin =>
        failOver(
          begin,
          old => old.kill(),
          old => old.restart(),
        ),
    },
    {
      kind: 'master frozen, failover',
      run: begin =>
        failOver(
          begin,
          async old => old.freeze(),
          async old => {
            old.thaw();
            // It still takes itself for the master, beside the new one.
            await sleep(random.between(0, 3_000));
          },
        ),
    },
    ...anyRedisFaults(current, random),
  ];
}

/** What happens to the connections by which a server tells of changes, and to nothing else. */
export function messageFaults(server: RedisServer): readonly FaultKind[] {
  return [
    {
      kind: 'redis message connections dropped',
      async run(begin) {
        const clients = String(await server.command('CLIENT', 'LIST'));
        const ids = clients
          .split('\n')
          .filter(client => BROADCAST.test(client))
          .map(client => /^id=(\d+)/.exec(client)?.[1] ?? '');
        begin();
        for (const id of ids) await server.command('CLIENT', 'KILL', 'ID', id);
      },
    },
  ];
}

/** How `CLIENT LIST` marks those that are told of all changes. */
const BROADCAST = / flags=\w*B/;

function anyRedisFaults(
  current: () => Promise<RedisServer>,
  random: Random,
): readonly FaultKind[] {
  return [
    {
      kind: 'redis emptied',
      async run(begin) {
        const server = await current();
        begin();
        await server.command('FLUSHALL');
      },
    },
    {
      kind: 'redis frozen',
      async run(begin) {
        const server = await current();
        // Shorter than a sentinel takes to notice, and long enough for every timeout.
        const ms = random.integer(20, 250) * random.of([1, 1, 6]);
        begin(`${ms} ms`);
        server.freeze();
        try {
          await sleep(ms);
        } finally {
          server.thaw();
        }
      },
    },
    {
      kind: 'redis connections dropped',
      async run(begin) {
        const server = await current();
        begin();
        await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
      },
    },
    {
      kind: 'redis out of memory',
      async run(begin) {
        const server = await current();
        const policy = random.of(POLICIES);
        await server.command('CONFIG', 'SET', 'maxmemory-policy', policy);
        begin(policy);
        await server.command('CONFIG', 'SET', 'maxmemory', NO_MEMORY_BYTES);
        try {
          await sleep(random.between(10, 300));
        } finally {
          await server.command('CONFIG', 'SET', 'maxmemory', '0');
        }
      },
    },
  ];
}

async function forgetSnapshot(server: RedisServer): Promise<void> {
  const dir = await setting(server, 'dir');
  await rm(join(dir, await setting(server, 'dbfilename')), { force: true });
}

async function setting(server: RedisServer, name: string): Promise<string> {
  const [, value] = (await server.command(
    'CONFIG',
    'GET',
    name,
  )) as readonly string[];
  return value ?? '';
}

function isMaster(server: RedisServer): Promise<boolean> {
  return says(server, 'role:master');
}

function isInStep(server: RedisServer): Promise<boolean> {
  return says(server, 'master_link_status:up');
}

async function says(server: RedisServer, fact: string): Promise<boolean> {
  try {
    return String(await server.command('INFO', 'replication')).includes(fact);
  } catch {
    return false;
  }
}
