/**
 * Who is measured, each in a process of its own: `alkey` are the module's options. The first is what the
 * others are compared with, and the second, the same once more, tells how far the figures can be trusted.
 */
export const CANDIDATES = [
  { name: 'bare' },
  { name: 'bare again' },
  { name: 'strict', alkey: { queries: true } },
  { name: 'near', alkey: { queries: true, near: { maxAgeMs: 1000 } } },
  { name: 'TypeORM', typeormCache: true },
];

export const BASE = 'bare';
export const RIVAL = 'TypeORM';

/** In which state the queries are found; whoever does not take part has no such state. */
export const STATES = [
  {
    name: 'hit',
    title: 'Hits: 64 queries, again and again',
    candidates: CANDIDATES,
  },
  {
    name: 'new',
    title: 'Misses: each query for the first time',
    candidates: CANDIDATES,
  },
  {
    name: 'outdated',
    title: 'Misses: each query again, after its table was written',
    // TypeORM's cache is not told of writes.
    candidates: CANDIDATES.filter(({ typeormCache }) => !typeormCache),
  },
];
