import { describeValue } from '../core/errors.js';
import { explainRefusal } from '../core/keys/value-walk.js';
import { type StoredBody } from '../core/responses/stored-response.js';
import { ClassMemory } from './class-memory.js';
import { hasPrivateMembers } from './private-members.js';

/** How values that are handed to code are stored; both functions answer at once, not by a promise. */
export interface ValueSerializer {
  /** The text of a value. Throws for a value that cannot be made again from any text. */
  serialize(value: unknown): string;
  /** The value anew, one of its own for each call. Where it throws, nothing is found. */
  deserialize(text: string): unknown;
}

/** A value as text, or what stands in the way: the end of a sentence, and who threw. */
export type ValueText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: string; readonly cause?: unknown };

/** No text of `encodeValue` begins with it, so neither reads what the other wrote. */
const BY_SERIALIZER = 's';

/** From values to what is stored of them, and back. */
export class ValueTexts {
  /** Of each handler its own: two modules may each have a class of one name. */
  private readonly memories = new Map<string, ClassMemory>();

  constructor(
    private readonly serializer: ValueSerializer | undefined,
    /** Whether a value that cannot be stored is an error, instead of one that is not cached. */
    readonly strict: boolean,
  ) {}

  /** The text that a value of the handler `name` is stored as, or what stands in the way. */
  storedTextOf(name: string, value: unknown): ValueText {
    return this.serializer
      ? serialized(this.serializer, value)
      : this.textOf(name, value);
  }

  /** The stored value; `undefined` where it cannot be made here. */
  valueOf(
    name: string,
    body: StoredBody,
  ): { readonly value: unknown } | undefined {
    if (body.kind !== 'value') return undefined;
    if (!this.serializer) return this.classesOf(name).decode(body);
    if (!body.encoded.startsWith(BY_SERIALIZER)) return undefined;
    try {
      return { value: this.serializer.deserialize(body.encoded.slice(1)) };
    } catch {
      // Written by another version of it; the value is made anew.
      return undefined;
    }
  }

  /** The text of a value whatever the serializer; different values never share one. */
  textOf(name: string, value: unknown): ValueText {
    const encoded = this.classesOf(name).encode(value);
    if (!encoded.ok) {
      const { path, reason } = encoded;
      const place = path === '' ? 'the value' : `the value at ${path}`;
      return { ok: false, why: `${place} ${explainRefusal(reason)}` };
    }
    for (const [className, prototype] of encoded.classes) {
      if (hasPrivateMembers(prototype)) {
        const why = `an instance of ${className} has private members, which cannot be read`;
        return { ok: false, why };
      }
    }
    return { ok: true, text: encoded.text };
  }

  private classesOf(name: string): ClassMemory {
    let classes = this.memories.get(name);
    if (!classes) this.memories.set(name, (classes = new ClassMemory()));
    return classes;
  }
}

function serialized(serializer: ValueSerializer, value: unknown): ValueText {
  try {
    const text: unknown = serializer.serialize(value);
    return typeof text === 'string'
      ? { ok: true, text: BY_SERIALIZER + text }
      : {
          ok: false,
          why: `expected the \`serializer\` to answer a text, got ${describeValue(text)}`,
        };
  } catch (cause) {
    return { ok: false, why: `the \`serializer\` failed: ${cause}`, cause };
  }
}
