import { type Read } from './read.js';
import { BUILDERS } from './reads/builders.js';
import { COUNTS } from './reads/counts.js';
import { FINDS } from './reads/finds.js';
import { TREES } from './reads/trees.js';

/** Every way to read that the query cache may answer. */
export const READS: readonly Read[] = [
  ...FINDS,
  ...COUNTS,
  ...BUILDERS,
  ...TREES,
];
