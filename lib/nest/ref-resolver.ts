import { Injectable } from '@nestjs/common';
import { EntitySchema } from 'typeorm';
import { AlkeyError, describeValue } from '../core/errors.js';
import { type Dependency } from '../core/identifiers/dependency.js';
import {
  hasIdentifierForm,
  namesRow,
  parseIdentifier,
} from '../core/identifiers/identifier.js';
import { onTable } from '../core/identifiers/dependency.js';
import { EntityCatalog } from '../typeorm/entity-catalog.js';
import { instanceKey } from '../typeorm/entity-key.js';
import { RowRef } from './refs.js';

/** What a value names. */
export type Resolution =
  | {
      readonly kind: 'dependencies';
      readonly dependencies: readonly Dependency[];
      /**
       * The key of a row that counts with its whole table, because no identifier can name it: in a
       * cache key it tells such rows apart. `undefined`: the dependencies say everything.
       */
      readonly rowKey?: unknown;
    }
  /** Names a row by something that no row can have for a key; its table counts. */
  | {
      readonly kind: 'no-row';
      readonly dependencies: readonly Dependency[];
      readonly rowKey: unknown;
    }
  | { readonly kind: 'literal' };

const LITERAL: Resolution = { kind: 'literal' };

/** From what callers pass to what an answer depends on. */
@Injectable()
export class RefResolver {
  constructor(private readonly catalog: EntityCatalog) {}

  /**
   * What a value names, if anything: an instance or a class of an entity, an identifier, `row(…)`.
   *
   * @throws AlkeyError `ALKEY_UNKNOWN_TABLE`, `ALKEY_UNKNOWN_ENTITY` or `ALKEY_INVALID_REF`
   */
  resolve(value: unknown): Resolution {
    if (typeof value === 'string') {
      return hasIdentifierForm(value) ? this.resolveIdentifier(value) : LITERAL;
    }
    if (value instanceof RowRef) {
      const { target, key } = value;
      const dependencies = this.catalog.onRow(target, key);
      return dependencies
        ? namedRow(dependencies, key)
        : {
            kind: 'no-row',
            dependencies: this.catalog.onEntity(target),
            rowKey: key,
          };
    }
    if (typeof value === 'function' || value instanceof EntitySchema) {
      return this.catalog.entitiesOf(value).length > 0
        ? { kind: 'dependencies', dependencies: this.catalog.onEntity(value) }
        : LITERAL;
    }
    if (typeof value !== 'object' || value === null) return LITERAL;
    const dependencies = this.catalog.onInstance(value);
    if (!dependencies) return LITERAL;
    return dependencies.every(isRow)
      ? { kind: 'dependencies', dependencies }
      : { kind: 'dependencies', dependencies, rowKey: this.keyOf(value) };
  }

  /**
   * The same for a value that must name something.
   *
   * @throws AlkeyError `ALKEY_INVALID_REF` where it names nothing
   */
  require(value: unknown): readonly Dependency[] {
    const resolution = this.resolve(value);
    if (resolution.kind !== 'literal') return resolution.dependencies;
    if (typeof value === 'function' || value instanceof EntitySchema) {
      return this.catalog.onEntity(value);
    }
    throw new AlkeyError(
      'ALKEY_INVALID_REF',
      `Expected an instance or a class of an entity, an identifier such as "alkey:users#1", or row(User, 1), ` +
        `got ${describeValue(value)}.`,
    );
  }

  private resolveIdentifier(text: string): Resolution {
    const dependency = this.catalog.onIdentifier(text);
    if (dependency && isRow(dependency)) {
      return { kind: 'dependencies', dependencies: [dependency] };
    }
    const parsed = parseIdentifier(text);
    if (parsed?.kind !== 'row') {
      return {
        kind: 'dependencies',
        dependencies: dependency ? [dependency] : [],
      };
    }
    return dependency
      ? {
          kind: 'dependencies',
          dependencies: [dependency],
          rowKey: parsed.values,
        }
      : {
          kind: 'no-row',
          dependencies: [onTable(this.catalog.requireTable(parsed.table))],
          rowKey: parsed.values,
        };
  }

  private keyOf(instance: object): readonly unknown[] | undefined {
    const [entity] = this.catalog.entitiesOf(instance.constructor);
    return entity && instanceKey(entity.metadata, instance);
  }
}

/** A row by its identifiers, and by its key as well where one of them names its whole table. */
function namedRow(
  dependencies: readonly Dependency[],
  rowKey: unknown,
): Resolution {
  return dependencies.every(isRow)
    ? { kind: 'dependencies', dependencies }
    : { kind: 'dependencies', dependencies, rowKey };
}

function isRow({ identifier }: Dependency): boolean {
  return namesRow(identifier);
}
