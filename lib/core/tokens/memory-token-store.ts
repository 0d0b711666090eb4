import { type Identifier } from '../identifiers/identifier.js';
import {
  mintToken,
  type Held,
  type Holder,
  type RandomBytes,
  type Token,
} from './token.js';
import {
  holdSlot,
  MISSING,
  readSlot,
  releaseSlot,
  replaceSlot,
  slotDeadlineMs,
  writeSlot,
  type HeldSlot,
  type TokenOnly,
  type TokenSlot,
} from './token-slot.js';
import { TokenStore, type HoldOutcome } from './token-store.js';

export interface MemoryTokenStoreOptions {
  /** Milliseconds of a clock that never goes back, such as `performance.now`. */
  readonly clock: () => number;
  readonly randomBytes: RandomBytes;
  /** Milliseconds a token lives without being read. */
  readonly tokenTtlMs: number;
  /**
   * Tokens kept at most; the one read longest ago goes first, which makes its readers miss once.
   * Holds are not counted and never evicted.
   */
  readonly maxTokens: number;
}

/** The reference store: one process, nothing shared, nothing that can fail. */
export class MemoryTokenStore extends TokenStore {
  readonly #options: MemoryTokenStoreOptions;
  // Both in the order of their last change, which for tokens is the order in which they expire.
  readonly #tokens = new Map<Identifier, TokenOnly>();
  readonly #held = new Map<Identifier, HeldSlot>();

  constructor(options: MemoryTokenStoreOptions) {
    super();
    this.#options = options;
  }

  override async read(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    return this.peek(identifiers);
  }

  override peek(identifiers: readonly Identifier[]): readonly (Token | Held)[] {
    const { clock, randomBytes, tokenTtlMs } = this.#options;
    const nowMs = clock();
    const mint = () => mintToken(randomBytes);
    return identifiers.map(identifier => {
      const { slot, answer } = readSlot(
        this.#get(identifier),
        mint,
        nowMs,
        tokenTtlMs,
      );
      this.#put(identifier, slot, nowMs);
      return answer;
    });
  }

  override async hold(
    identifiers: readonly Identifier[],
    holder: Holder,
    leaseMs: number,
  ): Promise<void> {
    this.#change(identifiers, (slot, nowMs) =>
      holdSlot(slot, holder, nowMs, leaseMs),
    );
  }

  override async release(
    identifiers: readonly Identifier[],
    holder: Holder,
    outcome: HoldOutcome,
    lagMs = 0,
  ): Promise<void> {
    const { tokenTtlMs } = this.#options;
    this.#change(identifiers, (slot, nowMs) =>
      releaseSlot(slot, holder, outcome, nowMs, tokenTtlMs, lagMs),
    );
  }

  override async replace(identifiers: readonly Identifier[]): Promise<void> {
    this.#change(identifiers, replaceSlot);
  }

  override async write(identifier: Identifier, token: Token): Promise<void> {
    const { tokenTtlMs } = this.#options;
    this.#change([identifier], (slot, nowMs) =>
      writeSlot(slot, token, nowMs, tokenTtlMs),
    );
  }

  override async close(): Promise<void> {
    this.#tokens.clear();
    this.#held.clear();
  }

  #change(
    identifiers: readonly Identifier[],
    step: (slot: TokenSlot, nowMs: number) => TokenSlot,
  ): void {
    const nowMs = this.#options.clock();
    for (const identifier of identifiers) {
      this.#put(identifier, step(this.#get(identifier), nowMs), nowMs);
    }
  }

  #get(identifier: Identifier): TokenSlot {
    return (
      this.#held.get(identifier) ?? this.#tokens.get(identifier) ?? MISSING
    );
  }

  #put(identifier: Identifier, slot: TokenSlot, nowMs: number): void {
    this.#held.delete(identifier);
    this.#tokens.delete(identifier);
    if (slot.kind === 'held') this.#held.set(identifier, slot);
    if (slot.kind === 'token') this.#tokens.set(identifier, slot);
    dropLeading(this.#held, held => slotDeadlineMs(held) <= nowMs);
    dropLeading(
      this.#tokens,
      token =>
        token.expiresAtMs <= nowMs ||
        this.#tokens.size > this.#options.maxTokens,
    );
  }
}

// In place of timers: what has expired goes when something else changes. A long lease keeps the
// shorter ones behind it until it ends; they are over all the same, since every step looks at the
// deadlines.
function dropLeading<Value>(
  entries: Map<Identifier, Value>,
  isOver: (value: Value) => boolean,
): void {
  for (const [identifier, value] of entries) {
    if (!isOver(value)) return;
    entries.delete(identifier);
  }
}
