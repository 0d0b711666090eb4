import { type TokenStore } from 'nestjs-alkey';

/** Between these steps of a write a process may end. */
export const CRASH_STEPS = [
  'before-hold',
  'held',
  'commit-sent',
  'committed',
  'released',
] as const;

/** `cut`: not the process ends, its connection to the database does, once the COMMIT is sent. */
export type CrashStep = (typeof CRASH_STEPS)[number] | 'cut';

/** Ends this process at the next write that reaches the step it is armed for. */
export class CrashPoints {
  private armed: CrashStep | undefined;

  arm(step: CrashStep): void {
    this.armed = step;
  }

  reach(step: (typeof CRASH_STEPS)[number]): void {
    if (this.armed === step) process.kill(process.pid, 'SIGKILL');
  }

  takeCut(): boolean {
    if (this.armed !== 'cut') return false;
    this.armed = undefined;
    return true;
  }
}

/** Lets a store's holds and releases be steps. */
export function crashInStore(store: TokenStore, points: CrashPoints): void {
  const hold = store.hold.bind(store);
  const release = store.release.bind(store);
  const replace = store.replace.bind(store);
  store.hold = async (...args) => {
    points.reach('before-hold');
    await hold(...args);
    points.reach('held');
  };
  store.release = async (...args) => {
    await release(...args);
    points.reach('released');
  };
  store.replace = async (...args) => {
    await replace(...args);
    points.reach('released');
  };
}

/** The little of `pg.Client` that is needed here. */
export interface PgClient {
  readonly connection: { readonly stream: { destroy(): void } };
  getTransactionStatus(): string | null;
  on(event: 'error', listener: () => void): void;
  query(...args: unknown[]): unknown;
}

export type PgClientClass = new (...args: unknown[]) => PgClient;

/** A `pg.Client` whose commits are steps: `COMMIT`, and writing statements outside a transaction. */
export function crashingClient(
  Base: PgClientClass,
  points: CrashPoints,
): PgClientClass {
  return class extends Base {
    constructor(...args: unknown[]) {
      super(...args);
      // Between the pool and a query runner nobody listens: a connection that is ended just then
      // would end the process.
      this.on('error', () => {});
    }

    override query(...args: unknown[]): unknown {
      const [text] = args;
      const isCommit =
        typeof text === 'string' &&
        (text === 'COMMIT' ||
          (/^(?:INSERT|UPDATE|DELETE)\b/.test(text) &&
            this.getTransactionStatus() === 'I'));
      const outcome = super.query(...args);
      if (!isCommit || !(outcome instanceof Promise)) return outcome;
      // The socket has taken it by then.
      setImmediate(() => {
        points.reach('commit-sent');
        if (points.takeCut()) this.connection.stream.destroy();
      });
      return outcome.then((result: unknown) => {
        points.reach('committed');
        return result;
      });
    }
  };
}
