import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  type Dependency,
  onRow,
  onTable,
} from '../../../lib/core/identifiers/dependency.js';
import { tableId } from '../../../lib/core/identifiers/identifier.js';
import { RecentKeys } from '../../../lib/core/keys/recent-keys.js';
import {
  UnreadKey,
  type UnreadPart,
} from '../../../lib/core/keys/unread-key.js';
import { type Token } from '../../../lib/core/tokens/token.js';
import { coreTable } from '../../support/core-schema.js';

const users = tableId('users');
const viewOf = (table: string) =>
  coreTable('totals', { reads: [tableId(table)] });
const row = (id: string): Dependency => onRow(users, [id]);

describe('RecentKeys', () => {
  it('gives the key that is made of the parts and tokens alone, whatever was asked before', () => {
    const part: fc.Arbitrary<UnreadPart> = fc.oneof(
      // The text of an identifier is another part than the identifier.
      fc.constantFrom('a', 'b', '', 'alkey:users#1', 'x'.repeat(100)),
      fc.constantFrom('1', '2').map(row),
      fc.constantFrom(
        onTable(coreTable('totals')),
        onTable(viewOf('users')),
        onTable(viewOf('orders')),
        { ...row('1'), identifier: row('2').identifier },
      ),
    );
    const asked = fc.record({
      parts: fc.array(part, { maxLength: 3 }),
      tokens: fc.array(fc.constantFrom('s', 't'), {
        minLength: 9,
        maxLength: 9,
      }),
    });
    const calls = fc.array(asked, { maxLength: 40 });
    fc.assert(
      fc.property(calls, fc.integer({ min: 0, max: 30 }), (all, maxParts) => {
        const recent = new RecentKeys(maxParts);
        for (const { parts, tokens } of all) {
          const fresh = new UnreadKey(parts);
          const key = recent.keyOf(parts);
          expect(key.identifiers).toEqual(fresh.identifiers);
          const given = tokens.slice(0, key.identifiers.length) as Token[];
          expect(key.under(given)).toBe(fresh.under(given));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('remembers the keys that begin alike, up to eight', () => {
    const recent = new RecentKeys();
    const parts = Array.from({ length: 8 }, (_, page) => [
      row('1'),
      `d${page};`,
    ]);
    const keys = parts.map(each => recent.keyOf(each));
    for (const [page, each] of parts.entries()) {
      expect(recent.keyOf(each)).toBe(keys[page]);
    }
    expect(recent.keyOf([row('1'), 'd0;'])).toBe(keys[0]);
    recent.keyOf([row('1'), 'd8;']);
    expect(recent.keyOf([row('1'), 'd1;'])).toBe(keys[1]);
    expect(recent.keyOf([row('1'), 'd0;'])).not.toBe(keys[0]);
  });

  it('forgets all where their parts are too many, and keeps no long text', () => {
    const recent = new RecentKeys(3);
    const long = ['x'.repeat(65)];
    expect(recent.keyOf(long)).not.toBe(recent.keyOf(long));
    const first = recent.keyOf(['a', 'b']);
    expect(recent.keyOf(['a', 'b'])).toBe(first);
    recent.keyOf(['c']);
    expect(recent.keyOf(['a', 'b'])).toBe(first);
    recent.keyOf(['d']);
    expect(recent.keyOf(['a', 'b'])).not.toBe(first);
  });
});
