import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type Identifier } from '../../../lib/core/identifiers/identifier.js';
import { fingerprintOf } from '../../../lib/core/keys/cache-key.js';
import { LastFingerprint } from '../../../lib/core/keys/last-fingerprint.js';
import { type Token } from '../../../lib/core/tokens/token.js';

const IDENTIFIERS = ['alkey:users#1', 'alkey:users#**'] as Identifier[];

describe('LastFingerprint', () => {
  it('is that of the tokens, whatever was asked before', () => {
    const tokens = fc.tuple(
      fc.constantFrom('a', 'b') as fc.Arbitrary<Token>,
      fc.constantFrom('a', 'b') as fc.Arbitrary<Token>,
    );
    fc.assert(
      fc.property(fc.array(tokens, { minLength: 2 }), asked => {
        const last = new LastFingerprint(IDENTIFIERS);
        for (const each of asked) {
          expect(last.of(each)).toBe(fingerprintOf(IDENTIFIERS, each));
        }
      }),
    );
  });

  it('needs a token for each identifier', () => {
    const last = new LastFingerprint(IDENTIFIERS);
    expect(() => last.of([])).toThrow(/a token for each of 2 identifiers/);
  });
});
