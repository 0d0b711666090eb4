import { type Write } from './write.js';
import { SAVES } from './writes/saves.js';
import { STATEMENTS } from './writes/statements.js';
import { TRANSACTIONS } from './writes/transactions.js';

/** Ways to write; those that a constraint refuses fail. */
export const WRITES: readonly Write[] = [
  ...SAVES,
  ...STATEMENTS,
  ...TRANSACTIONS,
];
