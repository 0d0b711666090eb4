import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Outcomes } from '../compare/compare.js';
import { SCENARIOS } from '../compare/scenarios.js';
import { CACHES, documentedTable, markdown } from '../compare/table.js';
import { describeWithRedisServers } from '../support/redis-servers.js';
import { describeWith } from '../support/suites.js';

const TIMEOUT_MS = 180_000;

const run = promisify(execFile);

async function compared(...flags: readonly string[]): Promise<Outcomes> {
  const command = ['test/compare/run.mjs', '--json', ...flags];
  const { stdout } = await run(process.execPath, command).catch(
    (error: Error & { readonly stdout: string }) => {
      // It fails where `strict` was stale, too, after it has said what it saw.
      if (error.stdout) return error;
      throw error;
    },
  );
  return JSON.parse(stdout) as Outcomes;
}

function cellsOf(table: string): readonly (readonly string[])[] {
  return table.split('\n').map(row => row.split('|').map(cell => cell.trim()));
}

/** What README.md says, by scenario and cache. */
function documentedOutcomes(): Outcomes {
  const [, , ...rows] = cellsOf(documentedTable());
  return Object.fromEntries(
    rows.map(([, title, ...cells]) => [
      SCENARIOS.find(scenario => scenario.title === title)?.name ?? title,
      Object.fromEntries(CACHES.map((cache, index) => [cache, cells[index]])),
    ]),
  );
}

describe('the table of README.md that compares caches', () => {
  it('has the form, the scenarios and the versions of what `npm run compare` runs', () => {
    expect(documentedTable()).toBe(
      markdown(SCENARIOS, CACHES, documentedOutcomes()),
    );
  });
});

describeWithRedisServers('caches compared', () => {
  describeWith('POSTGRES_URL', 'on PostgreSQL', () => {
    let ours: Outcomes;
    beforeAll(async () => {
      ours = await compared('--caches=alkey-strict');
    }, TIMEOUT_MS);

    it.each(SCENARIOS.map(({ title, name }) => [title, name]))(
      'no answer is outdated when %s',
      (_, name) => {
        expect(ours[name]).toEqual({ 'alkey-strict': 'fresh' });
      },
    );

    it(
      'every cache without tokens keeps what a reader stores late, as README.md says',
      async () => {
        const name = 'fill race';
        const others = CACHES.filter(cache => !cache.startsWith('alkey'));
        const { [name]: outcomes } = await compared(
          `--caches=${others.join(',')}`,
          `--scenarios=${name}`,
        );
        const { [name]: documented } = documentedOutcomes();
        expect(documented).toMatchObject(outcomes!);
        expect(Object.values(outcomes!)).toEqual(
          others.map(() => 'stale until the next write'),
        );
      },
      TIMEOUT_MS,
    );
  });
});
