import { type DataSource, type QueryRunner } from 'typeorm';
import { parametersOf } from '../core/writes/operand-value.js';
import { type StatementObserver } from './read-recorder.js';

/**
 * Lets a recorder hear of every statement before it is sent, of runners that are created from now on.
 * TypeORM's own hook before a statement is not waited for in 0.3, and tokens have to be read before.
 */
export function observeRunners(
  dataSource: DataSource,
  recorder: StatementObserver,
): () => void {
  const create = dataSource.createQueryRunner;
  // SQLite's drivers have one runner for all.
  const observed = new WeakSet<QueryRunner>();
  let stopped = false;
  const createObserved: DataSource['createQueryRunner'] = mode => {
    const runner = create.call(dataSource, mode);
    if (!stopped && !observed.has(runner)) {
      observed.add(runner);
      observe(runner, recorder, () => stopped);
    }
    return runner;
  };
  dataSource.createQueryRunner = createObserved;
  return () => {
    stopped = true;
    // Whoever replaced it after us calls ours, which passes everything on.
    if (dataSource.createQueryRunner === createObserved) {
      dataSource.createQueryRunner = create;
    }
  };
}

type Send = (
  sql: string,
  parameters?: unknown,
  ...others: unknown[]
) => Promise<unknown>;

function observe(
  runner: QueryRunner,
  recorder: StatementObserver,
  hasStopped: () => boolean,
): void {
  const observing = (
    send: Send,
    rowCountOf: (answer: unknown) => number | undefined,
  ): Send =>
    function (this: unknown, sql, parameters, ...others) {
      const run = (): Promise<unknown> =>
        send.call(this, sql, parameters, ...others);
      return hasStopped()
        ? run()
        : recorder.run({
            runner,
            sql,
            parameters: parametersOf(parameters),
            send: run,
            rowCountOf,
          });
    };
  runner.query = observing(
    runner.query as Send,
    rowCount,
  ) as QueryRunner['query'];
  // Its rows come later, and nobody here counts them.
  runner.stream = observing(
    runner.stream as Send,
    () => undefined,
  ) as QueryRunner['stream'];
}

/** TypeORM answers rows, or asked for it a result with `records`. */
function rowCount(answer: unknown): number | undefined {
  const rows =
    typeof answer === 'object' && answer !== null && 'records' in answer
      ? answer.records
      : answer;
  return Array.isArray(rows) ? rows.length : undefined;
}
