import { type StoredValue } from '../core/responses/stored-response.js';
import {
  decodeValue,
  type EncodedValue,
  encodeValue,
} from '../core/responses/stored-value.js';

/**
 * The classes whose instances this process has stored, by name, so that an instance comes back as
 * one. Where two classes have one name neither does: such values are made anew.
 */
export class ClassMemory {
  private readonly prototypes = new Map<string, object>();
  private readonly ambiguous = new Set<string>();

  /** The text of a value, or why it cannot be carried. */
  encode(value: unknown): EncodedValue {
    const encoded = encodeValue(value);
    if (!encoded.ok) return encoded;
    for (const [name, prototype] of encoded.classes) {
      const known = this.prototypes.get(name);
      if (known !== undefined && known !== prototype) this.ambiguous.add(name);
      if (this.ambiguous.has(name)) {
        this.prototypes.delete(name);
        return { ok: false, reason: 'class-name', path: '' };
      }
      this.prototypes.set(name, prototype);
    }
    return encoded;
  }

  /** The stored value; `undefined` where this process does not know a class in it yet. */
  decode(body: StoredValue): { readonly value: unknown } | undefined {
    const decoded = decodeValue(body.encoded, this.prototypes);
    return decoded.ok ? { value: decoded.value } : undefined;
  }
}
