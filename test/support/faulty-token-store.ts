import { type Identifier } from '../../lib/core/identifiers/identifier.js';
import {
  type Held,
  type Holder,
  type Token,
} from '../../lib/core/tokens/token.js';
import {
  TokenStore,
  type HoldOutcome,
} from '../../lib/core/tokens/token-store.js';

/**
 * How a store goes wrong: it refuses (`'down'`), does what it is asked but its answer is lost
 * (`'mute'`), or does it only when told to (`'late'`); without an answer either way.
 */
export type Fault = 'none' | 'down' | 'mute' | 'late';

/** A real store whose connection can be broken. */
export class FaultyTokenStore extends TokenStore {
  fault: Fault = 'none';
  /** What was asked of it, in order: `hold alkey:users#1`. */
  readonly asked: string[] = [];
  readonly #store: TokenStore;
  readonly #late: (() => Promise<unknown>)[] = [];

  constructor(store: TokenStore) {
    super();
    this.#store = store;
  }

  /** Carries out what came while the fault was `'late'`. */
  async deliver(): Promise<void> {
    for (const run of this.#late.splice(0)) await run();
  }

  override read(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    return this.#run('read', identifiers, () => this.#store.read(identifiers));
  }

  override hold(
    identifiers: readonly Identifier[],
    holder: Holder,
    leaseMs: number,
  ): Promise<void> {
    return this.#run('hold', identifiers, () =>
      this.#store.hold(identifiers, holder, leaseMs),
    );
  }

  override release(
    identifiers: readonly Identifier[],
    holder: Holder,
    outcome: HoldOutcome,
    lagMs?: number,
  ): Promise<void> {
    return this.#run('release', identifiers, () =>
      this.#store.release(identifiers, holder, outcome, lagMs),
    );
  }

  override replace(identifiers: readonly Identifier[]): Promise<void> {
    return this.#run('replace', identifiers, () =>
      this.#store.replace(identifiers),
    );
  }

  override write(identifier: Identifier, token: Token): Promise<void> {
    return this.#run('write', [identifier], () =>
      this.#store.write(identifier, token),
    );
  }

  override close(): Promise<void> {
    this.asked.push('close');
    return this.#store.close();
  }

  async #run<Answer>(
    operation: string,
    identifiers: readonly Identifier[],
    call: () => Promise<Answer>,
  ): Promise<Answer> {
    this.asked.push(`${operation} ${identifiers.join(' ')}`);
    switch (this.fault) {
      case 'none':
        return call();
      case 'down':
        throw new Error('The store is down.');
      case 'mute':
        await call();
        return never();
      case 'late':
        this.#late.push(call);
        return never();
    }
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
