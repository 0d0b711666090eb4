import { analyseSql } from './analyse-sql.js';
import { type Analysis, type Dialect } from './statement.js';

export interface AnalysisCacheLimits {
  /** Texts kept at most; less than 2: none. @default 1000 */
  readonly maxEntries?: number;
  /** Characters of all texts kept at most. @default 2_000_000 */
  readonly maxTotalLength?: number;
  /** A text with more characters is analysed each time and not kept. @default 100_000 */
  readonly maxTextLength?: number;
}

/**
 * Remembers what the texts of one dialect do, the least recently added or used out first. A text
 * that is known costs one look-up.
 */
export class AnalysisCache {
  private recent = new Map<string, Analysis>();
  /** Texts that were not asked for since the last turn. */
  private older = new Map<string, Analysis>();
  private recentLength = 0;
  private readonly maxRecent: number;
  private readonly maxRecentLength: number;
  private readonly maxTextLength: number;

  constructor(
    private readonly dialect: Dialect,
    {
      maxEntries = 1000,
      maxTotalLength = 2_000_000,
      maxTextLength = 100_000,
    }: AnalysisCacheLimits = {},
  ) {
    this.maxRecent = Math.floor(maxEntries / 2);
    this.maxRecentLength = maxTotalLength / 2;
    this.maxTextLength = Math.min(maxTextLength, this.maxRecentLength);
  }

  /** What the text does, as `analyseSql` tells it. */
  get(sql: string): Analysis {
    const known = this.recent.get(sql);
    if (known !== undefined) return known;
    const analysis = this.older.get(sql) ?? analyseSql(sql, this.dialect);
    if (this.maxRecent > 0 && sql.length <= this.maxTextLength) {
      this.keep(sql, analysis);
    }
    return analysis;
  }

  /** Texts kept now. */
  get size(): number {
    return this.recent.size + this.older.size;
  }

  /**
   * Two generations of half the size each: the older one is dropped as a whole, so that a hit
   * changes nothing and costs no more than the look-up.
   */
  private keep(sql: string, analysis: Analysis): void {
    this.older.delete(sql);
    const length = this.recentLength + sql.length;
    if (this.recent.size >= this.maxRecent || length > this.maxRecentLength) {
      this.older = this.recent;
      this.recent = new Map();
      this.recentLength = 0;
    }
    this.recent.set(sql, analysis);
    this.recentLength += sql.length;
  }
}
