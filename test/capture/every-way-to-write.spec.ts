import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createDatabase,
  DATABASES,
  type OpenedDatabase,
  type TestDatabase,
} from '../support/databases.js';
import { describeWith } from '../support/suites.js';
import {
  dueTouches,
  keepCopies,
  putBack,
  snapshot,
  type Snapshot,
  type Unseen,
  unseenBy,
} from './ground-truth.js';
import { type ObservedZoo, observeZoo } from './observed-zoo.js';
import { OPERATIONS } from './operations.js';
import { seed } from './seed.js';

const GOLDEN = 'test/golden/writes';

for (const database of DATABASES) {
  const title = `every way to write on ${database.name}`;
  const suite = (url?: string): void => suiteOn(database, url);
  if (database.service) describeWith(database.service, title, suite);
  else describe(title, suite);
}

function suiteOn(database: TestDatabase, url: string | undefined): void {
  const golden = `${GOLDEN}/${database.name}.json`;
  const pinned = readGolden(golden);
  const found: Record<string, readonly string[]> = {};
  let opened: OpenedDatabase;
  let zoo: ObservedZoo;
  let unseen: { run: Unseen; close: () => Promise<void> };
  let original: Snapshot;

  beforeAll(async () => {
    opened = await createDatabase(database, url);
    zoo = await observeZoo(opened.options);
    await seed(zoo.dataSource);
    unseen = await unseenBy(zoo.dataSource);
    await keepCopies(zoo.schema, unseen.run);
    original = await snapshot(zoo.schema, unseen.run);
  }, 60_000);

  afterAll(async () => {
    if (process.env['UPDATE_GOLDEN'] === '1') writeGolden(golden, found);
    await unseen.close();
    await zoo.close();
    await opened.drop();
  });

  const operations = OPERATIONS.filter(
    ({ only }) => !only || only.includes(database.name),
  );
  it.each(operations)('$name', async ({ name, run, fails }) => {
    zoo.takeTouched();
    zoo.takeHeld();
    const failure = await run(zoo.dataSource).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure !== undefined && !fails) throw failure;
    const touched = zoo.takeTouched();
    const held = zoo.takeHeld();
    const after = await snapshot(zoo.schema, unseen.run);
    const { due } = dueTouches(zoo.schema, original, after);
    const changed = [...original.keys()].filter(
      table =>
        JSON.stringify([...(original.get(table) ?? [])]) !==
        JSON.stringify([...(after.get(table) ?? [])]),
    );
    await putBack(zoo.dataSource, zoo.schema, changed, unseen.run);

    found[name] = touched;
    const missed = due.filter(
      ({ any }) => !any.some(one => touched.includes(one)),
    );
    expect(missed).toEqual([]);
    expect(await heldNow(zoo, [...touched, ...held])).toEqual([]);
    if (process.env['UPDATE_GOLDEN'] !== '1') {
      expect(touched).toEqual(
        pinned[name] ?? 'run UPDATE_GOLDEN=1 npm test -- test/capture',
      );
    }
  });
}

/** Identifiers on which a hold was left behind. */
async function heldNow(
  { store }: ObservedZoo,
  identifiers: Parameters<ObservedZoo['store']['read']>[0],
): Promise<readonly string[]> {
  const answers = await store.read(identifiers);
  return identifiers.filter((_, index) => typeof answers[index] === 'symbol');
}

function readGolden(path: string): Readonly<Record<string, readonly string[]>> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, string[]>;
  } catch {
    return {};
  }
}

function writeGolden(
  path: string,
  found: Readonly<Record<string, readonly string[]>>,
): void {
  mkdirSync(GOLDEN, { recursive: true });
  writeFileSync(path, `${JSON.stringify(found, null, 2)}\n`);
}
