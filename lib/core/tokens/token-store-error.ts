import { AlkeyError } from '../errors.js';
import { type Identifier } from '../identifiers/identifier.js';

export type TokenStoreOperation =
  'read' | 'hold' | 'release' | 'replace' | 'write';

/**
 * Why an operation failed; `'rejected'`: the store is there and said no; `'refused'`: it was not
 * tried, because those before it failed.
 */
export type TokenStoreFailure =
  | { readonly why: 'rejected'; readonly cause: unknown }
  | { readonly why: 'failed'; readonly cause: unknown }
  | { readonly why: 'timeout'; readonly timeoutMs: number }
  | { readonly why: 'refused'; readonly cause: unknown };

const LISTED = 3;

const VERBS = {
  read: 'read',
  hold: 'hold',
  release: 'release',
  replace: 'replace',
  write: 'set',
} as const satisfies Record<TokenStoreOperation, string>;

const CONSEQUENCES = {
  read: 'Answers that depend on them are made anew and not stored.',
  hold: 'A commit that goes on all the same may be followed by stale answers until they are released.',
  release:
    'Answers that depend on them are not cached until the lease of the hold has ended.',
  replace:
    'Responses that depend on them may be served stale until they expire.',
  write: 'They keep the tokens they had.',
} as const satisfies Record<TokenStoreOperation, string>;

/**
 * The store did not acknowledge an operation. It may have been carried out all the same, in part or
 * later, which each operation is safe against. Names identifiers, never a token.
 */
export class TokenStoreError extends AlkeyError {
  readonly operation: TokenStoreOperation;
  /** How many identifiers the operation named. */
  readonly identifiers: number;
  readonly why: TokenStoreFailure['why'];

  constructor(
    operation: TokenStoreOperation,
    identifiers: readonly Identifier[],
    failure: TokenStoreFailure,
  ) {
    super(
      'ALKEY_STORE_UNAVAILABLE',
      `Could not ${VERBS[operation]} ${listed(identifiers)} ${reason(failure)}. ${CONSEQUENCES[operation]}`,
      'cause' in failure ? { cause: failure.cause } : undefined,
    );
    this.operation = operation;
    this.identifiers = identifiers.length;
    this.why = failure.why;
  }
}

function listed(identifiers: readonly Identifier[]): string {
  const { length } = identifiers;
  const names = identifiers.slice(0, LISTED).join(', ');
  const rest = length > LISTED ? ` and ${length - LISTED} more` : '';
  return `${length} ${length === 1 ? 'token' : 'tokens'} (${names}${rest})`;
}

function reason(failure: TokenStoreFailure): string {
  switch (failure.why) {
    case 'timeout':
      return `within ${failure.timeoutMs} ms`;
    case 'refused':
      return 'because the store failed a moment ago and is asked again shortly';
    case 'rejected':
      return 'because the store answered with an error; see the cause';
    case 'failed':
      // The cause's own text may quote a command with its arguments, so it is not repeated here.
      return 'because the store failed; see the cause';
  }
}
