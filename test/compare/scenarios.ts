import { type Member } from './member.js';
import { type World } from './world.js';

/** Something that goes wrong in the life of a cache, step by step. */
export interface Scenario {
  readonly name: string;
  /** What happens, as a sentence. */
  readonly title: string;
  /** Ends with every step done; answers the process that is asked from then on. */
  run(world: World): Promise<Member>;
}

const FIVE_MINUTES_MS = 300_000;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'fill race',
    title: 'a reader stores what it read before another process wrote',
    async run(world) {
      const [reader, writer] = await two(world);
      const loaded = await reader.stopAt('loaded');
      const reading = world.read(reader);
      await loaded.reached;
      await world.write(writer);
      await loaded.open();
      await reading;
      return reader;
    },
  },
  {
    name: 'commit window',
    title: 'a reader asks between COMMIT and the invalidation',
    async run(world) {
      const [reader, writer] = await two(world);
      await world.warm(reader);
      const committed = await writer.stopAt('committed');
      const writing = world.write(writer);
      await committed.reached;
      await world.look(reader);
      await committed.open();
      await writing;
      return reader;
    },
  },
  {
    name: 'crash',
    title: 'the writer is killed between COMMIT and the invalidation',
    async run(world) {
      const [reader, writer] = await two(world);
      await world.warm(reader);
      const committed = await writer.stopAt('committed');
      const writing = world.write(writer);
      await committed.reached;
      await Promise.all([writer.kill(), writing.catch(() => undefined)]);
      return reader;
    },
  },
  {
    name: 'lost metadata',
    title: 'Redis evicts what says that answers are outdated',
    async run(world) {
      const [reader, writer] = await two(world);
      await world.warm(reader);
      await world.write(writer);
      await world.loseMetadata();
      return reader;
    },
  },
  {
    name: 'lost data',
    title: 'Redis loses everything',
    async run(world) {
      const [reader, writer] = await two(world);
      await world.warm(reader);
      await world.write(writer);
      await world.loseData();
      return reader;
    },
  },
  {
    name: 'writer’s clock is slow',
    title: 'the writer’s clock is five minutes slow',
    async run(world) {
      const [reader, writer] = await Promise.all([
        world.start(),
        world.start({ clockOffsetMs: -FIVE_MINUTES_MS }),
      ]);
      await world.warm(reader);
      await world.write(writer);
      return reader;
    },
  },
  {
    name: 'reader’s clock is fast',
    title: 'the clock of the reader that stores is five minutes fast',
    async run(world) {
      const [reader, writer] = await Promise.all([
        world.start({ clockOffsetMs: FIVE_MINUTES_MS }),
        world.start(),
      ]);
      await world.warm(reader);
      await world.write(writer);
      return reader;
    },
  },
  {
    name: 'rollback',
    title: 'a transaction invalidates and is rolled back',
    async run(world) {
      const [reader, writer] = await two(world);
      await world.warm(reader);
      await world.rollBack(writer);
      await world.lookForMiss(reader);
      return reader;
    },
  },
  {
    name: 'memory in front',
    title:
      'another process, with the answer in its memory, reads right after the write',
    async run(world) {
      const memory = true;
      const [reader, writer] = await Promise.all([
        world.start({ memory }),
        world.start({ memory }),
      ]);
      await world.warm(reader);
      world.keepMessagesBack();
      await world.write(writer);
      await world.look(reader);
      world.deliverMessages();
      return reader;
    },
  },
];

function two(world: World): Promise<readonly [Member, Member]> {
  return Promise.all([world.start(), world.start()]);
}
