import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer } from '../support/start-app.js';
import { type Versions } from './app/entities.js';
import { type Kind } from './app/kinds.js';
import { type SoakDatabase } from './database.js';
import { type Fleet } from './fleet.js';
import { type History } from './history.js';
import { BLINK, type Ledger } from './ledger.js';
import { type Random } from './random.js';

/** Items that are there all the time. */
export const ITEMS = 5;
/** Of the rows that come and go, the latest are asked for. */
const BLINKS_ASKED = 6;
const READERS = 6;
const WRITERS = 2;
/** Pauses between the requests of one reader, or one writer, so that the machine is not the limit. */
const READ_PAUSE_MS = 4;
const WRITE_PAUSE_MS = 100;
/** What a writer lets readers do before it writes again, for so long at most: on a slow machine nothing would be a hit. */
const READS_BETWEEN_WRITES = 24;
const LONGEST_WRITE_PAUSE_MS = 1_000;
const READS_SEEN_MS = 10;
/** One read of so many is preceded by a look into the database. */
const READS_PER_LOOK = 4;
const NOBODY_PAUSE_MS = 50;

const ITEM_WAYS = [
  'save',
  'update',
  'update-child',
  'raw',
  'bulk',
  'transaction',
  'transaction',
  'query-runner',
  'savepoint',
  'rollback',
];

export interface Load {
  readonly fleet: Fleet;
  readonly ledger: Ledger;
  readonly history: History;
  readonly database: SoakDatabase;
  readonly random: Random;
  readonly kinds: readonly Kind[];
  readonly isOver: () => boolean;
}

/** Reads and writes until the run is over. */
export async function runLoad(load: Load): Promise<void> {
  const blinks = new Blinks(load);
  await Promise.all([
    ...Array.from({ length: READERS }, () => readOn(load, blinks)),
    ...Array.from({ length: WRITERS }, () => writeOn(load)),
    blinks.run(),
  ]);
}

async function readOn(load: Load, blinks: Blinks): Promise<void> {
  const { random, kinds, isOver } = load;
  while (!isOver()) {
    const kind = random.of(kinds);
    const question = questionToAsk(random, blinks);
    // Asked again at once it is often a hit, and as often another process's.
    const times = random.integer(1, 3);
    for (let time = 0; time < times; time += 1) {
      await read(load, blinks, kind, question);
      await sleep(random.between(0, 2 * READ_PAUSE_MS));
    }
  }
}

async function read(
  load: Load,
  blinks: Blinks,
  kind: Kind,
  question: string,
): Promise<void> {
  const { fleet, ledger, history, database, random } = load;
  const path = `/${kind}/${question}`;
  const looks = random.integer(1, READS_PER_LOOK) === 1;
  if (looks) ledger.sawAll(await database.versions(), 'read in the database');
  const app = fleet.any(random);
  if (!app) {
    await sleep(NOBODY_PAUSE_MS);
    return;
  }
  const dues = ledger.dues();
  const beganMs = history.clock();
  const answer = await orLost(app.get(path));
  if (!answer) {
    history.lost += 1;
  } else if (answer.status !== 200) {
    history.failed(errorIn(answer));
  } else {
    const answered = JSON.parse(answer.body) as Versions;
    const versions = isList(question)
      ? { ...blinks.allAbsent(), ...answered }
      : answered;
    const isHit = /; hit\b/.test(answer.cacheStatus ?? '');
    history.answered({ kind, path, isHit, beganMs, dues, versions });
    if (looks) history.readsAgainstDatabase += 1;
    ledger.sawAll(answered, 'answered');
  }
}

function questionToAsk(random: Random, blinks: Blinks): string {
  const id = random.integer(1, ITEMS);
  return random.of([
    `items/${id}`,
    `items/${id}`,
    `cards/${id}`,
    `pairs/${id}/${(id % ITEMS) + 1}`,
    `blinks/${random.of(blinks.asked())}`,
    'items',
    'blinks',
    'all',
  ]);
}

