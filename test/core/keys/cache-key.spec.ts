import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  composeKey,
  fingerprintOf,
  isFingerprint,
  type KeyPart,
} from '../../../lib/core/keys/cache-key.js';
import {
  rowIdentifier,
  tableId,
  tableIdentifier,
} from '../../../lib/core/identifiers/identifier.js';
import { type Token } from '../../../lib/core/tokens/token.js';
import { anyValue, sameValue } from './any-value.js';

const users = tableId('users');
const user1 = rowIdentifier(users, ['1']);
const user2 = rowIdentifier(users, ['2']);
const anyUser = tableIdentifier(users);
const token = (text: string): Token => text as Token;

const literals = (...values: unknown[]): KeyPart[] =>
  values.map(value => ({ kind: 'literal', value }));
const ref = (
  identifier: typeof user1,
  ...tokens: readonly string[]
): KeyPart => ({ kind: 'ref', identifier, tokens: tokens.map(token) });

const anyIdentifier = fc.constantFrom(user1, user2, anyUser);
const anyToken = fc
  .constantFrom('a', 'b', '"', ',', '\n', '\ud800', '')
  .map(token);

describe('composeKey', () => {
  it('gives two lists of values one key exactly where they are the same', () => {
    const list = fc.array(anyValue, { maxLength: 3 });
    fc.assert(
      fc.property(list, list, (one, other) => {
        expect(
          composeKey(literals(...one)) === composeKey(literals(...other)),
        ).toBe(sameValue(one, other));
      }),
      { numRuns: 500 },
    );
  });

  it('gives two lists of refs one key exactly where they are the same', () => {
    const part = fc.record({
      kind: fc.constant('ref' as const),
      identifier: anyIdentifier,
      tokens: fc.array(anyToken, { maxLength: 2 }),
    });
    const list = fc.array(part, { maxLength: 2 });
    fc.assert(
      fc.property(list, list, (one, other) => {
        expect(composeKey(one) === composeKey(other)).toBe(
          sameValue(one, other),
        );
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, KeyPart[], KeyPart[]]>([
    [
      "('a/b', 'c') and ('a', 'b/c')",
      literals('a/b', 'c'),
      literals('a', 'b/c'),
    ],
    ['one list and two arguments', literals([1, 2]), literals(1, 2)],
    ['1 and "1"', literals(1), literals('1')],
    ['nothing and undefined', literals(), literals(undefined)],
    ['an identifier and its text', [ref(user1)], literals(user1)],
    ['two identifiers of one token', [ref(user1, 'a')], [ref(user2, 'a')]],
    ['two tokens', [ref(user1, 'a')], [ref(user1, 'b')]],
    [
      'a token on either side',
      [ref(user1, 'a'), ref(user2)],
      [ref(user1), ref(user2, 'a')],
    ],
  ])('keeps %s apart', (_, one, other) => {
    expect(composeKey(one)).not.toBe(composeKey(other));
  });

  it('does not count the order of properties', () => {
    expect(composeKey(literals({ a: 1, b: 2 }))).toBe(
      composeKey(literals({ b: 2, a: 1 })),
    );
  });

  it('has one form, fit for any store', () => {
    fc.assert(
      fc.property(anyValue, value => {
        expect(composeKey(literals(value))).toMatch(/^alkey:key:1:[\w-]{43}$/);
      }),
    );
  });

  it('names the position of a part that it cannot encode', () => {
    expect(() =>
      composeKey([...literals('a'), ref(user1, 't'), ...literals([() => 1])]),
    ).toThrow('Could not make a key of argument 3 at [0]');
  });
});

const fingerprintOfPairs = (all: readonly (readonly [typeof user1, Token])[]) =>
  fingerprintOf(
    all.map(([identifier]) => identifier),
    all.map(([, its]) => its),
  );

describe('fingerprintOf', () => {
  it('tells which token belongs to which identifier', () => {
    expect(fingerprintOf([user1, user2], [token('a'), token('b')])).not.toBe(
      fingerprintOf([user1, user2], [token('b'), token('a')]),
    );
  });

  it('tells where the identifier ends and the token begins', () => {
    const user11 = rowIdentifier(users, ['11']);
    expect(fingerprintOf([user1], [token('1a')])).not.toBe(
      fingerprintOf([user11], [token('a')]),
    );
  });

  it('tells lone surrogates in tokens apart', () => {
    expect(fingerprintOf([user1], [token('\ud800')])).not.toBe(
      fingerprintOf([user1], [token('\ud801')]),
    );
  });

  it('is the same exactly where the same identifiers have the same tokens', () => {
    const pairs = fc.uniqueArray(fc.tuple(anyIdentifier, anyToken), {
      maxLength: 3,
      selector: ([identifier]) => identifier,
    });
    fc.assert(
      fc.property(pairs, pairs, (one, other) => {
        expect(fingerprintOfPairs(one) === fingerprintOfPairs(other)).toBe(
          sameValue(new Set(one), new Set(other)),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('does not count order and repetition', () => {
    expect(
      fingerprintOf(
        [anyUser, user1, anyUser],
        [token('a'), token('b'), token('a')],
      ),
    ).toBe(fingerprintOf([user1, anyUser], [token('b'), token('a')]));
  });

  it('has one form, which stores and headers take as it is', () => {
    expect(isFingerprint(fingerprintOf([], []))).toBe(true);
    expect(isFingerprint(fingerprintOf([user1], [token('é "')]))).toBe(true);
    expect(isFingerprint('too short')).toBe(false);
  });

  it('refuses a token too few', () => {
    expect(() => fingerprintOf([user1, anyUser], [token('a')])).toThrow(
      expect.objectContaining({
        code: 'ALKEY_INVALID_TOKEN',
        message: 'Expected a token for each of 2 identifiers, got 1.',
      }),
    );
  });
});
