import { type Member } from './member.js';
import { type MemberOptions, type World } from './world.js';

/** Something that goes wrong in the life of a cache, step by step. */
export interface Scenario {
  readonly name: string;
  /** What happens, as a sentence. */
  readonly title: string;
  /** What is special about its processes. */
  readonly reader?: MemberOptions;
  readonly writer?: MemberOptions;
  /** Whether the reader begins without a cached answer. */
  readonly isCold?: boolean;
  /** What happens then; ends with every step done. */
  steps(world: World, reader: Member, writer: Member): Promise<void>;
}

/** Runs it; answers the process that is asked from then on. */
export async function play(scenario: Scenario, world: World): Promise<Member> {
  const [reader, writer] = await Promise.all([
    world.start(scenario.reader),
    world.start(scenario.writer),
  ]);
  if (!scenario.isCold) await world.warm(reader);
  await scenario.steps(world, reader, writer);
  return reader;
}

const FIVE_MINUTES_MS = 300_000;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'fill race',
    title: 'a reader stores what it read before another process wrote',
    isCold: true,
    async steps(world, reader, writer) {
      const loaded = await reader.stopAt('loaded');
      const reading = world.read(reader);
      await loaded.reached;
      await world.write(writer);
      await loaded.open();
      await reading;
    },
  },
  {
    name: 'commit window',
    title: 'a reader asks between COMMIT and the invalidation',
    async steps(world, reader, writer) {
      const committed = await writer.stopAt('committed');
      const writing = world.write(writer);
      await committed.reached;
      await world.look(reader);
      await committed.open();
      await writing;
    },
  },
  {
    name: 'crash',
    title: 'the writer is killed between COMMIT and the invalidation',
    async steps(world, reader, writer) {
      const committed = await writer.stopAt('committed');
      const writing = world.write(writer);
      await committed.reached;
      await Promise.all([writer.kill(), writing.catch(() => undefined)]);
    },
  },
  {
    name: 'lost metadata',
    title: 'Redis evicts what says that answers are outdated',
    async steps(world, _, writer) {
      await world.write(writer);
      await world.loseMetadata();
    },
  },
  {
    name: 'lost data',
    title: 'Redis loses everything',
    async steps(world, _, writer) {
      await world.write(writer);
      await world.loseData();
    },
  },
  {
    name: 'writer’s clock is slow',
    title: 'the writer’s clock is five minutes slow',
    writer: { clockOffsetMs: -FIVE_MINUTES_MS },
    steps: (world, _, writer) => world.write(writer),
  },
  {
    name: 'reader’s clock is fast',
    title: 'the clock of the reader that stores is five minutes fast',
    reader: { clockOffsetMs: FIVE_MINUTES_MS },
    steps: (world, _, writer) => world.write(writer),
  },
  {
    name: 'rollback',
    title: 'a transaction invalidates and is rolled back',
    async steps(world, reader, writer) {
      await world.rollBack(writer);
      await world.lookForMiss(reader);
    },
  },
  {
    name: 'memory in front',
    title:
      'another process, with the answer in its memory, reads right after the write',
    reader: { memory: true },
    writer: { memory: true },
    async steps(world, reader, writer) {
      world.keepMessagesBack();
      await world.write(writer);
      await world.look(reader);
      world.deliverMessages();
    },
  },
];
