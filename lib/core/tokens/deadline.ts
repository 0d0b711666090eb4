import { type Timers } from './timers.js';

interface Call {
  readonly untilMs: number;
  readonly giveUp: () => void;
  earlier: Call | undefined;
  later: Call | undefined;
}

/**
 * Ends calls that take longer than they may, with one timer for all of them: a timer for each would
 * cost as much as the call itself.
 */
export class Deadline {
  readonly #timeoutMs: number;
  readonly #clock: () => number;
  readonly #timers: Timers;
  // A list linked in the order of their coming, which is that of their deadlines, since all may take
  // equally long. A Set would do, at the price of the garbage it makes.
  #first: Call | undefined;
  #last: Call | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(timeoutMs: number, clock: () => number, timers: Timers) {
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#timers = timers;
  }

  /** The answer of `call`, or a rejection with `late()`; what comes after that is ignored. */
  of<Answer>(call: () => Promise<Answer>, late: () => Error): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const waiting = this.#add(() => reject(late()));
      call().then(
        answer => {
          this.#remove(waiting);
          return resolve(answer);
        },
        (cause: unknown) => {
          this.#remove(waiting);
          return reject(cause);
        },
      );
    });
  }

  /** Stops the timer; calls under way are then waited for without an end. */
  close(): void {
    this.#cancelTimer?.();
  }

  #add(giveUp: () => void): Call {
    const call: Call = {
      untilMs: this.#clock() + this.#timeoutMs,
      giveUp,
      earlier: this.#last,
      later: undefined,
    };
    if (this.#last) this.#last.later = call;
    else this.#first = call;
    this.#last = call;
    if (!this.#cancelTimer) this.#startTimer(this.#timeoutMs);
    return call;
  }

  /** Safe to repeat. */
  #remove(call: Call): void {
    const { earlier, later } = call;
    if (earlier) earlier.later = later;
    else if (this.#first === call) this.#first = later;
    if (later) later.earlier = earlier;
    else if (this.#last === call) this.#last = earlier;
    call.earlier = undefined;
    call.later = undefined;
  }

  #startTimer(ms: number): void {
    this.#cancelTimer = this.#timers.after(ms, () => {
      this.#cancelTimer = undefined;
      const nowMs = this.#clock();
      while (this.#first && this.#first.untilMs <= nowMs) {
        const call = this.#first;
        this.#remove(call);
        call.giveUp();
      }
      if (this.#first) this.#startTimer(this.#first.untilMs - nowMs);
    });
  }
}
