/** Runs that end when they are told to. */
export class Gate {
  private readonly waiting: ((fail?: Error) => void)[] = [];

  pass(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push(fail => (fail ? reject(fail) : resolve()));
    });
  }

  /** Resolves when that many runs wait. */
  async reached(count: number): Promise<void> {
    while (this.waiting.length < count) await new Promise(setImmediate);
  }

  open(fail?: Error): void {
    for (const go of this.waiting.splice(0)) go(fail);
  }
}
