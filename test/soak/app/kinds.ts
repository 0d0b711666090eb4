/**
 * How answers are cached, as the first part of their paths: `keyed`, routes with refs; `recorded`, routes
 * without; `queries`, plain routes whose queries are; `recorded-queries`, the last two together.
 */
export const KINDS = [
  'keyed',
  'recorded',
  'queries',
  'recorded-queries',
] as const;

/** `naive`: without Alkey. */
export type Kind = (typeof KINDS)[number] | 'naive';
