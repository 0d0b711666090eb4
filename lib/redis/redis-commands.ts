import { type RedisScript } from './redis-script.js';

/**
 * The few commands that are called, over a client of one server, of a cluster or of sentinels.
 *
 * Commands issued in one tick share one round trip. A command is refused at once, not queued, while
 * its server is known to be away; one that was written already waits for the server's answer or for
 * the end of the connection.
 */
export interface RedisCommands {
  /** Whether one command may name any keys; else those of one slot only. */
  readonly crossesSlots: boolean;

  /** Whether what stands under this key may be trusted: not right after its server was away. */
  isSettled(key: string): boolean;

  /** Rejects unless the servers of these keys answer. */
  reach(keys: readonly string[]): Promise<void>;

  /**
   * The values of `keys` in their order, `null` where there is none, each decoded with the epoch of
   * the server that answered: one `MGET`, or on a cluster one `GET` each. Always asked of masters: a
   * replica may lag behind a hold. `undefined` for those whose server's epoch is not known.
   */
  getMany<Value>(
    keys: readonly string[],
    decode: (value: string | null, epoch: string) => Value,
  ): Promise<readonly (Value | undefined)[]>;

  /**
   * Runs a script on at least one key, all of one slot; it is sent in full where the server does not
   * know it.
   */
  run<Reply>(
    script: RedisScript<Reply>,
    keys: ScriptKeys,
    args: readonly string[],
  ): Promise<Reply>;
}

/** The first says to which node of a cluster. */
export type ScriptKeys = readonly [string, ...string[]];

/** A reply, and the epoch of the server that gave it. */
export interface Fetched {
  readonly reply: unknown;
  readonly epoch: string;
}

/** How one kind of client sends; `key` says to which node of a cluster. */
export interface RedisSender {
  readonly crossesSlots: boolean;
  isSettled(key: string): boolean;
  send(key: string, command: readonly string[]): Promise<unknown>;
  /** Sends a command that only reads; `undefined` where the server's epoch is not known. */
  fetch(key: string, command: readonly string[]): Promise<Fetched | undefined>;
  /** Ends what it does in the background, and waits until it has. */
  stop(): Promise<void>;
}

/** The largest `MGET`: what Redis answers in well under a millisecond, so that others get their turn. */
const KEYS_PER_COMMAND = 500;

export class SentRedisCommands implements RedisCommands {
  readonly #sender: RedisSender;
  /** Hashes of the scripts that were sent with their source; a server may have forgotten them. */
  readonly #sent = new Set<string>();

  constructor(sender: RedisSender) {
    this.#sender = sender;
  }

  get crossesSlots(): boolean {
    return this.#sender.crossesSlots;
  }

  isSettled(key: string): boolean {
    return this.#sender.isSettled(key);
  }

  async reach(keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map(key => this.#sender.send(key, ['EXISTS', key])));
  }

  async getMany<Value>(
    keys: readonly string[],
    decode: (value: string | null, epoch: string) => Value,
  ): Promise<readonly (Value | undefined)[]> {
    if (!this.crossesSlots) {
      return inOneTrip(keys, async key => {
        const fetched = await this.#sender.fetch(key, ['GET', key]);
        return fetched && decode(textOrNull(fetched.reply), fetched.epoch);
      });
    }
    if (keys.length > KEYS_PER_COMMAND) {
      const values = await inOneTrip(chunksOf(keys, KEYS_PER_COMMAND), chunk =>
        this.getMany(chunk, decode),
      );
      return values.flat();
    }
    const [first] = keys;
    if (first === undefined) return [];
    const fetched = await this.#sender.fetch(first, ['MGET', ...keys]);
    return fetched
      ? decodedEach(fetched, keys.length, decode)
      : keys.map(() => undefined);
  }

  async run<Reply>(
    script: RedisScript<Reply>,
    keys: ScriptKeys,
    args: readonly string[],
  ): Promise<Reply> {
    const rest = [String(keys.length), ...keys, ...args];
    // The first time its source travels along, ahead of whatever names it by its hash: so the first
    // call costs one round trip as well. On a cluster that is true of one node, the others ask.
    if (!this.#sent.has(script.sha1)) {
      return this.#runInFull(script, keys, rest);
    }
    try {
      const command = ['EVALSHA', script.sha1, ...rest];
      return script.decode(await this.#sender.send(keys[0], command));
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return this.#runInFull(script, keys, rest);
    }
  }

  async #runInFull<Reply>(
    script: RedisScript<Reply>,
    [key]: ScriptKeys,
    rest: readonly string[],
  ): Promise<Reply> {
    this.#sent.add(script.sha1);
    const command = ['EVAL', script.source, ...rest];
    return script.decode(await this.#sender.send(key, command));
  }
}

function decodedEach<Value>(
  { reply, epoch }: Fetched,
  expected: number,
  decode: (value: string | null, epoch: string) => Value,
): readonly Value[] {
  if (!Array.isArray(reply) || reply.length !== expected) {
    throw new TypeError('Expected a text or nil from Redis for each key.');
  }
  return reply.map((value: unknown) => decode(textOrNull(value), epoch));
}

const ITEMS_PER_TICK = 500;

/**
 * Sends for every item without waiting for answers between them: one round trip. Many items are
 * spread over several ticks, so that the process serves others meanwhile.
 */
export async function inOneTrip<Item, Reply>(
  items: readonly Item[],
  send: (item: Item) => Promise<Reply>,
): Promise<Reply[]> {
  const [only] = items;
  if (only !== undefined && items.length === 1) return [await send(only)];
  if (items.length <= ITEMS_PER_TICK) return Promise.all(items.map(send));
  const replies: Promise<Reply[]>[] = [];
  for (const chunk of chunksOf(items, ITEMS_PER_TICK)) {
    const sent = Promise.all(chunk.map(send));
    // Heard below, but perhaps only after the ticks that the rest is sent in.
    sent.catch(() => undefined);
    replies.push(sent);
    await nextTick();
  }
  return (await Promise.all(replies)).flat();
}

function* chunks<Item>(items: readonly Item[], size: number) {
  for (let start = 0; start < items.length; start += size) {
    yield items.slice(start, start + size);
  }
}

export function chunksOf<Item>(
  items: readonly Item[],
  size: number,
): readonly (readonly Item[])[] {
  if (items.length > 0 && items.length <= size) return [items];
  return [...chunks(items, size)];
}

function nextTick(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

function textOrNull(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value;
  throw new TypeError(`Expected text or nil from Redis, got ${typeof value}.`);
}
