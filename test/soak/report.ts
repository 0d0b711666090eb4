import {
  type Fault,
  type Gap,
  type History,
  type KindCounts,
  type StaleRead,
} from './history.js';
import { type SoakOptions } from './options.js';

/** What a run found; times in milliseconds. */
export interface Report {
  readonly options: SoakOptions;
  readonly checkedReads: number;
  readonly checkedAgainstDatabase: number;
  readonly hits: number;
  /** By how answers are cached. */
  readonly kinds: Readonly<Record<string, Readonly<KindCounts>>>;
  readonly writes: number;
  readonly refusedWrites: number;
  readonly lostRequests: number;
  readonly survived: Readonly<Record<string, number>>;
  readonly staleReads: number;
  readonly staleAfterAcknowledged: number;
  readonly longestStaleMs: number;
  /** Reads that were outdated for no longer than near tokens may be, and for how long. */
  readonly outdated: Outdated;
  readonly stories: readonly StaleRead[];
  readonly longestWithoutHit: Gap;
  readonly expectedErrors: number;
  readonly errors: Readonly<Record<string, number>>;
}

export interface Outdated {
  readonly reads: number;
  /** Of all reads. */
  readonly share: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Stories that are printed. */
const MOST_PRINTED = 20;

export function reportOf(options: SoakOptions, history: History): Report {
  return {
    options,
    checkedReads: history.reads,
    checkedAgainstDatabase: history.readsAgainstDatabase,
    hits: history.hits,
    kinds: sorted(history.kinds),
    writes: history.writes,
    refusedWrites: history.refusedWrites,
    lostRequests: history.lost,
    survived: sorted(history.survived),
    staleReads: history.staleReads,
    staleAfterAcknowledged: history.staleAfterAcknowledged,
    longestStaleMs: Math.round(history.longestStaleMs),
    outdated: outdatedIn(history),
    stories: history.stories,
    longestWithoutHit: history.longestWithoutHit,
    expectedErrors: history.expectedErrors,
    errors: sorted(history.errors),
  };
}

export function printed(report: Report): string {
  const { options, errors, survived } = report;
  const { apps, consistency, naive, onStoreFailure, seconds, seed, topology } =
    options;
  const { outdated } = report;
  const mode = naive
    ? 'keys deleted by hand'
    : `consistency '${consistency}', onStoreFailure '${onStoreFailure}'${options.near ? ', near tokens' : ''}`;
  const lines: readonly (readonly [string, string | number])[] = [
    ['checked reads', report.checkedReads],
    ['  against the database itself', report.checkedAgainstDatabase],
    ['hits', hitsIn({ hits: report.hits, reads: report.checkedReads })],
    ...Object.entries(report.kinds).map(
      ([kind, counts]) =>
        [
          `  ${kind}`,
          `${hitsIn(counts)} of ${counts.reads} reads, ${counts.staleReads} stale`,
        ] as const,
    ),
    ['writes acknowledged', report.writes],
    ['writes refused (ALKEY_STORE_UNAVAILABLE)', report.refusedWrites],
    ['requests lost with their process', report.lostRequests],
    ['faults survived', total(survived)],
    ...Object.entries(survived).map(
      ([kind, count]) => [`  ${kind}`, count] as const,
    ),
    ['longest time without a hit', ms(report.longestWithoutHit.ms)],
    ...report.longestWithoutHit.faults.map(
      fault => ['  at that time', told(fault)] as const,
    ),
    ['errors of the database faults', report.expectedErrors],
    ['other errors', total(errors)],
    ...Object.entries(errors).map(
      ([error, count]) => [`  ${error}`, count] as const,
    ),
    ...(options.near
      ? ([
          [
            'outdated for as long as they may be',
            `${outdated.reads} (${(100 * outdated.share).toFixed(2)} %)`,
          ],
          [
            '  for p50, p99, at most',
            [outdated.p50Ms, outdated.p99Ms, outdated.maxMs].map(ms).join(', '),
          ],
        ] as const)
      : []),
    ['STALE READS', report.staleReads],
    ['  behind an acknowledged write', report.staleAfterAcknowledged],
    ['  behind by, at most', `${report.longestStaleMs} ms`],
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  return [
    `${apps} processes, ${topology} Redis, ${mode}, ${seconds} s, --seed ${seed}`,
    ...lines.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...report.stories.slice(0, MOST_PRINTED).map(story),
  ].join('\n');
}

function outdatedIn({ outdatedMs, reads }: History): Outdated {
  const ages = outdatedMs.toSorted((a, b) => a - b);
  const quantile = (share: number): number =>
    ages[Math.max(0, Math.ceil(share * ages.length) - 1)] ?? 0;
  return {
    reads: ages.length,
    share: reads === 0 ? 0 : ages.length / reads,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: quantile(1),
  };
}

function story(read: StaleRead): string {
  const { path, isHit, beganMs, endedMs, rows, faults } = read;
  return [
    `\n${path} began at ${ms(beganMs)}, ended at ${ms(endedMs)}, ${isHit ? 'a hit' : 'not a hit'}`,
    ...rows.map(
      ({ row, answered, version, evidence, atMs }) =>
        `  ${row}: version ${answered ?? 'none'}, due ${version} (${evidence}, ${ms(beganMs - atMs)} before)`,
    ),
    ...faults.map(
      fault => `  ${ms(beganMs - fault.atMs)} before: ${told(fault)}`,
    ),
  ].join('\n');
}

function sorted<Count>(
  counts: ReadonlyMap<string, Count>,
): Readonly<Record<string, Count>> {
  return Object.fromEntries(
    [...counts].toSorted(([a], [b]) => a.localeCompare(b)),
  );
}

function hitsIn({
  hits,
  reads,
}: {
  readonly hits: number;
  readonly reads: number;
}): string {
  const percent = reads === 0 ? 0 : (100 * hits) / reads;
  return `${hits} (${percent.toFixed(0)} %)`;
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}

function told({ kind, detail }: Fault): string {
  return detail === '' ? kind : `${kind}, ${detail}`;
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}
