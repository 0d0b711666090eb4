const known = new WeakMap<object, boolean>();

/** `this.#name`, `#name in this`, and what compilers write for them. */
const PRIVATE_MEMBER =
  /\.#[\p{ID_Start}$_]|#[\p{ID_Continue}$]+\s+in\b|__classPrivateField/u;

/**
 * Whether a class, or one that it extends, reads private members: an instance made anew from what
 * can be seen of it has none, and fails where they are read.
 */
export function hasPrivateMembers(prototype: object): boolean {
  const judged = known.get(prototype);
  if (judged !== undefined) return judged;
  const { constructor } = prototype;
  const parent: unknown = Object.getPrototypeOf(prototype);
  const has =
    (typeof constructor === 'function' &&
      PRIVATE_MEMBER.test(Function.prototype.toString.call(constructor))) ||
    (typeof parent === 'object' &&
      parent !== null &&
      parent !== Object.prototype &&
      hasPrivateMembers(parent));
  known.set(prototype, has);
  return has;
}
