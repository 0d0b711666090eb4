import { type Identifier } from '../core/identifiers/identifier.js';
import { type SharedKey } from './shared-reads.js';

/** Where a token stands, and when this process last gave it its whole life back. */
export interface SeenToken extends SharedKey {
  readonly identifier: Identifier;
  readonly refreshedAtMs: number;
}

/** A token that is read again after this share of its life gets its whole life back. */
const REFRESH_SHARE = 4;

/** Which tokens this process saw lately, so that a plain read is expected to find them. */
export class PresentTokens {
  readonly #freshForMs: number;
  readonly #maxTokens: number;
  /** The longest ago first. */
  readonly #seen = new Map<Identifier, SeenToken>();

  constructor(tokenTtlMs: number, maxTokens: number) {
    this.#freshForMs = tokenTtlMs / REFRESH_SHARE;
    this.#maxTokens = maxTokens;
  }

  /** Where the token stands, unless it is not known to, or is to get its whole life back. */
  find(identifier: Identifier, nowMs: number): SeenToken | undefined {
    const seen = this.#seen.get(identifier);
    return seen && nowMs - seen.refreshedAtMs < this.#freshForMs
      ? seen
      : undefined;
  }

  saw(identifier: Identifier, key: string, refreshedAtMs: number): void {
    this.#seen.delete(identifier);
    this.#seen.set(identifier, {
      identifier,
      key,
      refreshedAtMs,
      turn: 0,
      place: 0,
    });
    if (this.#seen.size <= this.#maxTokens) return;
    const [oldest] = this.#seen.keys();
    if (oldest !== undefined) this.#seen.delete(oldest);
  }

  forget(identifier: Identifier): void {
    this.#seen.delete(identifier);
  }

  clear(): void {
    this.#seen.clear();
  }
}
