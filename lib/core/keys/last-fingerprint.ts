import { type Identifier } from '../identifiers/identifier.js';
import { sameTokens, type Token } from '../tokens/token.js';
import { type Fingerprint, fingerprintOf } from './cache-key.js';

/** The fingerprints of some identifiers: where their tokens are those of the last time, it is as well. */
export class LastFingerprint {
  #tokens: readonly Token[] = [];
  #fingerprint: Fingerprint | undefined;

  /** Under which `tokens[i]` stands for `identifiers[i]`. */
  constructor(readonly identifiers: readonly Identifier[]) {}

  /** @throws AlkeyError as `fingerprintOf` does */
  of(tokens: readonly Token[]): Fingerprint {
    if (this.#fingerprint === undefined || !sameTokens(tokens, this.#tokens)) {
      this.#fingerprint = fingerprintOf(this.identifiers, tokens);
      this.#tokens = tokens;
    }
    return this.#fingerprint;
  }
}
