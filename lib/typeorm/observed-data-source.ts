import { type DataSource } from 'typeorm';
import { type Schema } from '../core/identifiers/schema.js';
import { type Dialect } from '../core/writes/statement.js';
import { dialectOf } from './dialect.js';
import { type ReportedCollation, schemaOf } from './entity-schema.js';
import { ownQuery } from './own-query.js';
import { WriteCapture, type WriteCaptureOptions } from './write-capture.js';
import {
  type ReportFailure,
  WriteCaptureSubscriber,
} from './write-capture.subscriber.js';

export interface ObservationOptions extends WriteCaptureOptions {
  readonly reportFailure: ReportFailure;
  readonly isIntended: (error: unknown) => boolean;
  /** Called with the metadata as it is now, at the start and after each initialization. */
  readonly onSchema: (schema: Schema) => void;
}

/** Stops observing: the data source is as it was. */
export type StopObserving = () => void;

/**
 * Observes all that a data source writes, from now on and again after each `initialize()`; one that
 * is not initialized yet from then on. `undefined` where its driver is none that this library reads.
 */
export async function observeDataSource(
  dataSource: DataSource,
  name: string,
  options: ObservationOptions,
): Promise<StopObserving | undefined> {
  const dialect = dialectOf(dataSource);
  if (!dialect) return undefined;
  const observation = new Observation(dataSource, name, dialect, options);
  await observation.start();
  return () => observation.stop();
}

class Observation {
  private subscriber: WriteCaptureSubscriber | undefined;
  private capture: WriteCapture | undefined;
  private readonly initialize: DataSource['initialize'];

  constructor(
    private readonly dataSource: DataSource,
    private readonly name: string,
    private readonly dialect: Dialect,
    private readonly options: ObservationOptions,
  ) {
    this.initialize = dataSource.initialize;
  }

  async start(): Promise<void> {
    const { dataSource, initialize } = this;
    // TypeORM makes the list of subscribers anew in each initialize().
    dataSource.initialize = async () => {
      const initialized = await initialize.call(dataSource);
      await this.attach();
      return initialized;
    };
    if (dataSource.isInitialized) await this.attach();
  }

  stop(): void {
    this.dataSource.initialize = this.initialize;
    const { subscribers } = this.dataSource;
    const index = subscribers.findIndex(entry => entry === this.subscriber);
    if (index !== -1) subscribers.splice(index, 1);
  }

  private async attach(): Promise<void> {
    const { dataSource, dialect, name, options } = this;
    const schema = schemaOf(
      dataSource,
      name,
      dialect,
      dialect === 'mysql' ? await collationsOf(dataSource) : undefined,
    );
    options.onSchema(schema);
    if (this.capture) this.capture.schema = schema;
    this.capture ??= new WriteCapture(name, dialect, schema, options);
    this.subscriber ??= new WriteCaptureSubscriber(
      this.capture,
      options.reportFailure,
      options.isIntended,
    );
    // First in line: a subscriber that throws keeps those behind it from being called.
    if (!dataSource.subscribers.includes(this.subscriber)) {
      dataSource.subscribers.unshift(this.subscriber);
    }
  }
}

/** The collations of key columns, which decide what text is equal; the metadata seldom tells. */
async function collationsOf(
  dataSource: DataSource,
): Promise<ReportedCollation> {
  const rows: unknown = await dataSource.query(
    ownQuery(
      'SELECT table_name AS t, column_name AS c, collation_name AS k FROM information_schema.columns ' +
        "WHERE table_schema = DATABASE() AND collation_name IS NOT NULL AND column_key <> ''",
    ),
  );
  const collations = new Map(
    (rows as readonly Readonly<Record<'t' | 'c' | 'k', string>>[]).map(
      ({ t, c, k }) => [`${t}\n${c}`, k],
    ),
  );
  return (table, column) => collations.get(`${table}\n${column}`);
}
