import { type RunLeases } from '../core/cluster-flight.js';
import { type RedisCommands } from './redis-commands.js';
import { defineScript, type RedisScript } from './redis-script.js';

/** Arguments: the owner, the lease in milliseconds. */
const TAKE = leaseScript(
  `
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`,
);

const IS_TAKEN = leaseScript("return redis.call('EXISTS', KEYS[1])");

/** Arguments: the owner. */
const DROP = leaseScript(
  `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`,
);

/** Leases in Redis, one key each; their time is Redis's own. */
export class RedisRunLeases implements RunLeases {
  readonly #commands: RedisCommands;
  readonly #keyPrefix: string;

  constructor(commands: RedisCommands, namespace: string) {
    this.#commands = commands;
    this.#keyPrefix = `${namespace}:@run:`;
  }

  async take(key: string, owner: string, leaseMs: number): Promise<boolean> {
    return this.#run(TAKE, key, [owner, String(leaseMs)]);
  }

  async isTaken(key: string): Promise<boolean> {
    return this.#run(IS_TAKEN, key, []);
  }

  async drop(key: string, owner: string): Promise<void> {
    await this.#run(DROP, key, [owner]);
  }

  #run(
    asked: RedisScript<boolean>,
    key: string,
    args: readonly string[],
  ): Promise<boolean> {
    return this.#commands.run(asked, [this.#keyPrefix + key], args);
  }
}

function leaseScript(source: string): RedisScript<boolean> {
  return defineScript(source, reply => reply === 1);
}
