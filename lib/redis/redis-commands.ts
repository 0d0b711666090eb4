import { type RedisScript } from './scripts.js';

/**
 * The few commands that are called, over a client of one server, of a cluster or of sentinels.
 *
 * Commands issued in one tick share one round trip. A command is refused at once, not queued, while
 * its server is known to be away; one that was written already waits for the server's answer or for
 * the end of the connection.
 */
export interface RedisCommands {
  /**
   * The values of `keys` in their order, `null` where there is none: one `MGET`, or on a cluster one
   * `GET` each. Always asked of masters: a replica may lag behind a hold.
   */
  getMany(keys: readonly string[]): Promise<readonly (string | null)[]>;

  /** Runs a script on its one key; it is sent in full where the server does not know it. */
  run<Reply>(
    script: RedisScript<Reply>,
    key: string,
    args: readonly string[],
  ): Promise<Reply>;
}

/** How one kind of client sends; `key` says to which node of a cluster. */
export interface RedisSender {
  /** Whether one command may name keys of different slots. */
  readonly crossesSlots: boolean;
  send(key: string, command: readonly string[]): Promise<unknown>;
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

  async getMany(keys: readonly string[]): Promise<readonly (string | null)[]> {
    if (!this.#sender.crossesSlots) {
      return inOneTrip(keys, async key =>
        textOrNull(await this.#sender.send(key, ['GET', key])),
      );
    }
    if (keys.length > KEYS_PER_COMMAND) {
      const replies = await inOneTrip(chunksOf(keys, KEYS_PER_COMMAND), chunk =>
        this.getMany(chunk),
      );
      return replies.flat();
    }
    const [first] = keys;
    if (first === undefined) return [];
    const reply = await this.#sender.send(first, ['MGET', ...keys]);
    if (!isTextOrNullEach(reply) || reply.length !== keys.length) {
      throw new TypeError('Expected a text or nil from Redis for each key.');
    }
    return reply;
  }

  async run<Reply>(
    script: RedisScript<Reply>,
    key: string,
    args: readonly string[],
  ): Promise<Reply> {
    const rest = [String(script.numberOfKeys), key, ...args];
    // The first time its source travels along, ahead of whatever names it by its hash: so the first
    // call costs one round trip as well. On a cluster that is true of one node, the others ask.
    if (!this.#sent.has(script.sha1)) return this.#runInFull(script, key, rest);
    try {
      const command = ['EVALSHA', script.sha1, ...rest];
      return script.decode(await this.#sender.send(key, command));
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return this.#runInFull(script, key, rest);
    }
  }

  async #runInFull<Reply>(
    script: RedisScript<Reply>,
    key: string,
    rest: readonly string[],
  ): Promise<Reply> {
    this.#sent.add(script.sha1);
    const command = ['EVAL', script.source, ...rest];
    return script.decode(await this.#sender.send(key, command));
  }
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

function chunksOf<Item>(
  items: readonly Item[],
  size: number,
): readonly (readonly Item[])[] {
  return [...chunks(items, size)];
}

function nextTick(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

function isTextOrNullEach(reply: unknown): reply is (string | null)[] {
  if (!Array.isArray(reply)) return false;
  for (const value of reply) {
    if (value !== null && typeof value !== 'string') return false;
  }
  return true;
}

function textOrNull(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value;
  throw new TypeError(`Expected text or nil from Redis, got ${typeof value}.`);
}
