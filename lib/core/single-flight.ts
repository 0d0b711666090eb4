/**
 * Lets concurrent calls of one key share one run, its result and its failure.
 *
 * Holds an entry per run under way and nothing else. A `produce` must not wait for its own key.
 */
export class SingleFlight<K, V> {
  readonly #running = new Map<K, Promise<V>>();
  readonly #ends = new Map<K, Promise<void>>();

  /** Whether a call now would join a run instead of beginning one. */
  has(key: K): boolean {
    return this.#running.has(key);
  }

  /** Resolves when the run under way for `key`, if there is one, is over and no longer joined. */
  async over(key: K): Promise<void> {
    await this.#ends.get(key);
  }

  /**
   * Joins the run under way for `key`, or begins one. What `produce` throws, at once or later,
   * rejects every promise of that run; the next call begins anew.
   *
   * `onItsWay` answers, for a result that callers look for before they come here, a promise that
   * resolves when they find it: until then the run that is over is still joined, so that one who
   * looked a moment too early does not begin another.
   */
  run(
    key: K,
    produce: () => V | PromiseLike<V>,
    onItsWay?: (value: V) => Promise<void> | undefined,
  ): Promise<V> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const begun = new Promise<V>(resolve => resolve(produce()));
    this.#running.set(key, begun);
    this.#ends.set(key, this.#forgetAfter(key, begun, onItsWay));
    return begun;
  }

  /**
   * Called before any caller can await, so that one who goes on finds the key free; and whoever
   * waits or not, a failure is heard.
   */
  async #forgetAfter(
    key: K,
    begun: Promise<V>,
    onItsWay: ((value: V) => Promise<void> | undefined) | undefined,
  ): Promise<void> {
    try {
      const value = await begun;
      const arrival = onItsWay?.(value);
      if (arrival) await arrival;
    } catch {
      // The callers' own.
    }
    this.#running.delete(key);
    this.#ends.delete(key);
  }
}
