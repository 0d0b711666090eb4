import { type Identifier } from '../../../lib/core/identifiers/identifier.js';
import {
  type HoldOutcome,
  TokenStore,
} from '../../../lib/core/tokens/token-store.js';
import {
  type Held,
  type Holder,
  type Token,
} from '../../../lib/core/tokens/token.js';
import { type Life } from './steps.js';

/** The wire between a process and its token store: each call and each answer is a step. */
export class ScheduledTokenStore extends TokenStore {
  #underWay = 0;

  constructor(
    /** May be another one from some moment on. */
    public store: TokenStore,
    private readonly life: Life,
  ) {
    super();
  }

  /** Whether no call is on its way, nor an answer. */
  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  override read(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    return this.send('read', () => this.store.read(identifiers));
  }

  override hold(
    identifiers: readonly Identifier[],
    holder: Holder,
    leaseMs: number,
  ): Promise<void> {
    return this.send('hold', () =>
      this.store.hold(identifiers, holder, leaseMs),
    );
  }

  override release(
    identifiers: readonly Identifier[],
    holder: Holder,
    outcome: HoldOutcome,
    lagMs?: number,
  ): Promise<void> {
    return this.send(`release (${outcome})`, () =>
      this.store.release(identifiers, holder, outcome, lagMs),
    );
  }

  override replace(identifiers: readonly Identifier[]): Promise<void> {
    return this.send('replace', () => this.store.replace(identifiers));
  }

  override write(identifier: Identifier, token: Token): Promise<void> {
    return this.send('write', () => this.store.write(identifier, token));
  }

  override close(): Promise<void> {
    return this.store.close();
  }

  /** What was sent arrives, whatever becomes of its sender. */
  private async send<Answer>(
    operation: string,
    call: () => Promise<Answer>,
  ): Promise<Answer> {
    // Timers of a process that died are still there in this one.
    await this.life.survived();
    this.#underWay += 1;
    try {
      await this.life.sent(`${operation} reaches the token store`);
      return await call();
    } finally {
      await this.life.sent(`hears of ${operation}`);
      this.#underWay -= 1;
      await this.life.survived();
    }
  }
}
