import { hash } from 'node:crypto';
import { AlkeyError } from '../errors.js';
import { type Identifier } from '../identifiers/identifier.js';
import { type Token } from '../tokens/token.js';
import { encodeCanonical } from './canonical-encoding.js';

/** `alkey:key:1:<43 characters>`: changes when a part, or what a part names, changes. */
export type CacheKey = string & { readonly __brand: 'CacheKey' };

/** Stands for "these identifiers had these tokens": 22 characters of base64url. */
export type Fingerprint = string & { readonly __brand: 'Fingerprint' };

/** One argument of a key: a value that counts by itself, or something that can change. */
export type KeyPart =
  | { readonly kind: 'literal'; readonly value: unknown }
  | {
      readonly kind: 'ref';
      readonly identifier: Identifier;
      readonly tokens: readonly Token[];
    };

/** Raised whenever equal parts would give another key than before. */
export const KEY_FORMAT = 1;

/**
 * Composes a key: the same parts with the same tokens give the same key, any difference another
 * one.
 *
 * @throws AlkeyError `ALKEY_UNENCODABLE_PART` with the position of the part, from 1
 */
export function composeKey(parts: readonly KeyPart[]): CacheKey {
  let text = '';
  for (const [index, part] of parts.entries()) {
    text +=
      part.kind === 'literal'
        ? literalText(encodeCanonical(part.value, index + 1))
        : refText(part.identifier, part.tokens.map(tokenText).join(''));
  }
  return keyOfText(text);
}

/** What stands for a value in the text of a key, by its canonical text. */
export function literalText(canonical: string): string {
  return `=${canonical}`;
}

/**
 * What stands for something that can change: a JSON array. The identifier as well as the tokens: two
 * rows may be given the same token by hand.
 */
export function refText(identifier: Identifier, tokenTexts: string): string {
  // JSON escapes no sign that an identifier may have.
  return `@["${identifier}"${tokenTexts}]`;
}

/** Tokens that are minted have no sign that JSON escapes, those that are chosen may have any. */
const MINTED = /^[\w-]+$/;

/** What stands for a token in that array. */
export function tokenText(token: Token): string {
  return MINTED.test(token) ? `,"${token}"` : `,${JSON.stringify(token)}`;
}

/** The key of a text that says everything it depends on. */
export function keyOfText(text: string): CacheKey {
  return `alkey:key:${KEY_FORMAT}:${hash('sha256', text, 'base64url')}` as CacheKey;
}

/** 128 bits: nobody finds two sets of tokens with one fingerprint. */
const FINGERPRINT_LENGTH = 22;

/**
 * The fingerprint of `identifiers`, where `tokens[i]` is the token of `identifiers[i]`. Their order
 * and repetitions do not count.
 *
 * A digest even where the tokens are few: it appears in ETags, where table names must not.
 *
 * @throws AlkeyError `ALKEY_INVALID_TOKEN` where there are not as many tokens as identifiers
 */
export function fingerprintOf(
  identifiers: readonly Identifier[],
  tokens: readonly Token[],
): Fingerprint {
  if (identifiers.length !== tokens.length) {
    throw new AlkeyError(
      'ALKEY_INVALID_TOKEN',
      `Expected a token for each of ${identifiers.length} identifiers, got ${tokens.length}.`,
    );
  }
  const pairs = identifiers.map(
    (identifier, index) => identifier + JSON.stringify(tokens[index]),
  );
  const text =
    pairs.length < 2
      ? pairs.join('')
      : [...new Set(pairs)].toSorted().join('\n');
  return hash('sha256', text, 'base64url').slice(
    0,
    FINGERPRINT_LENGTH,
  ) as Fingerprint;
}

/** Whether a text read from a store has the form of a fingerprint. */
export function isFingerprint(text: string): text is Fingerprint {
  return /^[\w-]{22}$/.test(text);
}
