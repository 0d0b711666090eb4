import { type Versions } from './app/entities.js';
import { type Kind } from './app/kinds.js';
import { type Dues, type Ledger, type StaleRow } from './ledger.js';

/** Times are milliseconds since the run began. */
export interface Fault {
  readonly kind: string;
  readonly detail: string;
  readonly atMs: number;
}

/** A read that was answered with what was outdated when it began. */
export interface StaleRead {
  readonly path: string;
  readonly isHit: boolean;
  readonly beganMs: number;
  readonly endedMs: number;
  readonly rows: readonly StaleRow[];
  /** Those shortly before its end, the latest first. */
  readonly faults: readonly Fault[];
}

/** Reads of one kind. */
export interface KindCounts {
  reads: number;
  hits: number;
  staleReads: number;
}

export interface Answered {
  readonly kind: Kind;
  readonly path: string;
  readonly isHit: boolean;
  readonly beganMs: number;
  readonly dues: Dues;
  readonly versions: Versions;
}

/** A time without an answer from the cache. */
export interface Gap {
  readonly fromMs: number;
  readonly ms: number;
  /** Those within it, and just before. */
  readonly faults: readonly Fault[];
}

/** Faults this long before a time without hits are counted to it. */
const GAP_MS = 200;
/** Faults this long before a stale read are a part of its story. */
const NEARBY_MS = 5_000;
/** Stories that are kept; the others are counted. */
const MOST_STORIES = 100;

/** What happened in a run, counted. */
export class History {
  reads = 0;
  /** Of them, those before which the database itself was asked. */
  readsAgainstDatabase = 0;
  hits = 0;
  readonly kinds = new Map<Kind, KindCounts>();
  writes = 0;
  /** Writes that the application refused because it could not announce them. */
  refusedWrites = 0;
  /** Requests without an answer, because their process or connection ended. */
  lost = 0;
  /** Answers of 500 that come from a fault of the database itself. */
  expectedErrors = 0;
  /** All other answers that are no success, by what they say. */
  readonly errors = new Map<string, number>();
  readonly stories: StaleRead[] = [];
  staleReads = 0;
  /** Of them, those that do not show a write that had been acknowledged when they began. */
  staleAfterAcknowledged = 0;
  /** For how long, at most, a newer version had been known when a stale read began. */
  longestStaleMs = 0;
  /** The same of each read that was outdated for no longer than it may be, by near tokens. */
  readonly outdatedMs: number[] = [];
  longestWithoutHit: Gap = { fromMs: 0, ms: 0, faults: [] };
  readonly survived = new Map<string, number>();
  private readonly faults: Fault[] = [];
  private pending: Fault[] = [];
  private lastHitMs: number | undefined;

  constructor(
    private readonly ledger: Ledger,
    readonly clock: () => number,
    /** How long an answer may be outdated; `undefined`: not at all. */
    private readonly mayBeOutdatedMs: number | undefined,
  ) {}

  answered({ kind, path, isHit, beganMs, dues, versions }: Answered): void {
    const ofKind = this.kinds.get(kind) ?? { reads: 0, hits: 0, staleReads: 0 };
    this.kinds.set(kind, ofKind);
    ofKind.reads += 1;
    ofKind.hits += isHit ? 1 : 0;
    this.reads += 1;
    if (isHit) this.hit(beganMs);
    const rows = this.ledger.staleRows(versions, dues);
    if (rows.length === 0) return;
    const ageMs =
      beganMs - Math.min(...rows.map(({ outdatedAtMs }) => outdatedAtMs));
    if (this.mayBeOutdatedMs !== undefined && ageMs <= this.mayBeOutdatedMs) {
      this.outdatedMs.push(ageMs);
      return;
    }
    this.staleReads += 1;
    ofKind.staleReads += 1;
    if (rows.some(({ evidence }) => evidence === 'acknowledged')) {
      this.staleAfterAcknowledged += 1;
    }
    this.longestStaleMs = Math.max(this.longestStaleMs, ageMs);
    if (this.stories.length === MOST_STORIES) return;
    const endedMs = this.clock();
    const faults = this.faults
      .filter(({ atMs }) => atMs <= endedMs && atMs > beganMs - NEARBY_MS)
      .toReversed();
    this.stories.push({ path, isHit, beganMs, endedMs, rows, faults });
  }

  failed(error: string): void {
    if (DATABASE_FAULT.test(error)) this.expectedErrors += 1;
    else this.errors.set(error, (this.errors.get(error) ?? 0) + 1);
  }

  /** The moment a fault begins. */
  fault(kind: string, detail: string): void {
    const fault = { kind, detail, atMs: this.clock() };
    this.faults.push(fault);
    this.pending.push(fault);
  }

  /** To be called at the end, so that a run that ends without a cache shows it. */
  end(): void {
    this.noHitSince(this.lastHitMs ?? 0);
  }

  /** A fault is survived when answers come from the cache after it. */
  private hit(beganMs: number): void {
    this.hits += 1;
    if (this.lastHitMs !== undefined) this.noHitSince(this.lastHitMs);
    this.lastHitMs = this.clock();
    const waiting: Fault[] = [];
    for (const fault of this.pending) {
      if (fault.atMs < beganMs) {
        this.survived.set(fault.kind, (this.survived.get(fault.kind) ?? 0) + 1);
      } else waiting.push(fault);
    }
    this.pending = waiting;
  }

  private noHitSince(fromMs: number): void {
    const ms = this.clock() - fromMs;
    if (ms <= this.longestWithoutHit.ms) return;
    const faults = this.faults.filter(({ atMs }) => atMs > fromMs - GAP_MS);
    this.longestWithoutHit = { fromMs, ms, faults };
  }
}

/** What TypeORM and the client of PostgreSQL say when its connection was ended or refused. */
const DATABASE_FAULT =
  /^57P01|^ECONNRESET|^EPIPE|Connection terminated|connection is closed|terminating connection|not queryable|^Query runner already released|query runner was already released/;
