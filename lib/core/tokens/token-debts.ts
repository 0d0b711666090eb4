import {
  EVERYTHING,
  everyRowIdentifier,
  parseIdentifier,
  tableIdentifier,
  type Identifier,
} from '../identifiers/identifier.js';
import { type Holder } from './token.js';
import { type HoldOutcome } from './token-store.js';

/** What a store did not acknowledge and is to be told again. */
export type TokenDebt = HoldDebt | ReleaseDebt | ReplaceDebt;

/** A writer that has not ended yet, as far as is known. */
export interface HoldDebt {
  readonly operation: 'hold';
  readonly identifiers: readonly Identifier[];
  readonly holder: Holder;
  readonly leaseMs: number;
  /** When the lease would have ended; from then on the writer counts as ended with a change. */
  readonly untilMs: number;
}

export interface ReleaseDebt {
  readonly operation: 'release';
  readonly identifiers: readonly Identifier[];
  readonly holder: Holder;
  readonly outcome: HoldOutcome;
  readonly lagMs: number;
}

export interface ReplaceDebt {
  readonly operation: 'replace';
  readonly identifiers: readonly Identifier[];
}

const NONE: readonly ReleaseDebt[] = [];

/** What is owed to a store, bounded: beyond `maxIdentifiers` whole tables are owed instead. */
export class TokenDebts {
  readonly #maxIdentifiers: number;
  #debts: readonly TokenDebt[] = [];

  /** `maxIdentifiers` 0: always whole tables. */
  constructor(maxIdentifiers: number) {
    this.#maxIdentifiers = maxIdentifiers;
  }

  get isEmpty(): boolean {
    return this.#debts.length === 0;
  }

  owe(debt: TokenDebt): void {
    const debts = [...this.#debts, debt];
    const owed = debts.reduce((sum, each) => sum + each.identifiers.length, 0);
    this.#debts = owed > this.#maxIdentifiers ? [widened(debts)] : debts;
  }

  /** What to tell the store now; writers whose lease is over by `nowMs` have ended. */
  due(nowMs: number): readonly TokenDebt[] {
    this.#debts = this.#debts.map(debt =>
      debt.operation === 'hold' && debt.untilMs <= nowMs
        ? releaseOf(debt, 'changed', 0)
        : debt,
    );
    return this.#debts;
  }

  /** The store has acknowledged exactly this debt. */
  paid(debt: TokenDebt): void {
    this.#debts = this.#debts.filter(each => each !== debt);
  }

  /** The store has acknowledged a hold of these identifiers after all. */
  held(holder: Holder, identifiers: readonly Identifier[]): void {
    if (this.isEmpty) return;
    const held = new Set(identifiers);
    this.#debts = this.#debts.flatMap(debt => {
      if (debt.operation !== 'hold' || debt.holder !== holder) return [debt];
      const rest = debt.identifiers.filter(each => !held.has(each));
      return rest.length === 0 ? [] : [{ ...debt, identifiers: rest }];
    });
  }

  /**
   * This writer has ended: what was owed for its hold is owed for its release. Answers those debts,
   * which a release that is acknowledged pays where it names the same identifiers.
   */
  ended(
    holder: Holder,
    outcome: HoldOutcome,
    lagMs: number,
  ): readonly ReleaseDebt[] {
    if (this.isEmpty) return NONE;
    const releases: ReleaseDebt[] = [];
    this.#debts = this.#debts.map(debt => {
      if (debt.operation !== 'hold' || debt.holder !== holder) return debt;
      const release = releaseOf(debt, outcome, lagMs);
      releases.push(release);
      return release;
    });
    return releases;
  }
}

function releaseOf(
  { identifiers, holder }: HoldDebt,
  outcome: HoldOutcome,
  lagMs: number,
): ReleaseDebt {
  return { operation: 'release', identifiers, holder, outcome, lagMs };
}

/** One debt for all: the tables of their identifiers as changed, with the longest lag. */
function widened(debts: readonly TokenDebt[]): TokenDebt {
  const identifiers = [
    ...new Set(debts.flatMap(debt => debt.identifiers.flatMap(widenedTo))),
  ];
  const lagMs = Math.max(
    ...debts.map(debt => (debt.operation === 'release' ? debt.lagMs : 0)),
  );
  const holder = debts.find(debt => debt.operation === 'release')?.holder;
  return holder === undefined
    ? { operation: 'replace', identifiers }
    : { operation: 'release', identifiers, holder, outcome: 'changed', lagMs };
}

function widenedTo(identifier: Identifier): readonly Identifier[] {
  const parsed = parseIdentifier(identifier);
  if (!parsed || parsed.kind === 'everything') return [identifier];
  const { table } = parsed;
  return [everyRowIdentifier(table), tableIdentifier(table), EVERYTHING];
}
