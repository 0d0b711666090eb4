import { type DataSource, EntitySchema, type EntityMetadata } from 'typeorm';
import { AlkeyError, didYouMean, describeValue } from '../core/errors.js';
import {
  type Dependency,
  ON_EVERYTHING,
  onRow,
  onTable,
} from '../core/identifiers/dependency.js';
import {
  parseIdentifier,
  type TableId,
} from '../core/identifiers/identifier.js';
import {
  canonicalKey,
  type Schema,
  type Table,
} from '../core/identifiers/schema.js';
import {
  databaseKey,
  instanceKey,
  type KeyValue,
  toDatabase,
} from './entity-key.js';
import { tableIdOf } from './entity-schema.js';
import { isTarget, type KnownTarget, KnownTargets } from './known-targets.js';

/** How callers name an entity: its class, its `EntitySchema`, or its name. */
export type EntityTarget =
  (abstract new (...parameters: never[]) => object) | EntitySchema | string;

/** An entity in one data source. */
export interface MappedEntity {
  readonly metadata: EntityMetadata;
  readonly table: Table;
  readonly dataSource: DataSource;
}

/** A data source under observation. */
export interface CataloguedDataSource {
  readonly name: string;
  readonly dataSource: DataSource;
  readonly schema: Schema;
}

/**
 * All entities of the observed data sources: from what callers name to what an answer depends on.
 *
 * An entity that several data sources map counts in each of them.
 */
export class EntityCatalog {
  private readonly sources = new Map<string, CataloguedDataSource>();
  private readonly known = new KnownTargets();
  private additions = 0;

  /** Another number after each change of what the catalog says. */
  get revision(): number {
    return this.additions;
  }

  /** Adds a data source, or takes its metadata anew after it was initialized again. */
  add(source: CataloguedDataSource): void {
    this.sources.set(source.name, source);
    this.known.clear();
    this.additions += 1;
  }

  /** Every table of every data source. */
  tables(): readonly Table[] {
    return [...this.sources.values()].flatMap(({ schema }) => schema.tables);
  }

  /** The entity under each data source that maps it; empty: it is none. */
  entitiesOf(target: unknown): readonly MappedEntity[] {
    return this.knownOf(target).entities;
  }

  /**
   * The same, for a target that must be an entity.
   *
   * @throws AlkeyError `ALKEY_UNKNOWN_ENTITY`
   */
  requireEntities(target: unknown): readonly MappedEntity[] {
    return this.requireKnown(target).entities;
  }

  /** What an answer depends on that shows any of an entity's rows. */
  onEntity(target: unknown): readonly Dependency[] {
    return this.requireKnown(target).tables;
  }

  /**
   * What an answer depends on that shows the row with this key; `undefined` where the key is none
   * that the columns can hold. A table whose rows cannot be named counts as a whole.
   */
  onRow(target: unknown, key: KeyValue): readonly Dependency[] | undefined {
    const known = this.requireKnown(target);
    const remembered = known.rows?.get(key);
    if (remembered) return remembered;
    const dependencies: Dependency[] = [];
    for (const entity of known.entities) {
      const dependency = rowDependency(
        entity,
        databaseKey(entity.metadata, key),
      );
      if (!dependency) return undefined;
      dependencies.push(dependency);
    }
    this.known.keepRow(known, key, dependencies);
    return dependencies;
  }

  /**
   * The row of a table by its key's values, in the order of the key; a single value is the
   * application's, and a transformer of its column is applied.
   */
  onTableRow(table: Table, values: readonly unknown[]): Dependency | undefined {
    const entity = this.entityOf(table);
    if (!entity) return keyDependency(table, values);
    try {
      return keyDependency(
        table,
        entity.primaryColumns.map((column, index) =>
          toDatabase(column, values[index]),
        ),
      );
    } catch {
      return undefined;
    }
  }

  /** The row of an instance; its table where it has no key yet; `undefined`: no entity's instance. */
  onInstance(instance: object): readonly Dependency[] | undefined {
    const known = this.knownOf(instance.constructor);
    const [sole, ...others] = known.entities;
    if (!sole) return undefined;
    if (others.length > 0) {
      return known.entities.map(
        entity => onRowOf(entity, instance) ?? onTable(entity.table),
      );
    }
    const values = instanceKey(sole.metadata, instance);
    if (!values) return known.tables;
    const [key] = values;
    const remembered = known.rows?.get(key);
    if (remembered) return remembered;
    const dependency = keyDependency(sole.table, values);
    if (!dependency) return known.tables;
    const dependencies = [dependency];
    this.known.keepRow(known, key, dependencies);
    return dependencies;
  }

  /**
   * What an identifier stands for; `undefined` where its row is none that the table can hold.
   *
   * @throws AlkeyError `ALKEY_INVALID_REF` for a text of another form, `ALKEY_UNKNOWN_TABLE`
   */
  onIdentifier(text: string): Dependency | undefined {
    const remembered = this.known.getIdentifier(text);
    if (remembered) return remembered;
    const dependency = this.readIdentifier(text);
    if (dependency) this.known.keepIdentifier(text, dependency);
    return dependency;
  }

