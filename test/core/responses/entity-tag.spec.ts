import { describe, expect, it } from '@jest/globals';
import { type Fingerprint } from '../../../lib/core/keys/cache-key.js';
import {
  confirmedTag,
  entityTag,
  LastTagDigest,
  tagDigest,
  type TaggedAnswer,
} from '../../../lib/core/responses/entity-tag.js';

const answer: TaggedAnswer = {
  slot: 'alkey:response:2:one',
  fingerprint: 'AAAAAAAAAAAAAAAAAAAAAA' as Fingerprint,
  confirmedBy: 'tokens',
};
const MADE_AT = 1_700_000_000_000;
const life = { now: MADE_AT + 400, ttlMs: 1000 };
const tag = entityTag(answer, MADE_AT);

describe('entityTag', () => {
  it('is weak, and shows neither slot nor fingerprint', () => {
    expect(tag).toMatch(/^W\/"[\w-]{22}\.[\da-z]{8}"$/);
    expect(tag).not.toContain(answer.fingerprint);
  });

  it('is pinned, because clients keep it across deploys', () => {
    expect(tag).toBe('W/"aDG0XY4ESYAZfTxIOPEJch.loyw3v28"');
  });
});

describe('confirmedTag', () => {
  it.each([
    ['the tag', tag],
    ['one that a proxy made strong', tag.slice(2)],
    ['one of a list', `"other", ${tag}, W/"more"`],
  ])('finds %s', (_, header) => {
    expect(confirmedTag(header, tagDigest(answer), life)).toEqual({
      entityTag: tag,
      leftMs: 600,
    });
  });

  it('takes the one that lives longest', () => {
    const later = entityTag(answer, MADE_AT + 100);
    for (const header of [`${tag}, ${later}`, `${later}, ${tag}`]) {
      expect(confirmedTag(header, tagDigest(answer), life)?.entityTag).toBe(
        later,
      );
    }
  });

  it.each<[string, Partial<TaggedAnswer>]>([
    ['another resource', { slot: 'alkey:response:2:two' }],
    ['other tokens', { fingerprint: 'B'.repeat(22) as Fingerprint }],
    ['what only the store can confirm', { confirmedBy: 'store' }],
  ])('does not take it for %s', (_, changed) => {
    expect(
      confirmedTag(tag, tagDigest({ ...answer, ...changed }), life),
    ).toBeUndefined();
  });

  it.each([undefined, '', '*', '"x"', 'W/"A.1"', tag.slice(0, -1)])(
    'finds none in %j',
    header => {
      expect(confirmedTag(header, tagDigest(answer), life)).toBeUndefined();
    },
  );

  it('ends with ttlMs, and no clock that is ahead prolongs it', () => {
    const left = [999, 1000, -5000].map(
      ms =>
        confirmedTag(tag, tagDigest(answer), { ...life, now: MADE_AT + ms })
          ?.leftMs,
    );
    expect(left).toEqual([1, undefined, 1000]);
  });
});

describe('LastTagDigest', () => {
  it('is the digest of what tokens confirm, whatever was asked before', () => {
    const last = new LastTagDigest(answer.slot);
    const other = 'B'.repeat(22) as Fingerprint;
    for (const fingerprint of [
      answer.fingerprint,
      other,
      other,
      answer.fingerprint,
    ]) {
      expect(last.of(fingerprint)).toBe(tagDigest({ ...answer, fingerprint }));
    }
  });
});
