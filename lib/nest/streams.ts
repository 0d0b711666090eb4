import { StreamableFile } from '@nestjs/common';

/** A stream of any kind, or, as Nest takes them from an interceptor, a plain object around one. */
export function isStream(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return (
    isBareStream(value) ||
    (Object.getPrototypeOf(value) === Object.prototype &&
      Object.values(value).some(
        member =>
          typeof member === 'object' && member !== null && isBareStream(member),
      ))
  );
}

export function isBareStream(value: object): boolean {
  return (
    value instanceof StreamableFile ||
    ('pipe' in value && typeof value.pipe === 'function') ||
    ('getReader' in value && typeof value.getReader === 'function') ||
    Symbol.asyncIterator in value ||
    Object.prototype.toString.call(value) === '[object Response]'
  );
}