  private readIdentifier(text: string): Dependency | undefined {
    const parsed = parseIdentifier(text);
    switch (parsed?.kind) {
      case 'everything':
        return ON_EVERYTHING;
      case 'table':
        return onTable(this.requireTable(parsed.table));
      case 'row': {
        const table = this.requireTable(parsed.table);
        return keyDependency(table, parsed.values);
      }
      default:
        throw new AlkeyError(
          'ALKEY_INVALID_REF',
          `Expected an identifier such as "alkey:users#1", "alkey:users#*" or "alkey:*#*", got ` +
            `${describeValue(text)}. Percent-encode what is neither a letter, a digit nor one of "_-.~".`,
        );
    }
  }

  /** @throws AlkeyError `ALKEY_UNKNOWN_TABLE` */
  requireTable(id: TableId): Table {
    for (const { schema } of this.sources.values()) {
      const table = schema.table(id);
      if (table) return table;
    }
    throw new AlkeyError(
      'ALKEY_UNKNOWN_TABLE',
      `No entity of ${this.describeSources()} has the table "${id}".` +
        suggestion(
          id,
          this.tables().map(table => table.id),
        ),
    );
  }

  /** The name of the class that maps a table; `undefined` where it is a join table, or mapped without one. */
  classOf(id: TableId): string | undefined {
    const table = this.tables().find(one => one.id === id);
    const entity = table && this.entityOf(table);
    return typeof entity?.target === 'function' ? entity.name : undefined;
  }

  private requireKnown(target: unknown): KnownTarget {
    const known = this.knownOf(target);
    if (known.entities.length > 0) return known;
    const names = [...this.sources.values()].flatMap(({ dataSource }) =>
      dataSource.entityMetadatas.map(({ name }) => name),
    );
    throw new AlkeyError(
      'ALKEY_UNKNOWN_ENTITY',
      `Expected an entity of ${this.describeSources()}, got ${describeTarget(target)}.` +
        `${suggestion(describeTarget(target), names)} Nothing can be cached under it: ` +
        `add it to \`entities\` of the data source, or name another.`,
    );
  }

  private knownOf(target: unknown): KnownTarget {
    return (
      this.known.get(target) ??
      this.known.keep(target, this.findEntities(target))
    );
  }

  private findEntities(target: unknown): readonly MappedEntity[] {
    const found: MappedEntity[] = [];
    for (const { name, dataSource, schema } of this.sources.values()) {
      const metadata = dataSource.entityMetadatas.find(candidate =>
        isTarget(candidate, target),
      );
      const table = metadata && schema.table(tableIdOf(metadata, name));
      if (metadata && table) found.push({ metadata, table, dataSource });
    }
    return found;
  }

  private entityOf(table: Table): EntityMetadata | undefined {
    const source = this.sources.get(table.dataSource);
    return source?.dataSource.entityMetadatas.find(
      metadata => tableIdOf(metadata, source.name) === table.id,
    );
  }

  private describeSources(): string {
    const names = [...this.sources.keys()].map(name => `"${name}"`);
    if (names.length === 0) return 'any data source (none is observed)';
    return `data source${names.length > 1 ? 's' : ''} ${names.join(', ')}`;
  }
}

/** What an answer depends on that shows this instance's row; `undefined` where it has no key yet. */
export function onRowOf(
  entity: MappedEntity,
  instance: object,
): Dependency | undefined {
  return rowDependency(entity, instanceKey(entity.metadata, instance));
}

function suggestion(name: string, candidates: readonly string[]): string {
  const meant = didYouMean(name, candidates);
  return meant === undefined ? '' : ` Did you mean "${meant}"?`;
}

function describeTarget(target: unknown): string {
  if (typeof target === 'function') return target.name || 'a nameless class';
  return target instanceof EntitySchema
    ? target.options.name
    : describeValue(target);
}

/** A row by the values of its key; the whole table where such rows cannot be told apart by name. */
function keyDependency(
  table: Table,
  values: readonly unknown[],
): Dependency | undefined {
  if (table.key.some(({ kind }) => kind.kind === 'opaque')) {
    return onTable(table);
  }
  const key = canonicalKey(table.key, values);
  if (key) return onRow(table.id, key);
  return table.key.length === values.length && isForeignText(table, values)
    ? onTable(table)
    : undefined;
}

/** Text that a row may have for a key, but that only the database's collation can compare. */
function isForeignText(table: Table, values: readonly unknown[]): boolean {
  return table.key.every(
    ({ kind }, index) =>
      (kind.kind === 'text' && typeof values[index] === 'string') ||
      canonicalKey([{ name: '', kind, generated: false }], [values[index]]),
  );
}

function rowDependency(
  entity: MappedEntity,
  values: readonly unknown[] | undefined,
): Dependency | undefined {
  return values && keyDependency(entity.table, values);
}
