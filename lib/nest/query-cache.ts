import { Inject, Injectable, Logger } from '@nestjs/common';
import { type DataSource } from 'typeorm';
import { AlkeyError, didYouMean } from '../core/errors.js';
import {
  queriesIdentifier,
  queryIdIdentifier,
} from '../core/identifiers/identifier.js';
import { QueryRules } from '../core/reads/query-rules.js';
import { interceptQueries } from '../typeorm/query-interception.js';
import { type ResolvedOptions } from './alkey.options.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import { ManualTouches } from './manual-touches.js';
import { QueryAnswers } from './query-answers.js';
import { QuerySource, type QuerySourceFacts } from './query-source.js';

/** TypeORM's interface of this name, which not every version exports with the same methods. */
type ResultCache = NonNullable<DataSource['queryResultCache']>;

/** Caches what is read through TypeORM, where the option `queries` asks for it. */
@Injectable()
export class QueryCache {
  private readonly logger = new Logger('Alkey');
  private readonly stopping = new Map<DataSource, () => void>();
  private readonly entities = new Set<string>();

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    private readonly rules: QueryRules,
    private readonly answers: QueryAnswers,
    private readonly touches: ManualTouches,
  ) {}

  /** Caches the queries of this data source from now on, as it is now. */
  attach(facts: QuerySourceFacts): void {
    if (this.options.queries === false) return;
    const { name, dataSource } = facts;
    for (const entity of dataSource.entityMetadatas) {
      this.entities.add(entity.name);
    }
    this.detach(dataSource);
    if (this.options.replicaLagMs === 0 && readsReplicas(dataSource)) {
      this.logger.warn(
        `Queries of data source "${name}" are not cached: its replicas may lag behind, and \`replicaLagMs\` is 0. ` +
          'Set that to more milliseconds than they ever do.',
      );
      return;
    }
    const source = new QuerySource(facts);
    const stop = interceptQueries(dataSource, {
      mayAnswer: (entity, setting, runner) =>
        this.rules.mayCache(entity?.name, setting) &&
        !source.driver.inTransaction(runner),
      answer: query =>
        source.driver.recorder.run({
          ...query,
          send: () => this.answers.answer(source, query),
          rowCountOf: rows => rows.length,
        }),
    });
    if (!stop) {
      this.logger.warn(
        `Queries of data source "${name}" are not cached: its TypeORM is none of the versions 0.3.20 to 1.x.`,
      );
      return;
    }
    const restore = this.takeOver(name, dataSource);
    this.stopping.set(dataSource, () => {
      stop();
      restore();
    });
  }

  /** @throws AlkeyError `ALKEY_UNKNOWN_ENTITY` for a rule of an entity that no data source has */
  checkRules(): void {
    for (const name of this.rules.entities) {
      if (this.entities.has(name)) continue;
      const meant = didYouMean(name, this.entities);
      throw new AlkeyError(
        'ALKEY_UNKNOWN_ENTITY',
        `No observed data source has the entity "${name}", which \`queries\` names.` +
          (meant === undefined ? '' : ` Did you mean "${meant}"?`) +
          " Its queries would not be cached: name an entity as TypeORM does, or '*' for all others.",
      );
    }
  }

  /** The data sources are as they were before. */
  stop(): void {
    for (const dataSource of this.stopping.keys()) this.detach(dataSource);
  }

  private detach(dataSource: DataSource): void {
    this.stopping.get(dataSource)?.();
    this.stopping.delete(dataSource);
  }

  /** Makes `dataSource.queryResultCache` ours, and answers how it becomes what it was. */
  private takeOver(name: string, dataSource: DataSource): () => void {
    const holder = dataSource as { queryResultCache?: ResultCache | undefined };
    const former = holder.queryResultCache;
    if (former) {
      this.logger.warn(
        `The \`cache\` of data source "${name}" is not used: \`queries\` decides what is cached, and writes outdate it. ` +
          'Leave one of the two options out.',
      );
    }
    holder.queryResultCache = this.resultCache(name, former);
    return () => {
      holder.queryResultCache = former;
    };
  }

  /** Queries are answered before TypeORM asks it; `former` stays connected for as long as it was. */
  private resultCache(
    name: string,
    former: ResultCache | undefined,
  ): ResultCache {
    return {
      connect: async () => former?.connect(),
      disconnect: async () => former?.disconnect(),
      synchronize: async runner => former?.synchronize(runner),
      getFromCache: async () => undefined,
      storeInCache: async () => undefined,
      isExpired: () => true,
      clear: () => this.touches.touch([queriesIdentifier(name)]),
      remove: ids =>
        this.touches.touch(ids.map(id => queryIdIdentifier(name, id))),
    };
  }
}

/** Whether its SELECTs may go to a server that does not know the newest commit. */
function readsReplicas({ options }: DataSource): boolean {
  if (!('replication' in options) || !options.replication) return false;
  const { slaves, defaultMode } = options.replication as {
    readonly slaves?: readonly unknown[];
    readonly defaultMode?: string;
  };
  return defaultMode !== 'master' && (slaves?.length ?? 0) > 0;
}
