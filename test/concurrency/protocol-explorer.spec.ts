import { describe, expect, it } from '@jest/globals';
import { explore } from '../support/protocol-explorer.js';

const TIMEOUT_MS = 180_000;

describe('the token protocol, over every interleaving of two writers and two readers', () => {
  it.each(['with the token', 'with the response'] as const)(
    'serves nobody less than the database held when the read began (readers begin %s)',
    readerBegins => {
      const { stalePath, states, seen } = explore({
        holds: true,
        readerBegins,
      });
      expect(stalePath).toBeUndefined();
      expect(states).toBeGreaterThan(50_000);
      // Not true for want of anything happening.
      expect([...seen]).toEqual(
        expect.arrayContaining([
          'reader asks: held',
          'reader is served v0 for the same token',
          'reader is served v2 for the same token',
          'writer releases: unchanged',
          'the lease of writer ends',
        ]),
      );
    },
    TIMEOUT_MS,
  );

  it('is stale at once without the hold', () => {
    const { stalePath } = explore({
      holds: false,
      readerBegins: 'with the token',
    });
    expect(stalePath).toEqual([
      'reader 1 asks: a new token',
      'reader 1 finds nothing stored',
      'reader 1 reads v0',
      'reader 1 stores v0',
      'writer A commits v1',
      'reader 1 asks: a token',
      'reader 1 fetches v0',
      'reader 1 is served v0 for the same token',
    ]);
  });

  it(
    'serves nobody less though the store loses all its holds at any moment',
    () => {
      const { stalePath, seen } = explore({
        holds: true,
        readerBegins: 'with the token',
        loses: 'and recovers',
      });
      expect(stalePath).toBeUndefined();
      expect([...seen]).toEqual(
        expect.arrayContaining([
          'the store loses everything',
          'reader asks: recovering',
          'writer holds again',
          'the store has recovered',
        ]),
      );
    },
    TIMEOUT_MS,
  );

  it('is stale where a store that lost its holds is trusted at once', () => {
    const { stalePath } = explore({
      holds: true,
      readerBegins: 'with the token',
      loses: 'and goes on',
    });
    expect(stalePath).toEqual([
      'writer A holds',
      'the store loses everything',
      'reader 1 asks: a new token',
      'reader 1 finds nothing stored',
      'reader 1 reads v0',
      'reader 1 stores v0',
      'writer A commits v1',
      'reader 1 asks: a token',
      'reader 1 fetches v0',
      'reader 1 is served v0 for the same token',
    ]);
  });
});
