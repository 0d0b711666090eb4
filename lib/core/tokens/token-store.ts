import { type Identifier } from '../identifiers/identifier.js';
import { type Held, type Holder, type Token } from './token.js';

/** How a writer ends: what it announced was written, or it knows that nothing was. */
export type HoldOutcome = 'changed' | 'unchanged';

/**
 * Where tokens live. Every store behaves like `MemoryTokenStore`; the contract suite in
 * `test/contract` says so.
 *
 * Per identifier each operation is atomic; over several identifiers it is not. Every operation is
 * one round trip whatever the number of identifiers. Time is the store's own clock, never the
 * caller's. An operation on no identifiers does nothing.
 *
 * @throws TokenStoreError from every operation, when the store did not acknowledge it
 */
export abstract class TokenStore {
  /**
   * The tokens of `identifiers`, in their order, or `HELD` where a writer is about to commit.
   *
   * A missing token is minted, not read as empty: after the store lost its data an empty token
   * would bring old answers back to life. A token that is read lives at least three quarters of
   * `tokenTtlMs` longer, so that reading it often does not mean writing it often.
   */
  abstract read(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]>;

  /**
   * What `read` would answer, where this process knows it by itself; `undefined`: it has to be read.
   * Costs no round trip and no promise.
   */
  peek(
    _identifiers: readonly Identifier[],
  ): readonly (Token | Held)[] | undefined {
    return undefined;
  }

  /**
   * From now on `identifiers` read as `HELD`, until this holder releases them or `leaseMs` have
   * passed. Holds of several holders add up; a second hold by the same holder renews its lease.
   *
   * A hold that failed may be in place all the same, or come later: release it too, whatever
   * becomes of the transaction.
   */
  abstract hold(
    identifiers: readonly Identifier[],
    holder: Holder,
    leaseMs: number,
  ): Promise<void>;

  /**
   * Drops this holder's hold. Safe to repeat: a second call only makes more keys miss.
   *
   * `'changed'`: the token from before the hold is gone for good, even if others hold on, and even
   * if this holder's lease has ended; the next reader mints a new one. `'unchanged'`: the token
   * from before the hold comes back, unless any other holder changed it or let its lease run out,
   * or this holder's own lease ran out.
   *
   * `lagMs` (only with `'changed'`): the identifiers stay held that much longer, whatever became of
   * the hold, for replicas that have not seen the commit; 0, the default: not at all.
   */
  abstract release(
    identifiers: readonly Identifier[],
    holder: Holder,
    outcome: HoldOutcome,
    lagMs?: number,
  ): Promise<void>;

  /** Makes every token of `identifiers` a new one without a hold. Holds stay, and count as changed. */
  abstract replace(identifiers: readonly Identifier[]): Promise<void>;

  /**
   * Sets a token by hand. Where a writer holds the identifier the token counts from the end of the
   * hold, and only if nothing was written; a hold that only waits for replicas ends without it.
   */
  abstract write(identifier: Identifier, token: Token): Promise<void>;

  /** Closes what this store opened itself; a client that was handed in stays open. */
  abstract close(): Promise<void>;
}
