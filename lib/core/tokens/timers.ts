/** Time that passes by itself; a manual one in tests. */
export interface Timers {
  /** Runs `run` once after `ms`, unless the returned function is called before. */
  after(ms: number, run: () => void): () => void;
}

/** The clock of Node that never goes back, in milliseconds. */
export const systemClock = (): number => performance.now();

/** Timers of Node that keep no process alive. */
export const systemTimers: Timers = {
  after(ms, run) {
    let immediate: NodeJS.Immediate | undefined;
    // A process that was busy for longer than `ms` finds its timers due before it has read what
    // came in meanwhile: that first.
    const timer = setTimeout(() => {
      immediate = setImmediate(run);
    }, ms);
    timer.unref();
    return () => {
      clearTimeout(timer);
      clearImmediate(immediate);
    };
  },
};
