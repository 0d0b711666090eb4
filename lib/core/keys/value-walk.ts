import { types } from 'node:util';

/**
 * What a value is by its internal slots, not by what it claims. `instance`: of a class of the
 * program; `built-in`: of the platform, or derived from it, with a state that properties do not
 * show.
 */
export type ObjectKind =
  | 'array'
  | 'array-buffer'
  | 'built-in'
  | 'bytes'
  | 'date'
  | 'instance'
  | 'map'
  | 'object'
  | 'regexp'
  | 'set'
  | 'url';

/** Why a value cannot become text and still be what it was. */
export type RefusalReason =
  | 'accessor'
  | 'built-in'
  | 'circular'
  | 'class-name'
  | 'extra-property'
  | 'function'
  | 'hidden-property'
  | 'instance'
  | 'nameless-class'
  | 'symbol'
  | 'symbol-key'
  | 'too-deep'
  | 'unreadable';

const EXPLANATIONS: Readonly<Record<RefusalReason, string>> = {
  accessor: 'has a getter, whose answer may change',
  'built-in': 'has a state that cannot be read completely',
  circular: 'contains itself',
  'class-name': 'is of a class whose name another class has, too',
  'extra-property': 'has properties beside its content',
  function: 'has no text that says what it does',
  'hidden-property': 'has a property that is not enumerable',
  instance: 'may have a state that cannot be read',
  'nameless-class': 'is of a class without a name',
  symbol: 'is unlike any other by definition',
  'symbol-key': 'has a symbol among its keys',
  'too-deep': 'is nested too deeply',
  unreadable: 'could not be read',
};

/** The reason as the predicate of a sentence about the value. */
export function explainRefusal(reason: RefusalReason): string {
  return EXPLANATIONS[reason];
}

/** A property, an element's index, or an entry of a Map or Set, counted from 0. */
export type PathStep =
  string | number | { readonly entry: number; readonly side?: 'key' | 'value' };

/** Ends a walk; only the function that began the walk catches it. */
export class WalkRefused extends Error {
  readonly reason: RefusalReason;
  readonly value: unknown;

  constructor(reason: RefusalReason, value: unknown) {
    super(reason);
    this.reason = reason;
    this.value = value;
  }
}

// A request's JSON is never this deep, and a stack that overflows tells nobody where.
const MAX_DEPTH = 500;

/** Keeps where a recursive walk stands, and refuses to go round in circles. */
export class ValueWalk {
  readonly #open = new Set<object>();
  readonly #steps: PathStep[] = [];

