import { type Dependency, onRow, onTable } from '../identifiers/dependency.js';
import { type TableId } from '../identifiers/identifier.js';
import { type Schema, type Table } from '../identifiers/schema.js';
import { TextMemory } from '../text-memory.js';
import { type Parameters } from '../writes/operand-value.js';
import { rowsPinned } from '../writes/pinned-rows.js';
import { type Dialect } from '../writes/statement.js';
import { isTimeText } from './pure-words.js';
import { planRead, type ReadPlan, unknownColumn } from './read-plan.js';

/** The rows that a statement looks up by primary key. */
export interface RowsRead {
  /** What counts where one of them is not there. */
  readonly table: Dependency;
  /** At least one. */
  readonly rows: readonly Dependency[];
}

/** What a statement reads. */
export type ReadDependencies =
  | {
      readonly kind: 'told';
      readonly rows: readonly RowsRead[];
      /** All other tables, each once. */
      readonly tables: readonly Dependency[];
    }
  | Exclude<ReadPlan, { readonly kind: 'query' }>;

/** More rows than these in one statement, and their table counts instead. */
const MOST_ROWS = 100;

/** What the statements of one data source read. */
export class SqlReads {
  readonly #plans: TextMemory<ReadPlan>;

  constructor(
    readonly dialect: Dialect,
    readonly schema: Schema,
  ) {
    this.#plans = new TextMemory(sql => planRead(sql, dialect));
  }

  /** Which rows and tables a statement reads with these parameters. Never throws. */
  of(sql: string, parameters: Parameters): ReadDependencies {
    const plan = this.#plans.get(sql);
    if (plan.kind !== 'query') return plan;
    if (Object.values(parameters ?? []).some(value => this.#isTime(value))) {
      return { kind: 'unknown', reason: 'a parameter may stand for the time' };
    }
    return dependenciesOf(plan, parameters, this.schema);
  }

  #isTime(value: unknown): boolean {
    return isTimeText(value, this.dialect);
  }
}

function dependenciesOf(
  {
    mentions,
    narrowed,
    columns,
  }: Extract<ReadPlan, { readonly kind: 'query' }>,
  parameters: Parameters,
  schema: Schema,
): ReadDependencies {
  const mentioned = new Map<TableId, { table: Table; times: number }>();
  for (const name of mentions) {
    const tables = schema.named(name);
    if (tables.length === 0) {
      // It may be a view, whose tables nobody knows.
      return { kind: 'unknown', reason: `no entity maps ${name.name}` };
    }
    for (const table of tables) {
      if (table.impure !== undefined) {
        return { kind: 'unknown', reason: `${name.name}: ${table.impure}` };
      }
      const known = mentioned.get(table.id);
      if (known) known.times += 1;
      else mentioned.set(table.id, { table, times: 1 });
    }
  }
  const reason = unknownColumn(columns, schema);
  if (reason !== undefined) return { kind: 'unknown', reason };
  const rows: RowsRead[] = [];
  for (const { table: name, where } of narrowed) {
    const [table, ...others] = schema.named(name);
    if (!table || others.length > 0 || table.reads) continue;
    // Another mention of the table may see its other rows.
    if (mentioned.get(table.id)?.times !== 1) continue;
    const keys = rowsPinned(where, table.key, parameters, schema, MOST_ROWS);
    if (!keys || keys.length === 0) continue;
    mentioned.delete(table.id);
    rows.push({
      table: onTable(table),
      rows: keys.map(key => onRow(table.id, key)),
    });
  }
  return {
    kind: 'told',
    rows,
    tables: [...mentioned.values()].map(({ table }) => onTable(table)),
  };
}
