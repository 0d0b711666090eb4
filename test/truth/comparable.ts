/** What equals only itself: types that JSON loses are named. */
export type Comparable =
  | string
  | number
  | boolean
  | null
  | readonly Comparable[]
  | { readonly [name: string]: Comparable };

/**
 * Entities, rows and single values as plain data that JSON keeps. Lists of objects are sorted, because
 * no database promises an order that was not asked for; `ordered`: the outermost list is not.
 */
export function comparable(value: unknown, ordered = false): Comparable {
  if (Array.isArray(value)) {
    const elements = value.map(element => comparable(element));
    const isUnordered = value.every(
      element => typeof element === 'object' && element !== null,
    );
    return isUnordered && !ordered ? sorted(elements) : elements;
  }
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : { $number: String(value) };
    case 'undefined':
      return { $undefined: true };
    case 'object':
      return value === null ? null : comparableObject(value);
    default:
      return { [`$${typeof value}`]: String(value) };
  }
}

function comparableObject(value: object): Comparable {
  if (value instanceof Date) return { $date: value.toJSON() };
  if (Buffer.isBuffer(value)) return { $buffer: value.toString('hex') };
  if (value instanceof Uint8Array) return { $bytes: [...value] };
  const entries = Object.keys(value)
    .toSorted()
    .map(name => {
      const property = Object.getOwnPropertyDescriptor(value, name)!;
      // A getter is a lazy relation that nobody asked for; asking would load it.
      return [name, property.get ? null : comparable(property.value)] as const;
    });
  const className = value.constructor?.name ?? 'Object';
  return Object.fromEntries(
    className === 'Object' ? entries : [['$class', className], ...entries],
  );
}

function sorted(elements: readonly Comparable[]): readonly Comparable[] {
  return elements
    .map(element => [JSON.stringify(element), element] as const)
    .toSorted(([one], [other]) => (one < other ? -1 : Number(one > other)))
    .map(([, element]) => element);
}
