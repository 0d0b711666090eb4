import { type TableId } from '../../lib/core/identifiers/identifier.js';
import { type Schema } from '../../lib/core/identifiers/schema.js';
import { analyseSql } from '../../lib/core/writes/analyse-sql.js';
import { type Parameters } from '../../lib/core/writes/operand-value.js';
import { type Row } from '../../lib/core/writes/pinned-rows.js';
import { type Dialect } from '../../lib/core/writes/statement.js';
import {
  type EffectOptions,
  effectsOf,
} from '../../lib/core/writes/write-effects.js';
import { type WriteOutcome } from '../../lib/core/writes/write-outcome.js';

/** Rows by column, as a driver answers them. */
export type AnsweredRows = readonly Readonly<Record<string, unknown>>[];

/** What a driver told of a statement, and how it is to be read. */
export interface Told {
  readonly parameters?: Parameters;
  readonly affected?: number;
  readonly returned?: AnsweredRows;
  readonly generatedKeys?: readonly unknown[];
  readonly before?: AnsweredRows;
  readonly dialect?: Dialect;
  readonly options?: Partial<EffectOptions>;
}

/** What a statement changes, without the prefix of identifiers and the one of any write. */
export interface NamedEffects {
  readonly named: readonly string[];
  /** Rows inserted without a key that is told, by table. */
  readonly unnamed: Readonly<Record<string, number>>;
}

/** The effects of a text of one statement; without any outcome where the driver told nothing. */
export function effectsOfSql(
  schema: Schema,
  sql: string,
  told: Told = {},
): NamedEffects {
  const { dialect = 'postgres', options, parameters } = told;
  const [statement, ...others] = analyseSql(sql, dialect).statements;
  if (!statement || others.length > 0) throw new Error(`not one: ${sql}`);
  const { writes, unnamed } = effectsOf(
    statement,
    parameters,
    outcomeOf(told),
    schema,
    { maxRowsPerTable: 1000, parents: true, onUnknownWrite: 'all', ...options },
  );
  return {
    named: writes
      .identifiers()
      .map(identifier => identifier.slice('alkey:'.length))
      .filter(identifier => identifier !== '*#*')
      .toSorted(),
    unnamed: Object.fromEntries<number>([...unnamed] as [TableId, number][]),
  };
}

function outcomeOf({
  affected,
  returned,
  generatedKeys,
  before,
}: Told): WriteOutcome | undefined {
  const told = [affected, returned, generatedKeys, before];
  if (told.every(part => part === undefined)) return undefined;
  return {
    affected,
    generatedKeys,
    returned: returned && rowsOf(returned),
    before: before && rowsOf(before),
  };
}

function rowsOf(rows: AnsweredRows): readonly Row[] {
  return rows.map(row => new Map(Object.entries(row)));
}
