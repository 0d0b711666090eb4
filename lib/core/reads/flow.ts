import { AsyncLocalStorage } from 'node:async_hooks';
import { type ReadObserver } from './read-observer.js';

/** What the code that is running now is a part of. */
interface Flow {
  /** Runs of `wrap`: one that waited for itself would never end. */
  readonly runs: readonly FlowRun[];
  /** The outermost first. */
  readonly observers: readonly ReadObserver[];
}

/**
 * One for all applications of a process, and for all that it is used for: before Node 24 each costs
 * every promise there is once it was used, and is never collected.
 */
const flows = new AsyncLocalStorage<Flow>();

interface FlowRun {
  readonly name: string;
  isOver: boolean;
}

const NOWHERE: Flow = { runs: [], observers: [] };

/** Whether the code that is running now is a part of this run, which is not over. */
export function isPartOf(run: string): boolean {
  const runs = flows.getStore()?.runs ?? [];
  return runs.some(({ name, isOver }) => name === run && !isOver);
}

/** Runs `produce` and all that it calls as a part of `run`. */
export async function asPartOf<T>(
  run: string,
  produce: () => Promise<T>,
): Promise<T> {
  const flow = flows.getStore() ?? NOWHERE;
  const own = { name: run, isOver: false };
  const runs = [...flow.runs.filter(({ isOver }) => !isOver), own];
  try {
    return await flows.run({ ...flow, runs }, produce);
  } finally {
    own.isOver = true;
  }
}

/** Runs `produce` so that `observer` hears of what it and all that it calls read. */
export function observing<T>(observer: ReadObserver, produce: () => T): T {
  const flow = flows.getStore() ?? NOWHERE;
  const observers = [...flow.observers.filter(isOpen), observer];
  return flows.run({ ...flow, observers }, produce);
}

/**
 * Whoever is to hear of what is read now; `undefined`: nobody. What a handler began and did not wait for
 * goes on after its answer was made, and is nobody's business.
 */
export function observersNow(): readonly ReadObserver[] | undefined {
  const observers = flows.getStore()?.observers.filter(isOpen);
  return observers && observers.length > 0 ? observers : undefined;
}

function isOpen({ closed }: ReadObserver): boolean {
  return !closed;
}
