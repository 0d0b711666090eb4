import { hash, randomUUID } from 'node:crypto';
import { type DataSource, type EntityMetadata } from 'typeorm';
import {
  type Dependency,
  identifiersOf,
} from '../core/identifiers/dependency.js';
import {
  type Identifier,
  queriesIdentifier,
  queryIdIdentifier,
  tableIdentifier,
} from '../core/identifiers/identifier.js';
import { type Schema } from '../core/identifiers/schema.js';
import { type QueryOp, type QuerySetting } from '../core/reads/query-rules.js';
import { type ReadDependencies } from '../core/reads/sql-reads.js';
import { tableIdOf } from '../typeorm/entity-schema.js';
import { type ObservedDriver } from '../typeorm/observed-data-source.js';
import { type InterceptedQuery } from '../typeorm/query-interception.js';

/** A data source whose queries are cached, as it was when it was initialized. */
export interface QuerySourceFacts {
  readonly name: string;
  readonly dataSource: DataSource;
  readonly schema: Schema;
  readonly driver: ObservedDriver;
}

type ToldReads = Extract<ReadDependencies, { readonly kind: 'told' }>;

/** What TypeORM appends to the id of a query for one that it makes of it. */
const DERIVED_ID = /-(?:pagination|count)$/;

/** Tells what queries of one data source are about, and what they depend on. */
export class QuerySource {
  readonly name: string;
  /** Tells the database from others that the data source may be pointed at. */
  readonly place: string;
  readonly driver: ObservedDriver;
  private readonly reads: ObservedDriver['reads'];
  private readonly tables = new Map<EntityMetadata, Identifier>();
  private readonly entities = new Map<Identifier, string>();
  private readonly durationMs: number | undefined;

  constructor({ name, dataSource, driver }: QuerySourceFacts) {
    this.name = name;
    this.place = placeOf(dataSource);
    this.driver = driver;
    this.reads = driver.reads;
    for (const metadata of dataSource.entityMetadatas) {
      const table = tableIdentifier(tableIdOf(metadata, name));
      this.tables.set(metadata, table);
      if (!this.entities.has(table)) this.entities.set(table, metadata.name);
    }
    const { cache } = dataSource.options;
    this.durationMs = typeof cache === 'object' ? cache.duration : undefined;
  }

  readsOf({ sql, parameters }: InterceptedQuery): ReadDependencies {
    return this.reads.of(sql, parameters);
  }

  /** The name of the entity that a query is about; else that of the first table that it reads. */
  entityOf(
    { entity }: InterceptedQuery,
    reads: ReadDependencies,
  ): string | undefined {
    if (entity) return entity.name;
    if (reads.kind !== 'told') return undefined;
    const [first] = [...reads.rows.map(({ table }) => table), ...reads.tables];
    return first && this.entities.get(first.identifier);
  }

  opOf({ entity, shape }: InterceptedQuery, reads: ReadDependencies): QueryOp {
    if (shape !== 'rows') return shape;
    if (reads.kind !== 'told') return 'fetch';
    const main = entity && this.tables.get(entity);
    const isMain = ({ identifier }: Dependency): boolean =>
      main === undefined || identifier === main;
    return reads.rows.some(({ table }) => isMain(table)) ? 'get' : 'fetch';
  }

  /** What a query says of itself; how long `cache: true` lives TypeORM's own option may say. */
  settingOf({ setting }: InterceptedQuery): QuerySetting {
    return { ...setting, durationMs: setting.durationMs || this.durationMs };
  }

  /** The identifiers whose tokens stand for the result of a query. */
  identifiersOf(
    { id }: InterceptedQuery,
    { rows, tables }: ToldReads,
  ): readonly Identifier[] {
    return [
      ...identifiersOf([...rows.flatMap(each => each.rows), ...tables]),
      queriesIdentifier(this.name),
      ...idsOf(id).map(each => queryIdIdentifier(this.name, each)),
    ];
  }
}

/** A query that TypeORM made of another goes with that one's id as well. */
function idsOf(id: string | undefined): readonly string[] {
  if (id === undefined) return [];
  const base = id.replace(DERIVED_ID, '');
  return base === id ? [id] : [id, base];
}

/** What of a data source's options says where its database is; of one in memory each is another one. */
const WHERE = [
  'type',
  'host',
  'port',
  'socketPath',
  'database',
  'schema',
  'location',
] as const;

function placeOf({ options }: DataSource): string {
  const given = options as unknown as Readonly<Record<string, unknown>>;
  const isInMemory =
    options.type === 'sqljs'
      ? given['location'] === undefined
      : given['database'] === ':memory:';
  if (isInMemory) return randomUUID();
  const { url, replication } = given;
  return hash(
    'sha256',
    JSON.stringify([
      WHERE.map(name => given[name]),
      typeof url === 'string' ? withoutUser(url) : url,
      replication,
    ]),
    'base64url',
  );
}

/** A user that is given another password reads the same database. */
function withoutUser(url: string): string {
  if (!URL.canParse(url)) return url;
  const { host, pathname, search } = new URL(url);
  return `${host}${pathname}${search}`;
}
