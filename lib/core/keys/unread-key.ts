import { type Dependency } from '../identifiers/dependency.js';
import { type Identifier } from '../identifiers/identifier.js';
import { sameTokens, type Token } from '../tokens/token.js';
import { encodeText } from './canonical-encoding.js';
import {
  type CacheKey,
  keyOfText,
  literalText,
  refText,
  tokenText,
} from './cache-key.js';

/** A part of a key before tokens are read: a value's canonical text, or something that can change. */
export type UnreadPart = string | Dependency;

/**
 * A key whose tokens are still to be read: the one that `composeKey` makes of the same parts, with
 * each token written as text once, however many parts it stands for.
 */
export class UnreadKey {
  /** What to read, each once, in a fixed order. */
  readonly identifiers: readonly Identifier[];
  readonly #parts: readonly UnreadPart[];
  /** For each part and each identifier that it reads, where in `identifiers` that is. */
  readonly #places: readonly number[];
  /** Those of the last time. */
  #tokens: readonly Token[] = [];
  #key: CacheKey | undefined;

  constructor(parts: readonly UnreadPart[]) {
    const placeOf = new Map<Identifier, number>();
    const places: number[] = [];
    for (const part of parts) {
      if (typeof part === 'string') continue;
      for (const identifier of part.reads) {
        let place = placeOf.get(identifier);
        if (place === undefined)
          placeOf.set(identifier, (place = placeOf.size));
        places.push(place);
      }
    }
    this.identifiers = [...placeOf.keys()];
    this.#parts = parts;
    this.#places = places;
  }

  /** Whether it was made of exactly these parts. */
  isOf(parts: readonly UnreadPart[]): boolean {
    const own = this.#parts;
    if (own.length !== parts.length) return false;
    // From the end: what follows the same first parts differs there.
    for (let place = own.length - 1; place >= 0; place--) {
      if (!isSamePart(own[place]!, parts[place]!)) return false;
    }
    return true;
  }

  /**
   * The key under these tokens, which are in the order of `identifiers`; composed anew only where they
   * are not those of the last time.
   */
  under(tokens: readonly Token[]): CacheKey {
    if (this.#key === undefined || !sameTokens(tokens, this.#tokens)) {
      this.#key = this.#compose(tokens);
      this.#tokens = tokens;
    }
    return this.#key;
  }

  #compose(tokens: readonly Token[]): CacheKey {
    const texts = tokens.map(tokenText);
    let text = '';
    let next = 0;
    for (const part of this.#parts) {
      if (typeof part === 'string') {
        text += literalText(encodeText(part));
        continue;
      }
      let ofTokens = '';
      const end = next + part.reads.length;
      for (; next < end; next++) ofTokens += texts[this.#places[next]!];
      text += refText(part.identifier, ofTokens);
    }
    return keyOfText(text);
  }
}

function isSamePart(one: UnreadPart, other: UnreadPart): boolean {
  if (one === other) return true;
  return (
    typeof one !== 'string' &&
    typeof other !== 'string' &&
    one.identifier === other.identifier &&
    // A view may read other tables since a data source was added.
    one.reads.length === other.reads.length &&
    one.reads.every((identifier, place) => identifier === other.reads[place])
  );
}