  /** Begins the content of `value`; {@link leave} ends it. */
  enter(value: object): void {
    if (this.#open.has(value)) throw new WalkRefused('circular', value);
    if (this.#open.size === MAX_DEPTH) throw new WalkRefused('too-deep', value);
    this.#open.add(value);
  }

  leave(value: object): void {
    this.#open.delete(value);
  }

  /** Goes one step down; {@link up} comes back. A refusal on the way leaves the path as it is. */
  down(step: PathStep): void {
    this.#steps.push(step);
  }

  up(): void {
    this.#steps.pop();
  }

  /** Where the walk stands: `.filter.tags[3]`, `["odd name"]`; empty at the top. */
  get path(): string {
    return this.#steps.map(pathText).join('');
  }
}

const LONGEST_NAME = 40;

function pathText(step: PathStep): string {
  if (typeof step === 'number') return `[${step}]`;
  if (typeof step === 'string') {
    return /^[A-Za-z_$][\w$]{0,39}$/.test(step)
      ? `.${step}`
      : `[${JSON.stringify(step.slice(0, LONGEST_NAME))}]`;
  }
  const { entry, side } = step;
  return side === undefined
    ? `[entry ${entry}]`
    : `[${side} of entry ${entry}]`;
}

/** The kind of an object; runs none of its code but a proxy's traps. */
export function kindOf(value: object): ObjectKind {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return 'object';
  if (Array.isArray(value)) return levels(value) === 2 ? 'array' : 'built-in';
  if (ArrayBuffer.isView(value)) return viewKind(value);
  if (types.isDate(value)) return levels(value) === 2 ? 'date' : 'built-in';
  if (types.isMap(value)) return levels(value) === 2 ? 'map' : 'built-in';
  if (types.isSet(value)) return levels(value) === 2 ? 'set' : 'built-in';
  if (types.isRegExp(value)) return levels(value) === 2 ? 'regexp' : 'built-in';
  if (types.isArrayBuffer(value)) {
    return levels(value) === 2 ? 'array-buffer' : 'built-in';
  }
  if (prototype === URL.prototype) return 'url';
  if (
    levels(value) === 1 &&
    Object.hasOwn(prototype as object, 'isPrototypeOf')
  ) {
    // The plain object of another realm, such as a `node:vm` context.
    return 'object';
  }
  return isOfPlatform(value) ? 'built-in' : 'instance';
}

/** How many prototypes stand above a value: a plain Date has two, its subclass three. */
function levels(value: object): number {
  let count = 0;
  let prototype: unknown = Object.getPrototypeOf(value);
  while (prototype !== null) {
    count++;
    prototype = Object.getPrototypeOf(prototype);
  }
  return count;
}

function viewKind(value: ArrayBufferView): ObjectKind {
  if (Object.getPrototypeOf(value) === Buffer.prototype) return 'bytes';
  return types.isTypedArray(value) && levels(value) === 3
    ? 'bytes'
    : 'built-in';
}

const platformPrototypes = new WeakMap<object, boolean>();

/** Whether a class in the chain is the platform's, so that its state is out of sight. */
function isOfPlatform(value: object): boolean {
  if (types.isProxy(value) || types.isBoxedPrimitive(value)) return true;
  const prototype = Object.getPrototypeOf(value) as object;
  let known = platformPrototypes.get(prototype);
  if (known === undefined) {
    known = false;
    let above: object | null = prototype;
    while (above !== null && !known) {
      const constructor = constructorOf(above);
      known =
        constructor !== undefined &&
        !Object.hasOwn(above, 'isPrototypeOf') &&
        isPlatformClass(constructor);
      above = Object.getPrototypeOf(above) as object | null;
    }
    platformPrototypes.set(prototype, known);
  }
  return known;
}

/** The class whose prototype this is; runs no getter. */
export function constructorOf(
  prototype: object,
): ((...parameters: never[]) => unknown) | undefined {
  const constructor: unknown = Object.getOwnPropertyDescriptor(
    prototype,
    'constructor',
  )?.value;
  return typeof constructor === 'function'
    ? (constructor as (...parameters: never[]) => unknown)
    : undefined;
}

function isPlatformClass(constructor: { readonly name: unknown }): boolean {
  const { name } = constructor;
  // Headers, Blob or Request are JavaScript inside Node, with private state all the same.
  const isGlobal =
    typeof name === 'string' &&
    Object.getOwnPropertyDescriptor(globalThis, name)?.value === constructor;
  return (
    isGlobal ||
    /\{\s*\[native code\]\s*\}\s*$/.test(
      Function.prototype.toString.call(constructor),
    )
  );
}

/**
 * The names of an object's own properties.
 *
 * @throws WalkRefused where there are symbols among them
 */
export function ownNames(value: object): string[] {
  const names = Reflect.ownKeys(value);
  if (names.some(name => typeof name === 'symbol')) {
    throw new WalkRefused('symbol-key', value);
  }
  return names as string[];
}

/**
 * The value of an own property, as it is stored.
 *
 * @throws WalkRefused where a getter would have to be run, or where enumeration passes it over
 */
export function ownValue(value: object, name: string): unknown {
  const property = Object.getOwnPropertyDescriptor(value, name);
  if (property === undefined || !('value' in property)) {
    throw new WalkRefused('accessor', value);
  }
  if (!property.enumerable) throw new WalkRefused('hidden-property', value);
  return property.value;
}

/**
 * The indexes of an array that hold something, ascending.
 *
 * @throws WalkRefused where the array has properties beside its elements
 */
export function ownIndexes(value: readonly unknown[]): number[] {
  const names = ownNames(value);
  // The language lists indexes first, then the rest in order of creation: `length` is the first.
  const count = names.length - 1;
  if (names[count] !== 'length') throw new WalkRefused('extra-property', value);
  return names.slice(0, count).map(Number);
}

/** @throws WalkRefused where somebody has put properties on a Date, a Map and the like */
export function refuseOwnNames(value: object, expected: number): void {
  if (ownNames(value).length !== expected) {
    throw new WalkRefused('extra-property', value);
  }
}

/** The name by which a value of kind `bytes` is made again. */
export function bytesName(value: ArrayBufferView): string {
  return Object.getPrototypeOf(value) === Buffer.prototype
    ? 'Buffer'
    : // A getter of the platform that reads the internal slot.
      String((value as Uint8Array)[Symbol.toStringTag]);
}

/** The bytes of a view or a buffer, as text. Properties that somebody put on them are not seen. */
export function base64Of(value: ArrayBufferView | ArrayBufferLike): string {
  const bytes = ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value);
  return bytes.toString('base64');
}
