import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  type Ending,
  ModelDatabase,
  type Resource,
  type Script,
  type Statement,
} from '../support/interleavings/model-database.js';
import {
  ModelProcess,
  type Way,
} from '../support/interleavings/model-process.js';
import { Steps } from '../support/interleavings/steps.js';
import {
  memoryTokens,
  type Plot,
  ROWS,
  type Setting,
  tell,
} from '../support/interleavings/story.js';

const TIMEOUT_MS = 120_000;
/** Stories per test; more by hand: `STORIES=5000 npm test -- test/concurrency/interleavings`. */
const STORIES = Number(globalThis.process.env['STORIES'] ?? 25);
/** The known ways to be stale are found within a few dozen. */
const MANY_STORIES = 2_000;
/** Longer than a story. */
const LONG_MS = 3_600_000;
/** A few ticks of a story. */
const SHORT_MS = 100;
/** As many as no story has. */
const MANY_TOKENS = 100;

const process = fc.nat(1);
// One row more than there is: its absence is an answer as well.
const row = fc.constantFrom(1, 1, 1, ROWS, ROWS + 1);
const resource = fc.constantFrom<Resource>(1, 1, 1, ROWS, ROWS + 1, 'all');
const way = fc.constantFrom<Way>('wrap', 'route');
const write = fc.oneof(
  {
    weight: 4,
    arbitrary: row.map(id => ({ kind: 'update', row: id }) as const),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'update all' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'insert' } as const) },
);
const statement: fc.Arbitrary<Statement> = fc.oneof(
  { weight: 4, arbitrary: write },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('savepoint' as const),
      statements: fc.array(write, { minLength: 1, maxLength: 2 }),
      end: fc.constantFrom('release' as const, 'rollback' as const),
    }),
  },
);

function scripts(
  ...endings: readonly (Ending | 'rollback')[]
): fc.Arbitrary<Script> {
  const ofStatement = endings.filter(ending => ending !== 'rollback');
  return fc.oneof(
    fc.record({
      kind: fc.constant('transaction' as const),
      statements: fc.array(statement, { minLength: 1, maxLength: 2 }),
      end: fc.constantFrom(...endings),
    }),
    fc.record({
      kind: fc.constant('autocommit' as const),
      statement: write,
      end: fc.constantFrom(...ofStatement),
    }),
  );
}

