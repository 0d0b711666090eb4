import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  array,
  assert,
  asyncProperty,
  constantFrom,
  nat,
  oneof,
  record,
  subarray,
  type Arbitrary,
} from 'fast-check';
import { type Identifier } from '../../lib/core/identifiers/identifier.js';
import { MemoryTokenStore } from '../../lib/core/tokens/memory-token-store.js';
import {
  chosenToken,
  HELD,
  mintHolder,
  type Holder,
} from '../../lib/core/tokens/token.js';
import { type TokenStore } from '../../lib/core/tokens/token-store.js';
import { type OpenedRedis } from '../../lib/redis/open-redis.js';
import { unique } from '../contract/token-store.contract.js';
import { ManualTime } from '../support/manual-time.js';
import {
  connectedRedis,
  redisTokenStore,
} from '../support/redis-token-stores.js';
import { describeWith } from '../support/suites.js';

const IDENTIFIERS = 3;
const HOLDERS = 3;
const LASTING_MS = 60_000;
const BRIEF_MS = 1;
/** After this long a brief lease has ended, on any machine and by any clock. */
const AFTER_BRIEF_MS = 15;

type Command = (
  world: World,
) => (store: TokenStore) => Promise<readonly unknown[]>;

interface World {
  readonly identifiers: readonly Identifier[];
  readonly holders: readonly Holder[];
  pass(ms: number): Promise<void>;
}

const which = subarray([...Array(IDENTIFIERS).keys()], { minLength: 1 });
const who = nat(HOLDERS - 1);
const howLong = constantFrom(LASTING_MS, LASTING_MS, BRIEF_MS);

const named = (world: World, places: readonly number[]) =>
  places.map(place => world.identifiers[place]!);

/** A command and what it says in a counterexample. */
interface Scripted {
  readonly run: Command;
  toString(): string;
}

function scripted<Values>(
  values: Arbitrary<Values>,
  name: string,
  run: (values: Values) => Command,
): Arbitrary<Scripted> {
  return values.map(each => ({
    run: run(each),
    toString: () => `${name} ${JSON.stringify(each)}`,
  }));
}

const commands: Arbitrary<Scripted> = oneof(
  {
    weight: 4,
    arbitrary: scripted(
      which,
      'read',
      places => world => store => store.read(named(world, places)),
    ),
  },
  {
    weight: 4,
    arbitrary: scripted(
      record({ which, who, howLong }),
      'hold',
      ({ which: places, who: holder, howLong: ms }) =>
        world =>
        async store => {
          await store.hold(named(world, places), world.holders[holder]!, ms);
          if (ms === BRIEF_MS) await world.pass(AFTER_BRIEF_MS);
          return [];
        },
    ),
  },
  {
    weight: 5,
    arbitrary: scripted(
      record({
        which,
        who,
        outcome: constantFrom('changed', 'unchanged', 'unchanged'),
        lag: constantFrom(0, 0, 0, BRIEF_MS, LASTING_MS),
      }),
      'release',
      ({ which: places, who: holder, outcome, lag }) =>
        world =>
        async store => {
          await store.release(
            named(world, places),
            world.holders[holder]!,
            outcome as 'changed' | 'unchanged',
            lag,
          );
          if (lag === BRIEF_MS) await world.pass(AFTER_BRIEF_MS);
          return [];
        },
    ),
  },
  {
    weight: 1,
    arbitrary: scripted(which, 'replace', places => world => async store => {
      await store.replace(named(world, places));
      return [];
    }),
  },
  {
    weight: 1,
    arbitrary: scripted(
      record({
        place: nat(IDENTIFIERS - 1),
        token: constantFrom('a', 'h-;', '3:é;'),
      }),
      'write',
      ({ place, token }) =>
        world =>
        async store => {
          await store.write(world.identifiers[place]!, chosenToken(token));
          return [];
        },
    ),
  },
);

/** Ends every hold without a change and reads: what was remembered shows. */
const FINALE: readonly {
  readonly command: Scripted;
  readonly byOther: boolean;
}[] = [
  ...Array.from({ length: HOLDERS }, (_, holder) => ({
    byOther: false,
    command: {
      run: (world: World) => async (store: TokenStore) => {
        await store.release(
          world.identifiers,
          world.holders[holder]!,
          'unchanged',
        );
        return [];
      },
    },
  })),
  ...[false, true].map(byOther => ({
    byOther,
    command: {
      run: (world: World) => (store: TokenStore) =>
        store.read(world.identifiers),
    },
  })),
];

/** Gives tokens names by the order in which they were first seen, so that two stores compare. */
function renaming(): (answers: readonly unknown[]) => readonly string[] {
  const names = new Map<unknown, string>();
  return answers =>
    answers.map(answer => {
      if (answer === HELD) return 'held';
      const name = names.get(answer) ?? `token ${names.size + 1}`;
      names.set(answer, name);
      return name;
    });
}

describeWith('REDIS_URL', 'any sequence of operations', url => {
  let opened: readonly OpenedRedis[];
  beforeAll(async () => {
    opened = await Promise.all([connectedRedis(url), connectedRedis(url)]);
  });
  afterAll(async () => {
    await Promise.all(opened.map(each => each.close()));
  });

  it('has the same answers from Redis, asked by two processes, as from memory', async () => {
    await assert(
      asyncProperty(
        array(
          record({ command: commands, byOther: constantFrom(true, false) }),
          {
            minLength: 2,
            maxLength: 40,
          },
        ),
        async script => {
          const time = new ManualTime();
          const memory = new MemoryTokenStore({
            clock: time.clock,
            randomBytes,
            tokenTtlMs: LASTING_MS,
            maxTokens: 1_000,
          });
          const processes = opened.map(each => redisTokenStore(each));
          const shared = {
            identifiers: Array.from({ length: IDENTIFIERS }, unique),
            holders: Array.from({ length: HOLDERS }, () =>
              mintHolder(randomBytes),
            ),
          };
          const inMemory = {
            ...shared,
            pass: (ms: number) => time.advance(ms),
          };
          const inRedis = { ...shared, pass: (ms: number) => sleep(ms) };
          const ofMemory = renaming();
          const ofRedis = renaming();
          for (const { command, byOther } of [...script, ...FINALE]) {
            const expected = await command.run(inMemory)(memory);
            const actual = await command.run(inRedis)(
              processes[byOther ? 1 : 0]!,
            );
            expect(ofRedis(actual)).toEqual(ofMemory(expected));
          }
        },
      ),
      { numRuns: 150 },
    );
  }, 120_000);
});
