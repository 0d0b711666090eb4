export interface LatestRun<Value> {
  /** How many runs, of any key, had begun when it had. */
  readonly number: number;
  readonly answer: Promise<Value>;
}

/**
 * The latest run for each key, while it is under way: who asked before it began may share it, because
 * all that it reads is newer than the question.
 */
export class LatestRuns<Key, Value> {
  readonly #runs = new Map<Key, LatestRun<Value>>();
  #begun = 0;

  /** How many runs have begun: a later one has a larger number. */
  get begun(): number {
    return this.#begun;
  }

  latest(key: Key): LatestRun<Value> | undefined {
    return this.#runs.get(key);
  }

  begin(key: Key, produce: () => Promise<Value>): Promise<Value> {
    this.#begun += 1;
    const answer = produce();
    const run = { number: this.#begun, answer };
    this.#runs.set(key, run);
    const forget = (): void => {
      if (this.#runs.get(key) === run) this.#runs.delete(key);
    };
    answer.then(forget, forget);
    return answer;
  }
}
