import { LRUCache } from 'lru-cache';
import { AlkeyError } from '../core/errors.js';
import { type Dependency } from '../core/identifiers/dependency.js';
import { encodeCanonical } from '../core/keys/canonical-encoding.js';
import { sameTokens, type Token } from '../core/tokens/token.js';
import {
  type Identifier,
  tableIdentifier,
} from '../core/identifiers/identifier.js';
import {
  type EntityCatalog,
  type EntityTarget,
  type MappedEntity,
  onRowOf,
} from './entity-catalog.js';

/** Reads tokens; `undefined` where there are none to trust. */
export type ReadTokens = (
  identifiers: readonly Identifier[],
) => Promise<readonly Token[] | undefined>;

interface KnownRow {
  readonly dependency: Dependency;
  readonly tokens: readonly Token[];
}

/** Rows remembered per process; a forgotten one costs its look-up again. */
const REMEMBERED_ROWS = 10_000;
/** How often a row may change hands while it is looked up before this gives up. */
const ATTEMPTS = 3;

/**
 * Finds rows by unique columns that are not their key, and remembers which row it was for as long
 * as the row's tokens stand: nobody else can have taken its value without its being written.
 */
export class UniqueRows {
  private readonly known = new LRUCache<string, KnownRow>({
    max: REMEMBERED_ROWS,
  });

  constructor(
    private readonly catalog: EntityCatalog,
    private readonly readTokens: ReadTokens,
  ) {}

  /**
   * @throws AlkeyError `ALKEY_INVALID_REF` unless the properties are together unique
   */
  requireUnique(target: EntityTarget, properties: readonly string[]): void {
    for (const entity of this.catalog.requireEntities(target)) {
      if (!isUnique(entity, properties)) {
        throw new AlkeyError(
          'ALKEY_INVALID_REF',
          `Expected ${properties.map(name => `\`${name}\``).join(', ')} of ${entity.metadata.name} to be its key ` +
            `or unique, so that one row is meant. Declare it unique, or depend on the whole table.`,
        );
      }
    }
  }

  /**
   * The row with these values; `undefined` where there is none, where no token can be trusted, or
   * where the row keeps changing hands.
   */
  async find(
    target: EntityTarget,
    record: Readonly<Record<string, unknown>>,
  ): Promise<readonly Dependency[] | undefined> {
    const found: Dependency[] = [];
    for (const entity of this.catalog.requireEntities(target)) {
      const dependency = await this.findIn(entity, record);
      if (!dependency) return undefined;
      found.push(dependency);
    }
    return found;
  }

  private async findIn(
    entity: MappedEntity,
    record: Readonly<Record<string, unknown>>,
  ): Promise<Dependency | undefined> {
    const key = `${entity.table.id} ${encodeCanonical(record, 1)}`;
    let known = this.known.get(key) ?? (await this.firstLookUp(entity, record));
    for (let attempt = 0; known && attempt <= ATTEMPTS; attempt += 1) {
      const { dependency } = known;
      const tokens = await this.readTokens(dependency.reads);
      if (!tokens) return undefined;
      if (sameTokens(tokens, known.tokens)) {
        this.known.set(key, known);
        return dependency;
      }
      // Written meanwhile: whose the value is now is only certain once it was found under tokens
      // that were read before.
      const now = await readDependency(entity, record);
      known = now && {
        dependency: now,
        tokens: now.identifier === dependency.identifier ? tokens : [],
      };
    }
    return undefined;
  }

  /**
   * The row as the database has it. Its tokens can only be read after it is known, so they vouch
   * for it where no row of the table was written meanwhile.
   */
  private async firstLookUp(
    entity: MappedEntity,
    record: Readonly<Record<string, unknown>>,
  ): Promise<KnownRow | undefined> {
    const table = [tableIdentifier(entity.table.id)];
    const before = await this.readTokens(table);
    const dependency = await readDependency(entity, record);
    if (!dependency) return undefined;
    const tokens = await this.readTokens(dependency.reads);
    const after = await this.readTokens(table);
    const quiet = before && tokens && after && sameTokens(before, after);
    return { dependency, tokens: quiet ? tokens : [] };
  }
}

async function readDependency(
  entity: MappedEntity,
  record: Readonly<Record<string, unknown>>,
): Promise<Dependency | undefined> {
  const instance = await readRow(entity, record);
  return instance && onRowOf(entity, instance);
}

/** From the master: a replica may not know yet whose the value is. */
async function readRow(
  { dataSource, metadata }: MappedEntity,
  record: Readonly<Record<string, unknown>>,
): Promise<object | undefined> {
  // TypeORM reads an absent value as "any".
  const values = Object.values(record);
  if (values.includes(undefined) || values.includes(null)) return undefined;
  const runner = dataSource.createQueryRunner('master');
  try {
    const found = await runner.manager.findOne<object>(metadata.target, {
      where: record,
      withDeleted: true,
      loadEagerRelations: false,
    });
    return found ?? undefined;
  } catch {
    // No value of the column (`abc` for an integer), or no database: the handler meets it as well,
    // and answers for it.
    return undefined;
  } finally {
    await runner.release();
  }
}

function isUnique(
  { metadata }: MappedEntity,
  properties: readonly string[],
): boolean {
  const columns = properties.map(name =>
    metadata.findColumnWithPropertyPath(name),
  );
  if (columns.length === 0 || columns.includes(undefined)) return false;
  const covers = (unique: readonly unknown[]): boolean =>
    unique.length > 0 &&
    unique.every(column => columns.some(given => given === column));
  return (
    metadata.uniques.some(({ columns: unique }) => covers(unique)) ||
    metadata.indices.some(
      ({ isUnique: unique, where, columns: indexed }) =>
        unique && !where && covers(indexed),
    )
  );
}
