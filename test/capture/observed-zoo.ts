import { randomBytes } from 'node:crypto';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { type Identifier } from '../../lib/core/identifiers/identifier.js';
import { type Schema } from '../../lib/core/identifiers/schema.js';
import { MemoryTokenStore } from '../../lib/core/tokens/memory-token-store.js';
import { systemTimers } from '../../lib/core/tokens/timers.js';
import { WriteAnnouncer } from '../../lib/core/writes/write-announcer.js';
import { observeDataSource } from '../../lib/typeorm/observed-data-source.js';
import { Ledger, ZOO_ENTITIES } from './zoo.js';

/** A data source whose writes are captured into lists. */
export interface ObservedZoo {
  readonly dataSource: DataSource;
  readonly schema: Schema;
  readonly store: MemoryTokenStore;
  /** What was touched since the last call, in order and each once. */
  takeTouched(): readonly Identifier[];
  /** What was held since the last call. */
  takeHeld(): readonly Identifier[];
  close(): Promise<void>;
}

export async function observeZoo(
  options: DataSourceOptions,
): Promise<ObservedZoo> {
  const dataSource = new DataSource({
    ...options,
    // SQLite generates no keys but plain integers.
    entities:
      options.type === 'sqljs'
        ? ZOO_ENTITIES.filter(entity => entity !== Ledger)
        : ZOO_ENTITIES,
    synchronize: true,
  });
  await dataSource.initialize();
  const store = new MemoryTokenStore({
    clock: () => performance.now(),
    randomBytes,
    tokenTtlMs: 60_000,
    maxTokens: 10_000,
  });
  let touched = new Set<Identifier>();
  let held = new Set<Identifier>();
  const announcer = new WriteAnnouncer(store, {
    consistency: 'strict',
    leaseMs: 30_000,
    replicaLagMs: 0,
    randomBytes,
    timers: systemTimers,
    clock: () => performance.now(),
    onHeld: identifiers => identifiers.forEach(one => held.add(one)),
    onReleased: () => {},
    onTouched: identifiers => identifiers.forEach(one => touched.add(one)),
  });
  let schema: Schema | undefined;
  const stop = await observeDataSource(dataSource, 'default', {
    announcer,
    maxRowsPerTable: 1000,
    parents: true,
    onUnknownWrite: 'all',
    onStoreFailure: 'serve',
    onUnknown: () => {},
    readTokens: async () => undefined,
    reportFailure: (hook, error) => {
      throw new Error(`The hook ${hook} failed.`, { cause: error });
    },
    isIntended: () => false,
    onSchema: known => {
      schema = known;
    },
  });
  if (!schema) throw new Error('The schema was not told.');
  return {
    dataSource,
    schema,
    store,
    takeTouched: () => {
      const all = [...touched].toSorted();
      touched = new Set();
      return all;
    },
    takeHeld: () => {
      const all = [...held].toSorted();
      held = new Set();
      return all;
    },
    close: async () => {
      stop?.();
      await dataSource.destroy();
    },
  };
}
