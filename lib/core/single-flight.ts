/**
 * Lets concurrent calls of one key share one run, its result and its failure.
 *
 * Holds an entry per run under way and nothing else. A `produce` must not wait for its own key.
 */
export class SingleFlight<K, V> {
  readonly #running = new Map<K, Run<V>>();
  #begun = 0;

  /** How many runs have begun: a later one has a larger number. */
  get begun(): number {
    return this.#begun;
  }

  /** Whether a call now would join a run instead of beginning one; `since`: as for `run`. */
  has(key: K, since?: number): boolean {
    return this.#joined(key, since) !== undefined;
  }

  /** Whether a run is under way that whoever asked `since` may not join. */
  hasOlder(key: K, since: number): boolean {
    return this.has(key) && !this.has(key, since);
  }

  /** Resolves when the run under way for `key`, if there is one, is over and no longer joined. */
  async over(key: K): Promise<void> {
    await this.#running.get(key)?.over;
  }

  /**
   * Joins the run under way for `key`, or begins one. What `produce` throws, at once or later,
   * rejects every promise of that run; the next call begins anew.
   *
   * `onItsWay` answers, for a result that callers look for before they come here, a promise that
   * resolves when they find it: until then the run that is over is still joined, so that one who
   * looked a moment too early does not begin another.
   *
   * `since`: how many runs had begun when the caller asked, where it may only have what was made after
   * that. An older run is not joined; a new one takes its place for those who come later.
   */
  run(
    key: K,
    produce: () => V | PromiseLike<V>,
    onItsWay?: (value: V) => Promise<void> | undefined,
    since?: number,
  ): Promise<V> {
    const running = this.#joined(key, since);
    if (running) return running.result;
    this.#begun += 1;
    const result = new Promise<V>(resolve => resolve(produce()));
    const run: Run<V> = { number: this.#begun, result, over: undefined };
    this.#running.set(key, run);
    run.over = this.#forgetAfter(key, run, onItsWay);
    return result;
  }

  #joined(key: K, since = -1): Run<V> | undefined {
    const running = this.#running.get(key);
    return running && running.number > since ? running : undefined;
  }

  /**
   * Called before any caller can await, so that one who goes on finds the key free; and whoever
   * waits or not, a failure is heard.
   */
  async #forgetAfter(
    key: K,
    run: Run<V>,
    onItsWay: ((value: V) => Promise<void> | undefined) | undefined,
  ): Promise<void> {
    try {
      const value = await run.result;
      const arrival = onItsWay?.(value);
      if (arrival) await arrival;
    } catch {
      // The callers' own.
    }
    if (this.#running.get(key) === run) this.#running.delete(key);
  }
}

interface Run<V> {
  readonly number: number;
  readonly result: Promise<V>;
  over: Promise<void> | undefined;
}
