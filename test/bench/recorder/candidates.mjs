/**
 * Who is measured, each in a process of its own. `run` is how the reads are run, by its name in
 * `candidate.mjs`; `isObserved`: with the module.
 */
export const CANDIDATES = [
  { name: 'bare', run: 'plain' },
  { name: 'again', run: 'plain' },
  { name: 'idle', run: 'plain', isObserved: true },
  { name: 'others', run: 'plain', isObserved: true, hasRecorded: true },
  { name: 'check', run: 'checked', isObserved: true },
  { name: 'known', run: 'known', isObserved: true },
  { name: 'first', run: 'first', isObserved: true },
  { name: 'wrap', run: 'wrapped', isObserved: true },
];

/** How many rows a handler reads, one after the other. */
export const READS = [0, 1, 5, 20];