/** Whether a row that comes and goes is absent where the answer does not name it. */
function isList(question: string): boolean {
  return question === 'blinks' || question === 'all';
}

async function writeOn(load: Load): Promise<void> {
  const { random, history, isOver } = load;
  while (!isOver()) {
    const count = random.integer(1, 3);
    const ids = new Set(
      Array.from({ length: count }, () => random.integer(1, ITEMS)),
    );
    await write(
      load,
      random.of(ITEM_WAYS),
      [...ids].toSorted((a, b) => a - b),
    );
    const enough = history.reads + READS_BETWEEN_WRITES;
    const latestMs = history.clock() + LONGEST_WRITE_PAUSE_MS;
    await sleep(random.between(0, 2 * WRITE_PAUSE_MS));
    while (history.reads < enough && history.clock() < latestMs) {
      await sleep(READS_SEEN_MS);
    }
  }
}

/** Answers whether the write was acknowledged; notes what is committed since then at least. */
async function write(
  load: Load,
  way: string,
  ids: readonly number[],
): Promise<boolean> {
  const { fleet, ledger, history, random } = load;
  const app = fleet.any(random);
  if (!app) {
    await sleep(NOBODY_PAUSE_MS);
    return false;
  }
  const before = ledger.dues();
  const stamp = `${random.integer(0, 1e9)}`;
  const answer = await orLost(
    app.send('POST', `/writes/${way}`, { ids, stamp }),
  );
  if (!answer) {
    history.lost += 1;
    return false;
  }
  if (answer.status >= 300) {
    const error = errorIn(answer);
    if (error.startsWith('ALKEY_STORE_UNAVAILABLE')) history.refusedWrites += 1;
    else history.failed(error);
    return false;
  }
  history.writes += 1;
  for (const row of JSON.parse(answer.body) as readonly string[]) {
    // It came after everything known when it began.
    const version = (before.get(row)?.version ?? 0) + 1;
    ledger.saw(row, version, 'acknowledged');
  }
  return true;
}

/** Rows that come and go, one after the other, each asked for before it comes and after it went. */
class Blinks {
  private latest = 1;

  constructor(private readonly load: Load) {}

  /** The keys that readers ask for; the last of them is not there yet. */
  asked(): readonly number[] {
    const first = Math.max(1, this.latest - BLINKS_ASKED);
    return Array.from(
      { length: this.latest + 1 - first + 1 },
      (_, index) => first + index,
    );
  }

  allAbsent(): Versions {
    return Object.fromEntries(this.asked().map(id => [`blinks#${id}`, null]));
  }

  async run(): Promise<void> {
    const { random, isOver, ledger } = this.load;
    for (; !isOver(); this.latest += 1) {
      const id = this.latest;
      await this.live(id);
      // Answers that are still under way may name it.
      ledger.forget(`blinks#${id - 10 * BLINKS_ASKED}`);
      await sleep(random.between(0, 2 * WRITE_PAUSE_MS));
    }
  }

  /** After a step whose outcome is unknown nobody can tell in which order the next would come. */
  private async live(id: number): Promise<void> {
    const { random } = this.load;
    const pause = () => sleep(random.between(0, 4 * WRITE_PAUSE_MS));
    const insert = random.of(['insert-blink', 'save-blink']);
    if (!(await write(this.load, insert, [id]))) return;
    await pause();
    if (!(await write(this.load, 'save-blink', [id]))) return;
    await pause();
    this.load.ledger.deleting(`blinks#${id}`);
    const way = random.of(['delete-blink', 'remove-blink']);
    if (!(await write(this.load, way, [id]))) return;
    this.load.ledger.saw(`blinks#${id}`, BLINK.deleted, 'acknowledged');
  }
}

async function orLost(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch {
    // The process or its connection ended; the fleet starts it again.
    return undefined;
  }
}

function errorIn({ status, body }: Answer): string {
  try {
    return String((JSON.parse(body) as { error?: unknown }).error);
  } catch {
    return `${status} ${body.slice(0, 100)}`;
  }
}
