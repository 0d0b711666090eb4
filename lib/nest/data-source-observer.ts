import { Inject, Injectable, Logger } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { DataSource } from 'typeorm';
import { AlkeyError, didYouMean } from '../core/errors.js';
import { TokenStoreError } from '../core/tokens/token-store-error.js';
import { type WriteAnnouncer } from '../core/writes/write-announcer.js';
import { EntityCatalog } from '../typeorm/entity-catalog.js';
import {
  observeDataSource,
  refuseReads,
  type StopObserving,
} from '../typeorm/observed-data-source.js';
import { type ResolvedOptions } from './alkey.options.js';
import { derivedTables } from './derived-tables.js';
import { ALKEY_ANNOUNCER, ALKEY_OPTIONS } from './injection-tokens.js';
import { Recorder } from './recorder.js';
import { QueryCache } from './query-cache.js';
import { OncePerText } from './once-per-text.js';

/** The name that an application gives no data source but its only one. */
const DEFAULT_NAME = 'default';

/** Finds the data sources that Nest knows, and observes what they write. */
@Injectable()
export class DataSourceObserver {
  private readonly logger = new Logger('Alkey');
  private readonly stopping: StopObserving[] = [];
  private readonly unknownWrites = new OncePerText();
  private readonly failures = new OncePerText();

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(ALKEY_ANNOUNCER) private readonly announcer: WriteAnnouncer,
    private readonly modules: ModulesContainer,
    private readonly catalog: EntityCatalog,
    private readonly queries: QueryCache,
    private readonly recorder: Recorder,
  ) {}

  /**
   * @throws AlkeyError `ALKEY_UNKNOWN_DATA_SOURCE` for a name in `dataSources` that Nest does not
   * know, or whose driver this library cannot read; `ALKEY_UNKNOWN_TABLE` for one in `derived`,
   * `ALKEY_UNKNOWN_ENTITY` for one in `queries`
   */
  async observe(): Promise<void> {
    const known = this.knownDataSources();
    const derived = derivedTables(this.options.derived);
    const chosen = this.chosen(known);
    for (const [name, dataSource] of known) {
      if (!chosen.has(name)) this.refuseReads(name, dataSource);
    }
    for (const [name, dataSource] of chosen) {
      const stop = await observeDataSource(dataSource, name, {
        ...this.options,
        derived,
        announcer: this.announcer,
        onUnknown: (reason, sql) => this.warnUnknown(name, reason, sql),
        reportFailure: (hook, error) => this.warnFailure(hook, error),
        isIntended: error =>
          this.options.onStoreFailure === 'abort' &&
          error instanceof TokenStoreError,
        readTokens: identifiers => this.recorder.readTokens(identifiers),
        onSchema: (schema, driver) => {
          this.catalog.add({ name, dataSource, schema });
          this.queries.attach({ name, dataSource, schema, driver });
        },
      });
      if (stop) this.stopping.push(stop);
      else {
        this.refuse(name, dataSource);
        this.refuseReads(name, dataSource);
      }
    }
    for (const [source, tables] of derived) {
      for (const table of [source, ...tables]) this.catalog.requireTable(table);
    }
    this.queries.checkRules();
  }

  /** The data sources are as they were before; resolves when the ends of all writes were told. */
  async stop(): Promise<void> {
    this.queries.stop();
    for (const stop of this.stopping.splice(0)) stop();
    await this.announcer.settled();
  }

  private knownDataSources(): ReadonlyMap<string, DataSource> {
    const known = new Map<string, DataSource>();
    for (const module of this.modules.values()) {
      for (const [token, { instance }] of module.providers) {
        if (!isDataSource(instance)) continue;
        if ([...known.values()].includes(instance)) continue;
        known.set(nameOf(token, known), instance);
      }
    }
    return known;
  }

  private chosen(
    known: ReadonlyMap<string, DataSource>,
  ): ReadonlyMap<string, DataSource> {
    const { dataSources } = this.options;
    if (!dataSources) return known;
    return new Map(
      dataSources.map(name => {
        const dataSource = known.get(name);
        if (dataSource) return [name, dataSource];
        const meant = didYouMean(name, known.keys());
        throw new AlkeyError(
          'ALKEY_UNKNOWN_DATA_SOURCE',
          `Nest knows no data source "${name}".` +
            (meant === undefined ? '' : ` Did you mean "${meant}"?`) +
            ` It knows ${[...known.keys()].map(one => `"${one}"`).join(', ') || 'none'}.` +
            ' Its writes would not be seen: name it in TypeOrmModule.forRoot, or leave it out of `dataSources`.',
        );
      }),
    );
  }

  /** A data source that was asked for must be observed; others are only mentioned. */
  private refuse(name: string, dataSource: DataSource): void {
    const message =
      `The driver "${dataSource.options.type}" of data source "${name}" cannot be observed: ` +
      'postgres, mysql, mariadb, better-sqlite3, sqlite and sqljs can. Its writes are not seen.';
    if (this.options.dataSources) {
      throw new AlkeyError('ALKEY_UNKNOWN_DATA_SOURCE', message);
    }
    this.logger.warn(message);
  }

  /** Nothing would outdate what a recorded handler answers with its data. */
  private refuseReads(name: string, dataSource: DataSource): void {
    const reason = `data source "${name}" is not observed`;
    this.stopping.push(refuseReads(dataSource, reason));
  }

  private warnUnknown(name: string, reason: string, sql: string): void {
    this.unknownWrites.run(`${name}\n${sql}`, () =>
      this.logger.warn(
        `A statement on data source "${name}" may write what its text does not tell (${reason}). ` +
          (this.options.onUnknownWrite === 'all'
            ? "Every token changes each time it runs; set `onUnknownWrite: 'warn'` if it writes nothing."
            : 'No token changes; call CacheKeyService.invalidate for what it writes.'),
      ),
    );
  }

  private warnFailure(hook: string, error: unknown): void {
    this.failures.run(`${hook} ${String(error)}`, () =>
      this.logger.error(`Could not follow a write in ${hook}.`, error),
    );
  }
}

/** Another copy of TypeORM may have made it. */
function isDataSource(value: unknown): value is DataSource {
  return (
    value instanceof DataSource ||
    (typeof value === 'object' &&
      value !== null &&
      'entityMetadatas' in value &&
      'subscribers' in value &&
      'createQueryRunner' in value)
  );
}

/** `DataSource` is the default one, `reportsDataSource` that of `TypeOrmModule.forRoot({ name: 'reports' })`. */
function nameOf(
  token: unknown,
  known: ReadonlyMap<string, DataSource>,
): string {
  if (typeof token === 'string') {
    const name = /^(.+)DataSource$/.exec(token)?.[1];
    if (name !== undefined) return name;
  }
  return token === DataSource || !known.has(DEFAULT_NAME)
    ? DEFAULT_NAME
    : String(typeof token === 'function' ? token.name : token);
}
