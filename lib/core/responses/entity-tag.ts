import { hash } from 'node:crypto';
import { type Fingerprint } from '../keys/cache-key.js';
import { type HeaderValue } from './cache-control.js';
import { entityTagsIn } from './conditional-request.js';

/** What an entity tag stands for. */
export interface TaggedAnswer {
  /** The resource, which knows whose answer it is, what it varies by, and the release. */
  readonly slot: string;
  readonly fingerprint: Fingerprint;
  /**
   * Who can say 304: `tokens`, whoever reads the same ones; `store`, whoever has the answer, since a
   * 304 has to repeat headers that only the handler knows.
   */
  readonly confirmedBy: 'tokens' | 'store';
}

/** A tag of the client's that still stands for the current answer. */
export interface Confirmed {
  readonly entityTag: string;
  /** How much longer it does, in milliseconds. */
  readonly leftMs: number;
}

/** Raised whenever one text could stand for two answers. */
const TAG_FORMAT = 1;

/** 128 bits: nobody finds two answers with one tag. */
const DIGEST_LENGTH = 22;

/**
 * `W/"<22 characters>.<milliseconds since 1970, base 36>"`. Equal answers differ in the time at
 * which they were made, because 304 must not let an answer outlive the route's `ttlMs`.
 *
 * Weak: it vouches for what the answer says, not for its bytes, which a compression or another way
 * to write the same JSON changes (RFC 9110 §8.8.1).
 */
export function entityTag(answer: TaggedAnswer, madeAt: number): string {
  return `W/"${tagDigest(answer)}.${madeAt.toString(36)}"`;
}

/**
 * The tag in If-None-Match that has the digest of the current answer's and lives longest, if one lives.
 *
 * `*` is none: whether there is a representation at all, tokens do not tell.
 */
export function confirmedTag(
  ifNoneMatch: HeaderValue,
  digest: string,
  { now, ttlMs }: { readonly now: number; readonly ttlMs: number },
): Confirmed | undefined {
  const tags = entityTagsIn(ifNoneMatch);
  if (tags.length === 0) return undefined;
  let longest: Confirmed | undefined;
  for (const tag of tags) {
    const [, found, time] = OURS.exec(tag) ?? [];
    if (found !== digest || time === undefined) continue;
    // A clock that is ahead of this one prolongs no life.
    const leftMs = Math.min(ttlMs, Number.parseInt(time, 36) + ttlMs - now);
    if (leftMs > (longest?.leftMs ?? 0)) {
      longest = { entityTag: `W/"${found}.${time}"`, leftMs };
    }
  }
  return longest;
}

/** Strong where a proxy made it so: the comparison is weak (RFC 9110 §13.1.2). */
const OURS = /^(?:W\/)?"([\w-]{22})\.([\da-z]{1,10})"$/;

/** What of an answer's tag does not depend on when it was made. */
export function tagDigest({
  slot,
  fingerprint,
  confirmedBy,
}: TaggedAnswer): string {
  const text = JSON.stringify([TAG_FORMAT, slot, fingerprint, confirmedBy]);
  return hash('sha256', text, 'base64url').slice(0, DIGEST_LENGTH);
}

/** The digests of a resource's tags that tokens confirm: where the fingerprint is that of the last time, it is as well. */
export class LastTagDigest {
  #fingerprint: Fingerprint | undefined;
  #digest = '';

  constructor(private readonly slot: string) {}

  of(fingerprint: Fingerprint): string {
    if (fingerprint !== this.#fingerprint) {
      const { slot } = this;
      this.#digest = tagDigest({ slot, fingerprint, confirmedBy: 'tokens' });
      this.#fingerprint = fingerprint;
    }
    return this.#digest;
  }
}
