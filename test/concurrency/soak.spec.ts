import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { describeWithRedisServers } from '../support/redis-servers.js';
import { describeWith } from '../support/suites.js';
import { KINDS } from '../soak/app/kinds.js';
import { type Report } from '../soak/report.js';

const SCRIPT = fileURLToPath(new URL('../soak/run.mjs', import.meta.url));

/** Runs `npm run soak` in a process of its own, as by hand. */
function soak(url: string, ...flags: readonly string[]): Promise<Report> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [SCRIPT, '--json', ...flags],
      { env: { ...process.env, POSTGRES_URL: url }, maxBuffer: 2 ** 26 },
      (_error, printed, warnings) => {
        // It ends with 1 where it found something.
        try {
          resolve(JSON.parse(printed) as Report);
        } catch {
          reject(new Error(`The soak printed no report. ${warnings}`));
        }
      },
    );
  });
}

function count(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}

describeWithRedisServers('three processes under load', () => {
  describeWith('POSTGRES_URL', 'with PostgreSQL', url => {
    it('never answer older than the database was, while processes are killed and Redis is restarted, emptied and frozen', async () => {
      // 'serve' lets a process commit what it cannot announce, and be the only one to know.
      const flags = '--seconds 60 --seed 1 --on-store-failure abort';
      const report = await soak(url, ...flags.split(' '));
      expect(report.stories).toEqual([]);
      expect(report.staleReads).toBe(0);
      expect(report.errors).toEqual({});
      expect(report.checkedReads).toBeGreaterThan(500);
      expect(report.hits).toBeGreaterThan(100);
      for (const kind of KINDS) {
        const found = report.kinds[kind];
        expect([kind, found?.staleReads]).toEqual([kind, 0]);
        expect(found?.reads).toBeGreaterThan(50);
        expect(found?.hits).toBeGreaterThan(5);
      }
      expect(report.writes).toBeGreaterThan(50);
      expect(count(report.survived)).toBeGreaterThan(5);
    }, 180_000);

    it('answer outdated by near tokens for no longer than these may be old', async () => {
      const report = await soak(url, '--near', '--seconds', '12');
      expect(report.stories).toEqual([]);
      expect(report.staleReads).toBe(0);
      expect(report.errors).toEqual({});
      expect(report.checkedReads).toBeGreaterThan(100);
      expect(report.hits).toBeGreaterThan(20);
      expect(report.outdated.share).toBeLessThan(0.1);
    }, 90_000);

    it('are caught when they answer older, with keys that are deleted by hand after the commit', async () => {
      const flags = '--naive --seconds 12 --seed 1 --faults committed';
      const report = await soak(url, ...flags.split(' '));
      expect(report.staleReads).toBeGreaterThan(0);
      expect(report.stories[0]?.rows.length).toBeGreaterThan(0);
    }, 90_000);
  });
});
