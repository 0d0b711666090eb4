import { type Versions } from './app/entities.js';

/** How it is known that a version was committed. */
export type Evidence = 'acknowledged' | 'read in the database' | 'answered';

/** The newest version of a row that is known to be committed. Times are milliseconds of the run. */
export interface Due {
  readonly version: number;
  readonly evidence: Evidence;
  readonly atMs: number;
}

/** What was due when a request began, for every row. */
export type Dues = ReadonlyMap<string, Due>;

export interface StaleRow extends Due {
  readonly row: string;
  readonly answered: number | null;
  /** When the first version was known that is newer than the answered one. */
  readonly outdatedAtMs: number;
}

/** The life of a row that comes and goes: never there, inserted, updated, deleted. */
export const BLINK = {
  absent: 0,
  inserted: 1,
  updated: 2,
  deleted: 3,
} as const;

/**
 * Which versions are committed, as far as anybody outside the database can know, and so what a
 * request that begins now must answer at least.
 *
 * Everything runs in one process: what was noted before a request was sent happened before it.
 */
export class Ledger {
  /** Of each row, the oldest version first. */
  private readonly known = new Map<string, Due[]>();
  private readonly deletes = new Set<string>();

  constructor(private readonly clock: () => number) {}

  /** What is known at this moment. */
  dues(): Dues {
    return new Map(
      [...this.known].map(([row, versions]) => [row, versions.at(-1)!]),
    );
  }

  /** A version was committed at this moment or before. */
  saw(row: string, version: number, evidence: Evidence): void {
    const known = this.known.get(row) ?? [];
    if ((known.at(-1)?.version ?? -1) >= version) return;
    this.known.set(row, known);
    known.push({ version, evidence, atMs: this.clock() });
  }

  sawAll(versions: Versions, evidence: Evidence): void {
    for (const [row, version] of Object.entries(versions)) {
      if (version !== null) this.saw(row, version, evidence);
    }
  }

  /** From now on the row may be absent because it was deleted. */
  deleting(row: string): void {
    this.deletes.add(row);
  }

  /** Nobody asks for the row any more. */
  forget(row: string): void {
    this.known.delete(row);
    this.deletes.delete(row);
  }

  /** The rows of an answer that are older than they were when its request began. */
  staleRows(answer: Versions, dues: Dues): readonly StaleRow[] {
    return Object.entries(answer).flatMap(([row, answered]) => {
      const due = dues.get(row);
      const meant = this.newestMeaning(row, answered);
      if (!due || meant >= due.version) return [];
      const newer = this.known.get(row)?.find(each => each.version > meant);
      return [{ ...due, row, answered, outdatedAtMs: (newer ?? due).atMs }];
    });
  }

  /** The latest state of the row that looks like this. */
  private newestMeaning(row: string, answered: number | null): number {
    if (answered !== null) return answered;
    return this.deletes.has(row) ? BLINK.deleted : BLINK.absent;
  }
}
