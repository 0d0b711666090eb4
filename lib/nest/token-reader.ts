import { Injectable } from '@nestjs/common';
import { type Identifier } from '../core/identifiers/identifier.js';
import { TokenStore } from '../core/tokens/token-store.js';
import { HELD, type Token } from '../core/tokens/token.js';

/** The tokens to trust, or why there are none. */
export type TokenReading =
  | { readonly kind: 'tokens'; readonly tokens: readonly Token[] }
  | { readonly kind: 'held' | 'store-unavailable' };

/** Reads tokens for an answer; a store that is away is an outcome, not an error. */
@Injectable()
export class TokenReader {
  constructor(private readonly store: TokenStore) {}

  async read(identifiers: readonly Identifier[]): Promise<TokenReading> {
    try {
      const answers = await this.store.read(identifiers);
      const tokens = answers.filter(answer => answer !== HELD);
      return tokens.length === answers.length
        ? { kind: 'tokens', tokens }
        : { kind: 'held' };
    } catch {
      // The store has reported it.
      return { kind: 'store-unavailable' };
    }
  }
}
