import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';

import {
  chosenText,
  chosenUnder,
} from '../../../lib/core/tokens/chosen-token.js';
import { mintToken, type Token } from '../../../lib/core/tokens/token.js';

const token = fc
  .uint8Array({ minLength: 12, maxLength: 12 })
  .map(bytes => mintToken(() => bytes));
const text = fc
  .string({ unit: 'binary', minLength: 1 })
  .map(any => any.toWellFormed());

describe('a token chosen for a row', () => {
  it('reads as it was chosen while the tokens of all rows stand', () => {
    fc.assert(
      fc.property(text, fc.array(token), (chosen, wider) => {
        expect(chosenText(chosenUnder(chosen, wider), [...wider])).toBe(chosen);
      }),
    );
  });

  it('counts no longer once one of those tokens is another', () => {
    const tokens = fc.array(token, { minLength: 1 });
    fc.assert(
      fc.property(text, tokens, tokens, (chosen, wider, others) => {
        fc.pre(wider.join() !== others.join());
        expect(chosenText(chosenUnder(chosen, wider), others)).toBeUndefined();
      }),
    );
  });

  it('is never taken for one that was minted, nor the other way round', () => {
    fc.assert(
      fc.property(text, token, fc.array(token), (chosen, minted, wider) => {
        expect(chosenText(minted, wider)).toBeUndefined();
        expect(chosenUnder(chosen, wider)).not.toMatch(/^[\w-]+$/);
      }),
    );
  });

  it('may itself look like one', () => {
    const inner = chosenUnder('a', ['b' as Token]);
    expect(chosenText(chosenUnder(inner, []), [])).toBe(inner);
  });

  it('is stored as a store would, half a surrogate pair as U+FFFD', () => {
    expect(chosenText(chosenUnder('a\ud800', []), [])).toBe('a\ufffd');
  });

  it('cannot be the empty text', () => {
    expect(() => chosenUnder('', [])).toThrow(
      expect.objectContaining({ code: 'ALKEY_INVALID_TOKEN' }),
    );
  });
});
