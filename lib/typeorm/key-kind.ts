import { type ColumnType, type DataSource } from 'typeorm';
import { type KeyKind } from '../core/identifiers/key-value.js';
import { type Dialect } from '../core/writes/statement.js';

/** The little of TypeORM's ColumnMetadata that says how its values compare. */
export interface ComparedColumn {
  readonly type: ColumnType;
  readonly collation?: string | undefined;
  readonly generationStrategy?: string | undefined;
  readonly length?: string;
  readonly precision?: number | null | undefined;
  readonly scale?: number | undefined;
  readonly unsigned?: boolean;
  readonly isArray: boolean;
}

const INTEGERS = new Set([
  'tinyint',
  'smallint',
  'mediumint',
  'int',
  'integer',
  'bigint',
  'int2',
  'int4',
  'int8',
  'int64',
  'unsigned big int',
  'serial',
  'smallserial',
  'bigserial',
]);
const DECIMALS = new Set(['decimal', 'numeric', 'dec', 'fixed']);
const TEXTS = new Set([
  'varchar',
  'character varying',
  'text',
  'nvarchar',
  'tinytext',
  'mediumtext',
  'longtext',
  'enum',
  'simple-enum',
  'varying character',
  'clob',
]);
const FIXED_TEXTS = new Set([
  'char',
  'character',
  'nchar',
  'native character',
  'bpchar',
]);
const BINARIES = new Set(['bytea', 'binary', 'varbinary', 'blob']);

const OPAQUE: KeyKind = { kind: 'opaque' };

/**
 * How a column compares its values. `collation` is the one the database reports, where it was
 * asked (MySQL, MariaDB), else the one the entity declares.
 */
export function keyKindOf(
  column: ComparedColumn,
  dataSource: DataSource,
  dialect: Dialect,
  collation = column.collation,
): KeyKind {
  if (column.isArray) return OPAQUE;
  const type = dataSource.driver.normalizeType(column).toLowerCase();
  if (INTEGERS.has(type)) return integerKind(column, dialect);
  if (DECIMALS.has(type)) return decimalKind(column, dialect);
  if (type === 'uuid' || column.generationStrategy === 'uuid') {
    return { kind: 'uuid' };
  }
  if (BINARIES.has(type)) return binaryKind(type, column, dialect);
  if (type === 'citext') {
    return { kind: 'text', fold: 'ascii-only', trailingSpace: 'keep' };
  }
  // MySQL takes `'1'` for the first label of an ENUM where none is called so.
  if (type === 'enum' && dialect === 'mysql') return OPAQUE;
  const fixed = FIXED_TEXTS.has(type);
  return fixed || TEXTS.has(type)
    ? textKind(column, dialect, collation, fixed)
    : OPAQUE;
}

function integerKind({ unsigned }: ComparedColumn, dialect: Dialect): KeyKind {
  return unsigned && dialect === 'mysql'
    ? { kind: 'integer', unsigned }
    : { kind: 'integer' };
}

function decimalKind(
  { precision, scale = 0 }: ComparedColumn,
  dialect: Dialect,
): KeyKind {
  switch (dialect) {
    case 'postgres':
      return typeof precision === 'number'
        ? { kind: 'decimal', scale }
        : { kind: 'decimal' };
    case 'mysql':
      // `IN ('1', '2')` compares floating point, which tells 15 digits apart.
      return { kind: 'decimal', scale, digits: 15 };
    case 'sqlite':
      // Kept as floating point or as text, whichever fits.
      return OPAQUE;
  }
}

function binaryKind(
  type: string,
  { length }: ComparedColumn,
  dialect: Dialect,
): KeyKind {
  return type === 'binary' && dialect === 'mysql'
    ? { kind: 'binary', length: Number(length || 1) }
    : { kind: 'binary' };
}

function textKind(
  { length }: ComparedColumn,
  dialect: Dialect,
  collation: string | undefined,
  fixed: boolean,
): KeyKind {
  switch (dialect) {
    case 'postgres':
      // A collation made by hand may be nondeterministic: then different texts are equal.
      if (collation !== undefined && !isDeterministic(collation)) return OPAQUE;
      if (fixed) return { kind: 'text', fold: 'none', trailingSpace: 'trim' };
      return {
        kind: 'text',
        fold: 'none',
        // Spaces beyond a limit are cut off without a word.
        trailingSpace: length ? 'refuse' : 'keep',
      };
    case 'sqlite':
      return sqliteTextKind(collation);
    case 'mysql':
      return mysqlTextKind(collation);
  }
}

function isDeterministic(collation: string): boolean {
  return /^(?:c|posix|default|ucs_basic|unicode|.*[.]utf-?8|.*-x-icu)$/i.test(
    collation.replaceAll('"', ''),
  );
}

function sqliteTextKind(collation = 'BINARY'): KeyKind {
  switch (collation.toUpperCase()) {
    case 'BINARY':
      return { kind: 'text', fold: 'none', trailingSpace: 'keep' };
    case 'NOCASE':
      return { kind: 'text', fold: 'ascii', trailingSpace: 'keep' };
    case 'RTRIM':
      return { kind: 'text', fold: 'none', trailingSpace: 'trim' };
    default:
      return OPAQUE;
  }
}

/** MySQL's and MariaDB's collations that differ in nothing but case among printable ASCII. */
const CASELESS = new Set([
  'general_ci',
  'unicode_ci',
  'unicode_520_ci',
  '0900_ai_ci',
  '0900_as_ci',
  'uca1400_ai_ci',
  'uca1400_as_ci',
]);

/**
 * Beyond ASCII they call letters equal that are not (`é`, `ß`, full width), each in its own way,
 * so such text is not named; nor is text that ends in a space, which counts in some of them only.
 */
function mysqlTextKind(collation = ''): KeyKind {
  if (collation.endsWith('_bin')) {
    return { kind: 'text', fold: 'none', trailingSpace: 'refuse' };
  }
  const family = collation.replace(/^(?:utf8(?:mb[34])?|ascii|latin1)_/, '');
  return CASELESS.has(family) || collation === 'latin1_swedish_ci'
    ? { kind: 'text', fold: 'ascii-only', trailingSpace: 'refuse' }
    : OPAQUE;
}
