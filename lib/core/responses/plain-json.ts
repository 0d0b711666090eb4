// Deeper values, and those that contain themselves, are for the slower walk to judge.
const MAX_DEPTH = 200;

/**
 * Whether JSON carries a value without loss: null, booleans, strings, finite numbers but -0, dense
 * arrays and plain objects of these. Runs none of its code but a proxy's traps.
 */
export function isPlainJson(value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      if (value === null) return true;
      if (depth === MAX_DEPTH) return false;
      return Array.isArray(value)
        ? isPlainArray(value, depth)
        : isPlainObject(value, depth);
    default:
      return false;
  }
}

function isPlainArray(value: readonly unknown[], depth: number): boolean {
  if (Object.getPrototypeOf(value) !== Array.prototype) return false;
  // The elements and `length`: neither holes nor other properties.
  if (Reflect.ownKeys(value).length !== value.length + 1) return false;
  for (let index = 0; index < value.length; index++) {
    if (!isPlainProperty(value, index, depth)) return false;
  }
  return true;
}

function isPlainObject(value: object, depth: number): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const name of Reflect.ownKeys(value)) {
    if (typeof name === 'symbol' || !isPlainProperty(value, name, depth)) {
      return false;
    }
  }
  return true;
}

function isPlainProperty(
  value: object,
  name: string | number,
  depth: number,
): boolean {
  const property = Object.getOwnPropertyDescriptor(value, name);
  return (
    property?.enumerable === true &&
    'value' in property &&
    isPlainJson(property.value, depth + 1)
  );
}
