import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@keyv/redis';
import { type DataSource } from 'typeorm';
import { BusDelay } from './bus-delay.js';
import { Member } from './member.js';
import { NOTES } from './process/compared-cache.js';
import { type CacheName, type Reading } from './process/main.js';

export type Outcome =
  | 'fresh'
  | 'fresh, a needless miss'
  | 'stale for a moment'
  | 'stale until the next write'
  | 'stale beyond the next write';

export interface Servers {
  readonly postgres: string;
  readonly redis: string;
  /** A connection of the comparison's own. */
  readonly database: DataSource;
}

export interface MemberOptions {
  /** How far its clock is ahead of the others'. */
  readonly clockOffsetMs?: number;
  /** Whether the cache keeps answers in the process's memory as well. */
  readonly memory?: boolean;
}

/** The keys under which each cache keeps what tells it that its answers are outdated. */
const METADATA: Readonly<Record<CacheName, string | undefined>> = {
  bentocache: '*___bc:t:*',
  cacheable: '*--cacheable--tags--*',
  // It has none: what is outdated is deleted.
  'nest-cache-manager': undefined,
  // Tokens and holds; its answers begin with `alkey:key:`.
  'alkey-strict': 'alkey:[^k]*',
  'alkey-commit': 'alkey:[^k]*',
};

const NOTE = 1;
/** How long a cache has to get over what happened to it; stale beyond that counts as lasting. */
const MOMENT_MS = 500;

/** One row, the processes that read and write it through one cache, and what was seen. */
export class World {
  private readonly members: Member[] = [];
  private text = 0;
  private wasStale = false;
  private wasNeedlessMiss = false;

  private constructor(
    private readonly cache: CacheName,
    private readonly servers: Servers,
    private readonly bus: BusDelay,
  ) {}

  /** In an empty Redis. */
  static async create(cache: CacheName, servers: Servers): Promise<World> {
    const world = new World(cache, servers, await BusDelay.open(servers.redis));
    await world.loseData();
    await servers.database.query('TRUNCATE notes');
    await servers.database
      .getRepository(NOTES)
      .insert({ id: NOTE, text: world.newText() });
    return world;
  }

  async start({
    clockOffsetMs = 0,
    memory = false,
  }: MemberOptions = {}): Promise<Member> {
    const { postgres, redis } = this.servers;
    const around = { postgres, redis, bus: this.bus.url, memory };
    const member = await Member.start(this.cache, around, clockOffsetMs);
    this.members.push(member);
    return member;
  }

  /** Has `member` read until it is answered from the cache. */
  async warm(member: Member): Promise<void> {
    const readings = await this.readings(member);
    if (readings.at(-1)?.isLoaded !== false) {
      throw new Error(`${this.cache} caches nothing.`);
    }
  }

  write(member: Member): Promise<void> {
    return member.write(NOTE, this.newText());
  }

  async rollBack(member: Member): Promise<void> {
    await member.rollBack(NOTE, this.newText());
  }

  read(member: Member): Promise<Reading> {
    return member.read(NOTE);
  }

  /** Reads, and notes whether any answer is older than the database. */
  async look(member: Member): Promise<void> {
    if (await this.isStaleIn(member)) this.wasStale = true;
  }

  /** The same for the one next read, which would better be answered from the cache. */
  async lookForMiss(member: Member): Promise<void> {
    const { isLoaded } = await this.read(member);
    this.wasNeedlessMiss ||= isLoaded;
    await this.look(member);
  }

  keepMessagesBack(): void {
    this.bus.keepBack();
  }

  deliverMessages(): void {
    this.bus.deliver();
  }

  async loseData(): Promise<void> {
    await this.inRedis('FLUSHALL');
  }

  async loseMetadata(): Promise<void> {
    const pattern = METADATA[this.cache];
    if (pattern === undefined) return;
    const keys = (await this.inRedis('KEYS', pattern)) as readonly string[];
    await this.inRedis('DEL', ...keys);
    if (Number(await this.inRedis('DBSIZE')) === 0) {
      throw new Error(`Expected more keys than those like ${pattern}.`);
    }
  }

  /** What `reader` was answered in all, and for how long when that was stale. */
  async outcome(reader: Member): Promise<Outcome> {
    await this.look(reader);
    if (!this.wasStale) {
      return this.wasNeedlessMiss ? 'fresh, a needless miss' : 'fresh';
    }
    if (await this.becomesFresh(reader)) return 'stale for a moment';
    await this.write(await this.start());
    if (await this.becomesFresh(reader)) return 'stale until the next write';
    return 'stale beyond the next write';
  }

  async end(): Promise<void> {
    await Promise.all(this.members.map(member => member.kill()));
    await this.bus.close();
  }

  private async becomesFresh(reader: Member): Promise<boolean> {
    const deadline = performance.now() + MOMENT_MS;
    while (await this.isStaleIn(reader)) {
      if (performance.now() > deadline) return false;
      await sleep(10);
    }
    return true;
  }

  private newText(): string {
    return `text ${(this.text += 1)}`;
  }

  private async isStaleIn(member: Member): Promise<boolean> {
    const { text } = await this.servers.database
      .getRepository(NOTES)
      .findOneByOrFail({ id: NOTE });
    const readings = await this.readings(member);
    return readings.some(reading => reading.text !== text);
  }

  /** Reads until one is answered from the cache, which may be filled in the background. */
  private async readings(member: Member): Promise<readonly Reading[]> {
    const readings: Reading[] = [];
    do {
      if (readings.length > 0) await sleep(10);
      readings.push(await this.read(member));
    } while (readings.at(-1)?.isLoaded && readings.length < 20);
    return readings;
  }

  private async inRedis(...words: string[]): Promise<unknown> {
    const client = createClient({ url: this.servers.redis });
    await client.connect();
    try {
      return await client.sendCommand(words);
    } finally {
      client.destroy();
    }
  }
}
