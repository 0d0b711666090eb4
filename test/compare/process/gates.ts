import { createRequire } from 'node:module';

/** Where a process can be stopped: a row is read and not cached yet; the database has committed. */
export type GatePoint = 'loaded' | 'committed';

interface Gate {
  readonly opened: Promise<void>;
  readonly open: () => void;
}

/** The little of the driver that is used here; it comes without types. */
interface Driver {
  readonly Client: {
    readonly prototype: { query: (...args: unknown[]) => unknown };
  };
}

/** Points at which this process waits until the scenario lets it go on. */
export class Gates {
  private readonly closed = new Map<GatePoint, Gate>();

  constructor(private readonly onReached: (point: GatePoint) => void) {}

  close(point: GatePoint): void {
    let open: (() => void) | undefined;
    const opened = new Promise<void>(resolve => (open = resolve));
    this.closed.set(point, { opened, open: () => open?.() });
  }

  open(point: GatePoint): void {
    this.closed.get(point)?.open();
    this.closed.delete(point);
  }

  async pass(point: GatePoint): Promise<void> {
    const gate = this.closed.get(point);
    if (!gate) return;
    this.onReached(point);
    await gate.opened;
  }

  /**
   * Stops commits in the driver, at the same moment whatever cache is above it: PostgreSQL has
   * answered, and nobody in this process knows.
   */
  guardCommits(): void {
    const { Client } = createRequire(import.meta.url)('pg') as Driver;
    const { query } = Client.prototype;
    const pass = () => this.pass('committed');
    Client.prototype.query = async function (this: unknown, ...args) {
      const result = await query.apply(this, args);
      if (args[0] === 'COMMIT') await pass();
      return result;
    };
  }
}