const UPDATE_OF_ONE_ROW: Script = {
  kind: 'transaction',
  statements: [{ kind: 'update', row: 1 }],
  end: 'done',
};
const INSERT_OF_ONE_ROW: Script = {
  kind: 'autocommit',
  statement: { kind: 'insert' },
  end: 'done',
};
const readers = fc.array(
  fc.record({
    process,
    way,
    resources: fc.array(resource, { minLength: 2, maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 3 },
);

function writers(script: fc.Arbitrary<Script>): fc.Arbitrary<Plot['writers']> {
  return fc.array(
    fc.record({
      process,
      scripts: fc.array(script, { minLength: 1, maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 2 },
  );
}

const plot = {
  writers: writers(
    scripts(
      'done',
      'done',
      'failed',
      'done unheard',
      'failed unheard',
      'rollback',
    ),
  ),
  readers,
  maxTokens: fc.constantFrom(MANY_TOKENS, MANY_TOKENS, 3),
};
/** The same around one row, where most of what can go wrong is close to something else. */
const onOneRow = {
  writers: writers(fc.constant(UPDATE_OF_ONE_ROW)),
  readers: fc.array(
    fc.record({
      process,
      way,
      resources: fc.constant<readonly Resource[]>([1, 1, 1]),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  maxTokens: fc.constant(MANY_TOKENS),
};
const faults = fc.array(
  fc.record({
    process,
    nth: fc.integer({ min: 1, max: 6 }),
    fault: fc.constantFrom('down' as const, 'mute' as const, 'late' as const),
  }),
  { minLength: 1, maxLength: 4 },
);

/**
 * Process 0 is slow at these steps, while two readers in `reader` ask for one row again and
 * again: what is wrong about one step alone shows in the first few of them.
 */
function slowStories(
  at: readonly string[],
  {
    reader = 1,
    asked = 1,
    times = 8,
    ...parts
  }: Partial<Plot> & {
    readonly reader?: number;
    readonly asked?: Resource;
    readonly times?: number;
  },
): fc.Arbitrary<Plot> {
  const resources = Array.from({ length: times }, () => asked);
  return fc.record({
    writers: fc.constant([{ process: 0, scripts: [UPDATE_OF_ONE_ROW] }]),
    readers: way.map(each => {
      const one = { process: reader, way: each, resources };
      return [one, one];
    }),
    slow: fc.constant({ process: 0, at }),
    maxTokens: fc.constant(MANY_TOKENS),
    ...Object.fromEntries(
      Object.entries(parts).map(([name, value]) => [name, fc.constant(value)]),
    ),
  });
}

/** Broad stories and narrow ones, with these additions. */
function stories<Parts>(parts: {
  readonly [Name in keyof Parts]: fc.Arbitrary<Parts[Name]>;
}) {
  return fc.oneof(
    fc.record({ ...plot, ...parts }),
    fc.record({ ...onOneRow, ...parts }),
  );
}

/** Whether not all is cached after a story, even so. */
function mayMiss({ maxTokens, responseFaultEach }: Plot): boolean {
  return maxTokens < MANY_TOKENS || responseFaultEach !== undefined;
}

/** How many answers there were, none of them stale, in stories after each of which all is cached. */
async function answersOf(
  setting: Setting,
  plots: fc.Arbitrary<Plot>,
): Promise<number> {
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), plots, async (scheduler, each) => {
      const { answers, stale, uncached } = await tell(scheduler, setting, each);
      answered += answers.length;
      expect(stale).toEqual([]);
      expect(mayMiss(each) ? [] : uncached).toEqual([]);
    }),
    { numRuns: STORIES },
  );
  return answered;
}

/** Whether any story has an answer that is older than the database was. */
async function isEverOutdated(
  setting: Setting,
  plots: fc.Arbitrary<Plot>,
): Promise<boolean> {
  const { failed } = await fc.check(
    fc.asyncProperty(fc.scheduler(), plots, async (scheduler, each) => {
      const { outdated } = await tell(scheduler, setting, each);
      return outdated.length === 0;
    }),
    { numRuns: MANY_STORIES, endOnFailure: true },
  );
  return failed;
}

describe('no answer is older than the database was when its request began', () => {
  it.each<readonly [string, Setting, fc.Arbitrary<Plot>]>([
    [
      'in any order of the steps of two processes',
      { processes: 2 },
      stories({}),
    ],
    [
      'with several holders of one row',
      { processes: 2 },
      fc.record({
        ...plot,
        writers: fc.array(
          fc.record({ process, scripts: fc.constant([UPDATE_OF_ONE_ROW]) }),
          { minLength: 2, maxLength: 3 },
        ),
        readers: fc.array(
          fc.record({
            process,
            way,
            resources: fc.constant<readonly Resource[]>([1, 1, 1]),
          }),
          { minLength: 2, maxLength: 2 },
        ),
      }),
    ],
    [
      'when calls of the token store fail, are lost or come late, in the process that writes',
      { processes: 1 },
      stories({ faults, ticks: fc.nat(4) }),
    ],
    [
      "when calls of the token store fail, are lost or come late, in every process with onStoreFailure: 'abort'",
      { processes: 2, onStoreFailure: 'abort' },
      stories({ faults, ticks: fc.nat(4) }),
    ],
    [
      'when calls of the response store fail',
      { processes: 2 },
      stories({ responseFaultEach: fc.integer({ min: 2, max: 5 }) }),
    ],
    [
      "when a writer's process dies at any step",
      { processes: 2 },
      stories({ deaths: fc.tuple(process), lapses: fc.nat(3) }),
    ],
    [
      'when a commit is slower than half the lease, which keeps its hold',
      { processes: 2 },
      stories({ slowness: fc.integer({ min: 2, max: 6 }) }),
    ],
    [
      'when a statement that inserts a row is slow, which others know as absent',
      { processes: 2 },
      slowStories(['INSERT'], {
        writers: [{ process: 0, scripts: [INSERT_OF_ONE_ROW] }],
        asked: ROWS + 1,
      }),
    ],
    [
      'when the COMMIT of one of several holders is slow',
      { processes: 2 },
      slowStories(['COMMIT'], {
        writers: [
          { process: 0, scripts: [UPDATE_OF_ONE_ROW] },
          { process: 1, scripts: [UPDATE_OF_ONE_ROW] },
        ],
      }),
    ],
    [
      'when a COMMIT is slow beyond its lease, and so is its end',
      { processes: 2 },
      slowStories(['COMMIT is', 'of COMMIT'], {
        slowness: 5,
      }),
    ],
    [
      "when a COMMIT that could not be announced would be slow, with onStoreFailure: 'abort'",
      { processes: 2, onStoreFailure: 'abort' },
      slowStories(['COMMIT'], {
        faults: [{ process: 0, nth: 1, fault: 'down' }],
      }),
    ],
    [
      'when a handler is slow, and its row is written meanwhile',
      { processes: 2 },
      slowStories(['SELECT'], {
        reader: 0,
        writers: [
          { process: 1, scripts: [UPDATE_OF_ONE_ROW, UPDATE_OF_ONE_ROW] },
        ],
      }),
    ],
  ])(
    '%s',
    async (_, setting, plots) => {
      expect(await answersOf(setting, plots)).toBeGreaterThan(STORIES);
    },
    TIMEOUT_MS,
  );

  it.each<readonly [string, Setting, fc.Arbitrary<Plot>]>([
    [
      'with near tokens, between a commit and the message of its hold',
      { processes: 2, near: { maxAgeMs: LONG_MS } },
      fc.record(onOneRow),
    ],
    [
      "with consistency: 'commit', between a commit and the replacement",
      { processes: 1, consistency: 'commit' },
      fc.record(plot),
    ],
    [
      "with onStoreFailure: 'serve', in another process than the one whose hold was lost",
      { processes: 2 },
      fc.constant<Plot>({
        writers: [{ process: 0, scripts: [UPDATE_OF_ONE_ROW] }],
        readers: [{ process: 1, way: 'route', resources: [1, 1, 1] }],
        faults: [{ process: 0, nth: 1, fault: 'down' }],
        maxTokens: MANY_TOKENS,
      }),
    ],
  ])(
    'but for the known exception: %s',
    async (_, setting, plots) => {
      expect(await isEverOutdated(setting, plots)).toBe(true);
    },
    TIMEOUT_MS,
  );
});

describe('with near tokens, no answer lacks a change of which its process was told, or which it made', () => {
  const near = { maxAgeMs: LONG_MS };
  /** Process 1 writes, of which process 0 is told. */
  const toldToTheReader = {
    reader: 0,
    writers: [{ process: 1, scripts: [UPDATE_OF_ONE_ROW, UPDATE_OF_ONE_ROW] }],
  };

  it.each<readonly [string, Setting, fc.Arbitrary<Plot>]>([
    [
      'in any order of the steps of two processes',
      { processes: 2, near },
      stories({}),
    ],
    [
      'when messages get lost, from when that is noticed',
      { processes: 2, near },
      stories({ losses: fc.array(process, { minLength: 1, maxLength: 2 }) }),
    ],
    [
      "when calls of the token store fail, are lost or come late, with onStoreFailure: 'abort'",
      { processes: 2, near, onStoreFailure: 'abort' },
      stories({ faults, ticks: fc.nat(4) }),
    ],
    [
      "when a writer's process dies at any step",
      { processes: 2, near },
      stories({ deaths: fc.tuple(process), lapses: fc.nat(3) }),
    ],
    [
      'when messages are slow',
      { processes: 2, near },
      slowStories(['is told of'], toldToTheReader),
    ],
    [
      'when tokens that were read arrive after the message of their change',
      { processes: 2, near },
      slowStories(['hears of read'], toldToTheReader),
    ],
    [
      'when tokens that were read arrive after their changes were lost',
      { processes: 2, near },
      slowStories(['hears of read'], { ...toldToTheReader, losses: [0] }),
    ],
    [
      'when a row is inserted that others know as absent, and messages are slow',
      { processes: 2, near },
      slowStories(['is told of'], {
        reader: 0,
        asked: ROWS + 1,
        writers: [{ process: 1, scripts: [INSERT_OF_ONE_ROW] }],
      }),
    ],
    [
      'when messages never come, for longer than a copy may be old',
      // A hold that is given up is no hold of which anybody is told.
      {
        processes: 2,
        near: { maxAgeMs: SHORT_MS },
        onStoreFailure: 'abort',
      },
      slowStories(['is told of'], { ...toldToTheReader, ticks: 8 }),
    ],
    [
      'when the process that commits reads what it wrote',
      { processes: 1, near },
      slowStories(['COMMIT', 'hears of'], { reader: 0 }),
    ],
  ])(
    '%s',
    async (_, setting, plots) => {
      expect(await answersOf(setting, plots)).toBeGreaterThan(STORIES);
    },
    TIMEOUT_MS,
  );
});

it(
  'a COMMIT that fails costs a miss at most',
  async () => {
    const failing = scripts('failed', 'failed unheard', 'rollback');
    const plots = fc.record({ ...plot, writers: writers(failing) });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), plots, async (scheduler, each) => {
        const told = await tell(scheduler, { processes: 2 }, each);
        const changed = told.answers.filter(
          ({ value, atLeast }) => value !== atLeast,
        );
        expect(changed).toEqual([]);
        expect(mayMiss(each) ? [] : told.uncached).toEqual([]);
      }),
      { numRuns: STORIES },
    );
  },
  TIMEOUT_MS,
);

it(
  'there is one run for all concurrent misses of one fingerprint; its failure reaches all and poisons none',
  async () => {
    const seen = { shared: 0, failed: 0 };
    const plots = fc.record({
      ways: fc.array(way, { minLength: 2, maxLength: 5 }),
      failing: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), plots, async (scheduler, each) => {
        const steps = new Steps(scheduler, 60);
        const only = await ModelProcess.start({
          name: 'process',
          steps,
          database: new ModelDatabase(ROWS),
          tokens: memoryTokens(steps.time, MANY_TOKENS),
          responses: new Map(),
          consistency: 'strict',
          onStoreFailure: 'serve',
          leaseMs: 1_000,
          responseFaultEach: 0,
        });
        for (const asked of ['wrap', 'route'] as const) {
          let running = 0;
          let runs = 0;
          const expected = new Set<string>();
          const handler = async (): Promise<number> => {
            const run = (runs += 1);
            running += 1;
            expect(running).toBe(1);
            await only.life.step(`run ${run} goes on`);
            running -= 1;
            const fails = each.failing[run - 1] ?? false;
            expected.add(fails ? `run ${run} failed` : `${run}`);
            seen.failed += fails ? 1 : 0;
            if (fails) throw new Error(`run ${run} failed`);
            return run;
          };
          const ends = new Set<string>();
          const requests = each.ways
            .filter(one => one === asked)
            .map(async () => {
              await only.life.step(`is asked by ${asked}`);
              ends.add(
                await only
                  .answer(1, asked, handler)
                  .then(String, (error: Error) => error.message),
              );
            });
          await steps.until(requests);
          await steps.rest();
          // Each failure reaches whoever shared its run, and nobody else.
          expect(ends).toEqual(expected);
          seen.shared += requests.length - runs;
        }
      }),
      { numRuns: 2 * STORIES },
    );
    expect(seen.shared).toBeGreaterThan(STORIES / 2);
    expect(seen.failed).toBeGreaterThan(STORIES / 2);
  },
  TIMEOUT_MS,
);
