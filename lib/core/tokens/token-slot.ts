import { HELD, type Held, type Holder, type Token } from './token.js';
import { type HoldOutcome } from './token-store.js';

/**
 * What a store keeps under one identifier. Every function here is one atomic step of the protocol,
 * as a function of values: `MemoryTokenStore` runs them, the Lua of `RedisTokenStore` mirrors them,
 * and the protocol's proof explores them.
 *
 * Times are milliseconds of the store's own clock.
 */
export type TokenSlot = MissingSlot | TokenOnly | HeldSlot;

export interface MissingSlot {
  readonly kind: 'missing';
}

export interface TokenOnly {
  readonly kind: 'token';
  readonly token: Token;
  readonly expiresAtMs: number;
}

export interface HeldSlot {
  readonly kind: 'held';
  /**
   * The token from before the first hold: it comes back when every holder says that nothing
   * changed. `undefined` once any of them changed it or let its lease run out.
   */
  readonly before: Token | undefined;
  readonly holds: readonly Hold[];
}

export interface Hold {
  readonly holder: Holder;
  readonly deadlineMs: number;
}

export const MISSING: MissingSlot = { kind: 'missing' };

/** The slot as time has left it: a token or a hold is over at its deadline, not after it. */
export function slotAt(slot: TokenSlot, nowMs: number): TokenSlot {
  if (slot.kind === 'missing') return slot;
  if (slot.kind === 'token') return slot.expiresAtMs > nowMs ? slot : MISSING;
  const live = slot.holds.filter(hold => hold.deadlineMs > nowMs);
  if (live.length === slot.holds.length) return slot;
  // Whoever let its lease run out may have committed: nobody can vouch for the old token.
  return live.length === 0
    ? MISSING
    : { kind: 'held', before: undefined, holds: live };
}

/** When nothing will be left of the slot unless somebody touches it before. */
export function slotDeadlineMs(slot: TokenOnly | HeldSlot): number {
  return slot.kind === 'token'
    ? slot.expiresAtMs
    : Math.max(...slot.holds.map(hold => hold.deadlineMs));
}

/** Reads the token, or mints one where there is none; either lives `tokenTtlMs` from now. */
export function readSlot(
  slot: TokenSlot,
  mint: () => Token,
  nowMs: number,
  tokenTtlMs: number,
): { readonly slot: TokenSlot; readonly answer: Token | Held } {
  const current = slotAt(slot, nowMs);
  if (current.kind === 'held') return { slot: current, answer: HELD };
  const token = current.kind === 'token' ? current.token : mint();
  return { slot: tokenSlot(token, nowMs, tokenTtlMs), answer: token };
}

/** Adds this holder, or renews its lease; the token from before the first hold is remembered. */
export function holdSlot(
  slot: TokenSlot,
  holder: Holder,
  nowMs: number,
  leaseMs: number,
): TokenSlot {
  const current = slotAt(slot, nowMs);
  return {
    kind: 'held',
    before: tokenBefore(current),
    holds: [
      ...holdsWithout(current, holder),
      { holder, deadlineMs: nowMs + leaseMs },
    ],
  };
}

/** Takes this holder away: `'changed'` with the old token, `'unchanged'` without touching it. */
export function releaseSlot(
  slot: TokenSlot,
  holder: Holder,
  outcome: HoldOutcome,
  nowMs: number,
  tokenTtlMs: number,
  lagMs = 0,
): TokenSlot {
  const current = slotAt(slot, nowMs);
  const others = holdsWithout(current, holder);
  if (outcome === 'unchanged') {
    if (current.kind !== 'held') return current;
    return endHolds(current.before, others, nowMs, tokenTtlMs);
  }
  const lagging =
    lagMs > 0 ? [...others, { holder, deadlineMs: nowMs + lagMs }] : others;
  return endHolds(undefined, lagging, nowMs, tokenTtlMs);
}

/** Takes the token away; holds stay, and what they remember is gone. */
export function replaceSlot(slot: TokenSlot, nowMs: number): TokenSlot {
  const current = slotAt(slot, nowMs);
  return current.kind === 'held' ? { ...current, before: undefined } : MISSING;
}

/** Puts a chosen token in place, or in the place of what the holds remember. */
export function writeSlot(
  slot: TokenSlot,
  token: Token,
  nowMs: number,
  tokenTtlMs: number,
): TokenSlot {
  const current = slotAt(slot, nowMs);
  return current.kind === 'held'
    ? { ...current, before: token }
    : tokenSlot(token, nowMs, tokenTtlMs);
}

function endHolds(
  before: Token | undefined,
  holds: readonly Hold[],
  nowMs: number,
  tokenTtlMs: number,
): TokenSlot {
  if (holds.length > 0) return { kind: 'held', before, holds };
  return before === undefined ? MISSING : tokenSlot(before, nowMs, tokenTtlMs);
}

function tokenSlot(token: Token, nowMs: number, ttlMs: number): TokenOnly {
  return { kind: 'token', token, expiresAtMs: nowMs + ttlMs };
}

function tokenBefore(slot: TokenSlot): Token | undefined {
  if (slot.kind === 'missing') return undefined;
  return slot.kind === 'token' ? slot.token : slot.before;
}

function holdsWithout(slot: TokenSlot, holder: Holder): readonly Hold[] {
  return slot.kind === 'held'
    ? slot.holds.filter(hold => hold.holder !== holder)
    : [];
}
