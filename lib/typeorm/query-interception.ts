import {
  type DataSource,
  type EntityMetadata,
  type QueryRunner,
  type SelectQueryBuilder,
} from 'typeorm';
import { type QuerySetting } from '../core/reads/query-rules.js';
import { dataSourceOf, holdsConnection } from './driver-facts.js';

/** A query of a program that may be answered without asking the database. */
export interface InterceptedQuery {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** That it is about; `undefined`: TypeORM does not know. */
  readonly entity: EntityMetadata | undefined;
  /** What its rows are: those of the entity, or what TypeORM asks for a number or a yes. */
  readonly shape: 'rows' | 'count' | 'exists';
  readonly setting: QuerySetting;
  /** The id that the program gave it, for `queryResultCache.remove`. */
  readonly id: string | undefined;
  readonly runner: QueryRunner;
  /**
   * Whether it, or another that is asked with it, may have a connection of the pool, so that it must not
   * wait for a query that may be waiting for one.
   */
  readonly mustNotWait: boolean;
  /** Asks the database. */
  readonly run: () => Promise<unknown[]>;
}

/** Whoever answers the queries of one data source. */
export interface QueryAnswering {
  /** Whether there is any point in composing the query. */
  mayAnswer(
    entity: EntityMetadata | undefined,
    setting: QuerySetting,
    runner: QueryRunner,
  ): boolean;
  /** The rows, the caller's own. Rejects only as `query.run` does. */
  answer(query: InterceptedQuery): Promise<unknown[]>;
}

/** Stops intercepting: TypeORM is as it was. */
export type StopIntercepting = () => void;

type Builder = SelectQueryBuilder<object>;

/** What of TypeORM's query builder is replaced; not all of it is public. */
interface Interceptable {
  obtainQueryRunner(this: Builder): QueryRunner;
  loadRawResults(this: Builder, runner: QueryRunner): Promise<unknown[]>;
}

/** A query builder that reads for a program, and the builders that it makes use of. */
interface Reading {
  readonly runner: QueryRunner;
  readonly entity: EntityMetadata | undefined;
  /** What the program said, which counts for the builders that say nothing themselves. */
  readonly setting: QuerySetting;
  readonly id: string | undefined;
  /** How many queries were asked until now. */
  asked: number;
  /** Those that the database was asked. */
  readonly sent: Promise<unknown>[];
}

/** By the prototype of the query builders: each copy of TypeORM has its own. */
const interceptions = new WeakMap<object, Interception>();

/**
 * Hands the queries that a program makes on this data source to `answering`: what builders ask which
 * were given no query runner, and what these ask on the way (pagination, relations). Neither what is
 * asked through a runner of the program's own, such as that of a transaction, nor what TypeORM reads
 * for `save()` and `remove()`, nor a query with a lock.
 *
 * `undefined` where this TypeORM is not built as those that this library knows.
 */
export function interceptQueries(
  dataSource: DataSource,
  answering: QueryAnswering,
): StopIntercepting | undefined {
  const prototype: unknown = Object.getPrototypeOf(
    dataSource.createQueryBuilder(),
  );
  if (!isInterceptable(prototype)) return undefined;
  let interception = interceptions.get(prototype);
  if (!interception) {
    interception = new Interception(prototype);
    interceptions.set(prototype, interception);
  }
  return interception.add(dataSource, answering);
}

class Interception {
  private readonly answerings = new Map<DataSource, QueryAnswering>();
  private readonly readings = new WeakMap<QueryRunner, Reading>();
  private restore: (() => void) | undefined;

  constructor(private readonly prototype: Interceptable) {}

  add(dataSource: DataSource, answering: QueryAnswering): StopIntercepting {
    this.restore ??= this.replace();
    this.answerings.set(dataSource, answering);
    return () => {
      if (this.answerings.get(dataSource) !== answering) return;
      this.answerings.delete(dataSource);
      if (this.answerings.size > 0) return;
      this.restore?.();
      this.restore = undefined;
    };
  }

