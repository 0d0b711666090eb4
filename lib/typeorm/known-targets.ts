import { type EntityMetadata, EntitySchema } from 'typeorm';
import { type Dependency, onTable } from '../core/identifiers/dependency.js';
import { type MappedEntity } from './entity-catalog.js';

/** What a target turned out to be, and those of its rows that were asked for lately. */
export interface KnownTarget {
  /** Under each data source that maps it; empty: it is no entity. */
  readonly entities: readonly MappedEntity[];
  /** What an answer depends on that shows any of its rows. */
  readonly tables: readonly Dependency[];
  /** By key; `undefined` where a key alone does not say which row it is. */
  readonly rows: Map<unknown, readonly Dependency[]> | undefined;
}

/** Rows and identifiers of all targets together; beyond that all are forgotten and begin anew, each at little cost. */
const MAX_ROWS = 50_000;
/** Longer than any key that is asked for often: requests choose how long the others are. */
const MAX_KEY_LENGTH = 64;

/**
 * What callers name, found out once. Everything here follows from the metadata of the data sources,
 * so it is dropped as a whole when one of them is added.
 */
export class KnownTargets {
  #byObject = new WeakMap<object, KnownTarget>();
  readonly #byName = new Map<string, KnownTarget>();
  readonly #byIdentifier = new Map<string, Dependency>();
  readonly #maxRows: number;
  #rows = 0;

  constructor(maxRows = MAX_ROWS) {
    this.#maxRows = maxRows;
  }

  get(target: unknown): KnownTarget | undefined {
    return typeof target === 'string'
      ? this.#byName.get(target)
      : this.#byObject.get(target as object);
  }

  /** Remembers a target; names only of entities, since others may be any text. */
  keep(target: unknown, entities: readonly MappedEntity[]): KnownTarget {
    const known: KnownTarget = {
      entities,
      tables: entities.map(({ table }) => onTable(table)),
      rows: entities.every(hasPlainKey) ? new Map() : undefined,
    };
    if (typeof target === 'string') {
      if (entities.length > 0) this.#byName.set(target, known);
    } else if (typeof target === 'function' || isObject(target)) {
      this.#byObject.set(target, known);
    }
    return known;
  }

  keepRow(
    { rows }: KnownTarget,
    key: unknown,
    dependencies: readonly Dependency[],
  ): void {
    if (!rows || !isShortKey(key)) return;
    this.#count();
    rows.set(key, dependencies);
  }

  /** What an identifier stands for, however it is spelt. */
  getIdentifier(text: string): Dependency | undefined {
    return this.#byIdentifier.get(text);
  }

  keepIdentifier(text: string, dependency: Dependency): void {
    if (!isShortKey(text)) return;
    this.#count();
    this.#byIdentifier.set(text, dependency);
  }

  clear(): void {
    this.#byObject = new WeakMap();
    this.#byName.clear();
    this.#byIdentifier.clear();
    this.#rows = 0;
  }

  #count(): void {
    if (this.#rows === this.#maxRows) this.clear();
    this.#rows += 1;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** One column, whose values no code of the application turns into others. */
function hasPlainKey({ metadata: { primaryColumns } }: MappedEntity): boolean {
  return primaryColumns.length === 1 && !primaryColumns[0]?.transformer;
}

function isShortKey(key: unknown): boolean {
  return typeof key === 'string'
    ? key.length <= MAX_KEY_LENGTH
    : typeof key === 'number';
}

/** Whether a class, an `EntitySchema` or a name means this entity. */
export function isTarget(metadata: EntityMetadata, target: unknown): boolean {
  if (typeof target === 'string') {
    return metadata.name === target || metadata.targetName === target;
  }
  if (target instanceof EntitySchema) {
    return (
      metadata.target === target.options.target ||
      metadata.name === target.options.name
    );
  }
  return metadata.target === target;
}
