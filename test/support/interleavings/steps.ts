import { type Scheduler } from 'fast-check';
import { ManualTime, settled } from '../manual-time.js';

/** What nobody has to wait for any more. */
export function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** How often a slow step lets others go first. */
const SLOW_TURNS = 10;

/** Everything that happens in one story, a step at a time, in an order that fast-check chooses. */
export class Steps {
  readonly time = new ManualTime();

  constructor(
    private readonly scheduler: Scheduler,
    /** By how much time passes where nothing else can happen, in milliseconds. */
    private readonly idleMs: number,
    private readonly isSlow: (label: string) => boolean = () => false,
  ) {}

  /** Waits for its turn. */
  async take(label: string): Promise<void> {
    for (let left = this.isSlow(label) ? SLOW_TURNS : 0; left > 0; left--) {
      await this.scheduler.schedule(Promise.resolve(), `not yet: ${label}`);
    }
    await this.scheduler.schedule(Promise.resolve(), label);
  }

  /** Lets step after step happen until all of them are done; time passes where nothing else can. */
  async until(participants: readonly Promise<unknown>[]): Promise<void> {
    let isOver = false;
    const over = Promise.all(participants).finally(() => (isOver = true));
    for (let idle = 0; ;) {
      await settled();
      if (isOver) break;
      if (this.scheduler.count() > 0) {
        await this.scheduler.waitNext(1);
        idle = 0;
      } else {
        idle += 1;
        if (idle > 1_000) throw new Error('Somebody waits for ever.');
        await this.time.advance(this.idleMs);
      }
    }
    await over;
  }

  /** Lets everything happen that is still under way. */
  async rest(): Promise<void> {
    for (;;) {
      await settled();
      if (this.scheduler.count() === 0) return;
      await this.scheduler.waitNext(1);
    }
  }
}

/** A process: its steps happen only while it lives. */
export class Life {
  #isDead = false;
  #end: (() => void) | undefined;
  /** Resolves when it dies. */
  readonly ended = new Promise<void>(resolve => (this.#end = resolve));

  constructor(
    readonly name: string,
    private readonly steps: Steps,
  ) {}

  get isDead(): boolean {
    return this.#isDead;
  }

  /** From now on it does nothing any more; what it has sent is on its way. */
  die(): void {
    this.#isDead = true;
    this.#end?.();
  }

  /** Waits for its turn, and for ever when the process died before it. */
  async step(label: string): Promise<void> {
    await this.survived();
    await this.sent(label);
    await this.survived();
  }

  /** Never comes back when the process is dead. */
  async survived(): Promise<void> {
    if (this.#isDead) await never();
  }

  /** What others do for it, who do not know whether it still lives. */
  async sent(label: string): Promise<void> {
    await this.steps.take(`${this.name}: ${label}`);
  }
}