  private replace(): () => void {
    const { prototype } = this;
    const { obtainQueryRunner, loadRawResults } = prototype;
    const obtain = (builder: Builder): QueryRunner => {
      const runner = obtainQueryRunner.call(builder);
      return this.answerings.has(dataSourceOf(builder)) && !hasRunner(builder)
        ? this.marked(runner, builder)
        : runner;
    };
    const load = async (
      builder: Builder,
      runner: QueryRunner,
    ): Promise<unknown[]> => {
      const reading = this.readings.get(runner);
      return reading
        ? (this.answered(builder, reading) ??
            loadRawResults.call(builder, reading.runner))
        : loadRawResults.call(builder, runner);
    };
    const ours: Interceptable = {
      obtainQueryRunner() {
        return obtain(this);
      },
      loadRawResults(runner) {
        return load(this, runner);
      },
    };
    Object.assign(prototype, ours);
    return () => {
      // Whoever replaced them after us calls ours, which pass everything on.
      if (prototype.obtainQueryRunner === ours.obtainQueryRunner) {
        prototype.obtainQueryRunner = obtainQueryRunner;
      }
      if (prototype.loadRawResults === ours.loadRawResults) {
        prototype.loadRawResults = loadRawResults;
      }
    };
  }

  /**
   * The runner in a wrapping that TypeORM passes on to the builders that work for this one, and to
   * nobody else. A mark on the runner itself would not do: on SQLite all share one, and events hand it
   * to subscribers, who may save with it.
   */
  private marked(runner: QueryRunner, builder: Builder): QueryRunner {
    const reading: Reading = {
      runner,
      entity: entityOf(builder),
      setting: settingOf(builder),
      id: idOf(builder),
      asked: 0,
      sent: [],
    };
    const wrapped = new Proxy(runner, transparent(reading));
    this.readings.set(wrapped, reading);
    return wrapped;
  }

  private answered(
    builder: Builder,
    reading: Reading,
  ): Promise<unknown[]> | undefined {
    const { runner } = reading;
    const answering = this.answerings.get(dataSourceOf(builder));
    const own = settingOf(builder);
    const setting = own.enabled === undefined ? reading.setting : own;
    const isRefused = reading.setting.enabled === false;
    const { lockMode } = builder.expressionMap;
    if (!answering || isRefused || lockMode !== undefined) return undefined;
    const entity = entityOf(builder) ?? reading.entity;
    if (!answering.mayAnswer(entity, setting, runner)) return undefined;
    const [sql, live] = builder.getQueryAndParameters();
    const parameters = live.map(ownParameter);
    // Others may be asked at the same time, and one of them take the only connection.
    const isFirst = reading.asked === 0;
    reading.asked += 1;
    return answering.answer({
      sql,
      parameters,
      entity,
      shape: shapeOf(builder),
      setting,
      id: idOf(builder) ?? reading.id,
      runner,
      mustNotWait: !isFirst || holdsConnection(runner),
      run: async () => {
        const sent = runner.query(sql, parameters, true);
        reading.sent.push(sent);
        return (await sent).records;
      },
    });
  }
}

/** Methods run on the runner itself: it is in lists of its driver, which compare by identity. */
function transparent({ sent }: Reading): ProxyHandler<QueryRunner> {
  return {
    get(runner, name) {
      if (name === 'release') {
        return async () => {
          // TypeORM releases it where one query failed and another still waits for a connection, which nobody
          // would give back then: the first that it sent has always connected.
          await Promise.allSettled(sent);
          await runner.release();
        };
      }
      const value: unknown = Reflect.get(runner, name);
      return typeof value === 'function' ? value.bind(runner) : value;
    },
  };
}

/** A copy that the program cannot change while the query is on its way. */
function ownParameter(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ownParameter);
  if (value instanceof Date) return new Date(value.getTime());
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

function settingOf({ expressionMap }: Builder): QuerySetting {
  const { cache, cacheDuration } = expressionMap;
  return { enabled: cache, durationMs: cacheDuration };
}

function idOf({ expressionMap: { cacheId } }: Builder): string | undefined {
  return cacheId === undefined ? undefined : String(cacheId);
}

function isInterceptable(prototype: unknown): prototype is Interceptable {
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    ['obtainQueryRunner', 'loadRawResults'].every(
      name => typeof Reflect.get(prototype, name) === 'function',
    )
  );
}

/** Whether it was given a query runner. */
function hasRunner(builder: Builder): boolean {
  return Boolean(Reflect.get(builder, 'queryRunner'));
}

function entityOf({ expressionMap }: Builder): EntityMetadata | undefined {
  const alias = expressionMap.mainAlias;
  return alias?.hasMetadata ? alias.metadata : undefined;
}

/** By the names that TypeORM gives what it selects alone for `getCount` and `getExists`. */
function shapeOf({ expressionMap }: Builder): InterceptedQuery['shape'] {
  const [select, ...others] = expressionMap.selects;
  if (others.length > 0) return 'rows';
  switch (select?.aliasName) {
    case 'cnt':
      return 'count';
    case 'row_exists':
      return 'exists';
    default:
      return 'rows';
  }
}
