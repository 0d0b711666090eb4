import { Injectable } from '@nestjs/common';
import { type Identifier } from '../core/identifiers/identifier.js';
import { TokenStore } from '../core/tokens/token-store.js';
import { HELD, type Held, type Token } from '../core/tokens/token.js';

/** The tokens to trust, or why there are none. */
export type TokenReading =
  | { readonly kind: 'tokens'; readonly tokens: readonly Token[] }
  | { readonly kind: 'held' | 'store-unavailable' };

/** Reads tokens for an answer; a store that is away is an outcome, not an error. */
@Injectable()
export class TokenReader {
  constructor(private readonly store: TokenStore) {}

  /** The same without a promise, where the process itself knows; else `undefined`. */
  peek(identifiers: readonly Identifier[]): TokenReading | undefined {
    const answers = this.store.peek(identifiers);
    return answers && readingOf(answers);
  }

  async read(identifiers: readonly Identifier[]): Promise<TokenReading> {
    try {
      return readingOf(await this.store.read(identifiers));
    } catch {
      // The store has reported it.
      return { kind: 'store-unavailable' };
    }
  }
}

function readingOf(answers: readonly (Token | Held)[]): TokenReading {
  return areTokens(answers)
    ? { kind: 'tokens', tokens: answers }
    : { kind: 'held' };
}

function areTokens(
  answers: readonly (Token | Held)[],
): answers is readonly Token[] {
  return !answers.includes(HELD);
}
