import { type User } from '../entities/user.entity.js';

/** Who may sign in, by the bearer token that proves it. */
export const DEMO_USERS: ReadonlyMap<string, User> = new Map([
  ['ada-token', { id: 1, name: 'Ada' }],
  ['bob-token', { id: 2, name: 'Bob' }],
]);
