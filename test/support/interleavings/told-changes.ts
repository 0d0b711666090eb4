import { type Identifier } from '../../../lib/core/identifiers/identifier.js';
import {
  type TokenChangeListener,
  type TokenChanges,
} from '../../../lib/core/tokens/near-token-store.js';
import {
  type HoldOutcome,
  TokenStore,
} from '../../../lib/core/tokens/token-store.js';
import {
  type Held,
  type Holder,
  type Token,
} from '../../../lib/core/tokens/token.js';
import { type ModelDatabase, type Resource } from './model-database.js';
import { type Steps } from './steps.js';

/** A change on its way to a process. */
interface Message {
  readonly identifiers: readonly Identifier[];
  readonly atMs: number;
  /** The process that is told changed it itself. */
  readonly isOwn: boolean;
  /** What a reader saw when the change happened: a commit that it announces had not. */
  readonly seen: (resource: Resource) => number;
}

export interface ToldChangesOptions {
  /** Of the process that is told. */
  readonly name: string;
  readonly steps: Steps;
  readonly database: ModelDatabase;
  readonly maxAgeMs: number;
}

/** The connection by which one process is told of changes: each message arrives by a step, in their order. */
export class ToldChanges implements TokenChanges {
  isListening = true;
  #listener: TokenChangeListener | undefined;
  #underWay: Message[] = [];

  constructor(private readonly options: ToldChangesOptions) {}

  listen(listener: TokenChangeListener): this {
    this.#listener = listener;
    return this;
  }

  async send(identifiers: readonly Identifier[], by: string): Promise<void> {
    if (!this.isListening) return;
    const { name, steps, database } = this.options;
    this.#underWay.push({
      identifiers,
      atMs: steps.time.clock(),
      isOwn: by === name,
      seen: database.snapshot(),
    });
    await steps.take(`${name}: is told of a change`);
    for (const each of this.#underWay.shift()?.identifiers ?? []) {
      this.#listener?.changed(each);
    }
  }

  /** What is on its way never arrives, which is noticed now. */
  lose(): void {
    this.isListening = false;
    this.#underWay = [];
    this.#listener?.allChanged();
  }

  resume(): void {
    this.isListening = true;
  }

  /**
   * What this process must answer at least: it may lack the changes that are on their way, but none
   * older than its copies may be, and none of its own.
   */
  atLeast(resource: Resource): number {
    const { steps, database, maxAgeMs } = this.options;
    const sinceMs = steps.time.clock() - maxAgeMs;
    const oldest = this.#underWay.find(
      ({ atMs, isOwn }) => !isOwn && atMs > sinceMs,
    );
    return (oldest?.seen ?? database.snapshot())(resource);
  }

  async close(): Promise<void> {}
}

/** The token store that all processes share, as one of them changes it, of which all are told. */
export class TellingTokenStore extends TokenStore {
  constructor(
    private readonly store: TokenStore,
    private readonly by: string,
    private readonly told: readonly ToldChanges[],
  ) {
    super();
  }

  override read(
    identifiers: readonly Identifier[],
  ): Promise<readonly (Token | Held)[]> {
    return this.store.read(identifiers);
  }

  override hold(
    identifiers: readonly Identifier[],
    holder: Holder,
    leaseMs: number,
  ): Promise<void> {
    this.tell(identifiers);
    return this.store.hold(identifiers, holder, leaseMs);
  }

  override release(
    identifiers: readonly Identifier[],
    holder: Holder,
    outcome: HoldOutcome,
    lagMs?: number,
  ): Promise<void> {
    this.tell(identifiers);
    return this.store.release(identifiers, holder, outcome, lagMs);
  }

  override replace(identifiers: readonly Identifier[]): Promise<void> {
    this.tell(identifiers);
    return this.store.replace(identifiers);
  }

  override write(identifier: Identifier, token: Token): Promise<void> {
    this.tell([identifier]);
    return this.store.write(identifier, token);
  }

  override close(): Promise<void> {
    return this.store.close();
  }

  private tell(identifiers: readonly Identifier[]): void {
    for (const each of this.told) void each.send(identifiers, this.by);
  }
}
