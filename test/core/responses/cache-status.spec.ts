import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  appendCacheStatus,
  type CacheStatus,
  cacheStatusMember,
} from '../../../lib/core/responses/cache-status.js';

describe('cacheStatusMember', () => {
  it.each<[CacheStatus, string]>([
    [{ hit: true }, 'alkey; hit'],
    [{ forward: 'miss', stored: true }, 'alkey; fwd=miss; stored'],
    [{ forward: 'miss', stored: false }, 'alkey; fwd=miss'],
    [
      { forward: 'miss', stored: true, collapsed: true },
      'alkey; fwd=miss; stored; collapsed',
    ],
    [
      { forward: 'bypass', detail: 'credentials' },
      'alkey; fwd=bypass; detail=credentials',
    ],
    [{ forward: 'uri-miss' }, 'alkey; fwd=uri-miss'],
    [
      { hit: true, ttlSeconds: 59.9, key: 'alkey:users#1' },
      'alkey; hit; ttl=59; key="alkey:users#1"',
    ],
    [{ hit: true, ttlSeconds: -5 }, 'alkey; hit; ttl=-5'],
    [{ hit: true, ttlSeconds: -0.4 }, 'alkey; hit; ttl=0'],
    [{ hit: true, ttlSeconds: Number.POSITIVE_INFINITY }, 'alkey; hit'],
    [{ hit: true, ttlSeconds: 1e20 }, 'alkey; hit; ttl=999999999999999'],
    [{ hit: true, detail: 'two words' }, 'alkey; hit; detail="two words"'],
    [{ hit: true, detail: '1st' }, 'alkey; hit; detail="1st"'],
    [{ hit: true, detail: '' }, 'alkey; hit; detail=""'],
    [
      { hit: true, detail: String.raw`a "b" \ c` },
      String.raw`alkey; hit; detail="a \"b\" \\ c"`,
    ],
    [
      { hit: true, key: 'é\r\nSet-Cookie: a' },
      'alkey; hit; key="Set-Cookie: a"',
    ],
  ])('writes %j', (status, text) => {
    expect(cacheStatusMember(status)).toBe(text);
  });

  it('writes visible ASCII only, with every quotation closed', () => {
    const anyText = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(anyText, anyText, (key, detail) => {
        const text = cacheStatusMember({ hit: true, key, detail });
        expect(text).toMatch(/^[\x20-\x7e]*$/);
        expect(text).toMatch(
          /^alkey; hit; key="(?:[^"\\]|\\["\\])*"; detail=(?:"(?:[^"\\]|\\["\\])*"|[A-Za-z*][^\s"\\;,=]*)$/,
        );
      }),
    );
  });
});

describe('appendCacheStatus', () => {
  it.each([
    [undefined, 'alkey; hit'],
    ['', 'alkey; hit'],
    ['Origin; hit', 'Origin; hit, alkey; hit'],
    [['A; hit', 'B; fwd=miss'], 'A; hit, B; fwd=miss, alkey; hit'],
  ])('puts this cache behind %j', (existing, header) => {
    expect(appendCacheStatus(existing, 'alkey; hit')).toBe(header);
  });
});
