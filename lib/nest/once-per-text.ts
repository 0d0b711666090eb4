const REMEMBERED_TEXTS = 1000;

/** Does something once for each text, so that a log is not flooded; forgets all after a thousand. */
export class OncePerText {
  private readonly seen = new Set<string>();

  run(text: string, task: () => void): void {
    if (this.seen.has(text)) return;
    if (this.seen.size >= REMEMBERED_TEXTS) this.seen.clear();
    this.seen.add(text);
    task();
  }
}
