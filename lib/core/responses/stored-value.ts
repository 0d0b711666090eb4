import { type RefusalReason, WalkRefused } from '../keys/value-walk.js';
import { isPlainJson } from './plain-json.js';
import { ValueEncoder } from './value-encoder.js';
import { type Classes, reviveValue, UnknownClass } from './value-reviver.js';

export type EncodedValue =
  | {
      readonly ok: true;
      readonly text: string;
      /** The classes met: whoever is to decode the text must be given them. */
      readonly classes: Classes;
    }
  | {
      readonly ok: false;
      readonly reason: RefusalReason;
      /** Where the reason is: `.items[3]`; empty for the value itself. */
      readonly path: string;
    };

/** A new letter for a new format: a text that begins with another one is malformed. */
const PLAIN_VALUE = 'j';
const TAGGED_VALUE = 't';

const NO_CLASSES: Classes = new Map();

/**
 * Turns a value into text from which an equal one can be made, or says what stands in the way.
 *
 * Carries what JSON carries, undefined, NaN, Infinity, -0, bigints, Dates, Maps, Sets, Buffers,
 * typed arrays, ArrayBuffers, URLs, RegExps, arrays with holes, objects without a prototype, and
 * instances of classes by their own properties; neither a constructor nor `toJSON` is called.
 * Private fields cannot be seen: an instance that has any comes back without them. An object
 * referred to twice comes back as two; whether it was frozen is lost. Never throws.
 */
export function encodeValue(value: unknown): EncodedValue {
  const encoder = new ValueEncoder();
  try {
    if (isPlain(value)) {
      const text = PLAIN_VALUE + JSON.stringify(value);
      return { ok: true, text, classes: NO_CLASSES };
    }
    const text = TAGGED_VALUE + encoder.encode(value);
    return { ok: true, text, classes: encoder.classes };
  } catch (error) {
    // Anything else is the failure of a proxy or of a revoked buffer: the value is at fault.
    const reason = error instanceof WalkRefused ? error.reason : 'unreadable';
    return { ok: false, reason, path: encoder.path };
  }
}

function isPlain(value: unknown): boolean {
  try {
    return isPlainJson(value);
  } catch {
    // A proxy: the walk meets the same failure, and knows where.
    return false;
  }
}

export type DecodedValue =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: 'malformed' }
  | {
      readonly ok: false;
      readonly reason: 'unknown-class';
      /** The first class that `classes` has no prototype for. */
      readonly className: string;
    };

/**
 * Makes the value anew that `encodeValue` was given; instances get their prototype from `classes`,
 * by the name of their class, without a call of its constructor. Never throws: what cannot be made
 * again is a miss for the caller.
 */
export function decodeValue(
  text: string,
  classes: Classes = NO_CLASSES,
): DecodedValue {
  try {
    const json: unknown = JSON.parse(text.slice(1));
    if (text.startsWith(PLAIN_VALUE)) return { ok: true, value: json };
    if (!text.startsWith(TAGGED_VALUE)) return MALFORMED;
    return { ok: true, value: reviveValue(json, classes) };
  } catch (error) {
    return error instanceof UnknownClass
      ? { ok: false, reason: 'unknown-class', className: error.message }
      : MALFORMED;
  }
}

const MALFORMED: DecodedValue = { ok: false, reason: 'malformed' };
