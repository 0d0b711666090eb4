import { AlkeyError } from '../errors.js';

/**
 * A random value kept under an identifier. It never recurs and means nothing but "the same" or
 * "not the same".
 */
export type Token = string & { readonly __brand: 'Token' };

/** Names one writer while it commits; unique per transaction. */
export type Holder = string & { readonly __brand: 'Holder' };

/** What reads answer for an identifier whose writer has announced a commit: no token to trust. */
export const HELD = Symbol('held');
export type Held = typeof HELD;

/** 96 bits, the least that never recurs in practice: 2^48 tokens for one collision. */
const TOKEN_BYTES = 12;

/** Gives random bytes; `node:crypto.randomBytes` outside tests. */
export type RandomBytes = (size: number) => Uint8Array;

/** Whether these are the same tokens in the same order. */
export function sameTokens(
  one: readonly Token[],
  other: readonly Token[],
): boolean {
  if (one.length !== other.length) return false;
  for (let place = 0; place < one.length; place++) {
    if (one[place] !== other[place]) return false;
  }
  return true;
}

function randomText(randomBytes: RandomBytes): string {
  return Buffer.from(randomBytes(TOKEN_BYTES)).toString('base64url');
}

export function mintToken(randomBytes: RandomBytes): Token {
  return randomText(randomBytes) as Token;
}

export function mintHolder(randomBytes: RandomBytes): Holder {
  return randomText(randomBytes) as Holder;
}

/**
 * Mints holders of which no two are alike. Random is what they begin with, once for all of them:
 * random bytes for each would take longer than all else that announces a write in this process.
 */
export function holderMint(randomBytes: RandomBytes): () => Holder {
  const first = mintHolder(randomBytes);
  let minted = 0;
  return () => {
    minted += 1;
    return `${first}.${minted.toString(36)}` as Holder;
  };
}

/**
 * A token that a caller chose by hand: any text but the empty one. A lone surrogate becomes U+FFFD,
 * as it would on its way to a store, so that the token reads back as it was set.
 *
 * @throws AlkeyError with `ALKEY_INVALID_TOKEN` for the empty text
 */
export function chosenToken(text: string): Token {
  if (text === '') {
    throw new AlkeyError(
      'ALKEY_INVALID_TOKEN',
      'Expected a token to be a text of at least one character, got `""`.',
    );
  }
  return text.toWellFormed() as Token;
}
