export interface TextMemoryLimits {
  /** Texts kept at most; less than 2: none. @default 1000 */
  readonly maxEntries?: number;
  /** Characters of all texts kept at most. @default 2_000_000 */
  readonly maxTotalLength?: number;
  /** What a text with more characters means is found out each time. @default 100_000 */
  readonly maxTextLength?: number;
}

/**
 * Remembers what was found out about texts, the least recently added or used out first. A text that
 * is known costs one look-up.
 */
export class TextMemory<Meaning> {
  private recent = new Map<string, Meaning>();
  /** Texts that were not asked for since the last turn. */
  private older = new Map<string, Meaning>();
  private recentLength = 0;
  private readonly maxRecent: number;
  private readonly maxRecentLength: number;
  private readonly maxTextLength: number;

  constructor(
    private readonly meaningOf: (text: string) => Meaning,
    {
      maxEntries = 1000,
      maxTotalLength = 2_000_000,
      maxTextLength = 100_000,
    }: TextMemoryLimits = {},
  ) {
    this.maxRecent = Math.floor(maxEntries / 2);
    this.maxRecentLength = maxTotalLength / 2;
    this.maxTextLength = Math.min(maxTextLength, this.maxRecentLength);
  }

  /** What the text means; the same object while it is kept. */
  get(text: string): Meaning {
    const known = this.recent.get(text);
    if (known !== undefined) return known;
    const meaning = this.older.get(text) ?? this.meaningOf(text);
    if (this.maxRecent > 0 && text.length <= this.maxTextLength) {
      this.keep(text, meaning);
    }
    return meaning;
  }

  /** Texts kept now. */
  get size(): number {
    return this.recent.size + this.older.size;
  }

  /**
   * Two generations of half the size each: the older one is dropped as a whole, so that a hit
   * changes nothing and costs no more than the look-up.
   */
  private keep(text: string, meaning: Meaning): void {
    this.older.delete(text);
    const length = this.recentLength + text.length;
    if (this.recent.size >= this.maxRecent || length > this.maxRecentLength) {
      this.older = this.recent;
      this.recent = new Map();
      this.recentLength = 0;
    }
    this.recent.set(text, meaning);
    this.recentLength += text.length;
  }
}
