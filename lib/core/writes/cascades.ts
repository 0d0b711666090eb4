import { type TableId } from '../identifiers/identifier.js';
import { type Reference, type Schema } from '../identifiers/schema.js';

/** What happened to rows of a table that others refer to. */
export type ParentChange = 'delete' | 'key-change' | 'truncate' | 'any';

/**
 * The tables whose rows the database changes by itself when rows of `table` go or change their
 * key, through any depth; cycles end. Each with the references by which it was reached. `table`
 * itself is among them only where it refers to itself.
 *
 * `columns`: those of `table` that got other values; `undefined`: any.
 */
export function everyTableReached(
  schema: Schema,
  table: TableId,
  change: ParentChange,
  columns?: readonly string[],
): ReadonlyMap<TableId, ReadonlySet<Reference>> {
  const reached = new Map<TableId, Set<Reference>>();
  // A table may be reached by a deletion after a key change: each kind goes on by itself.
  const visited = new Set<string>();
  const visit = (
    parent: TableId,
    happened: ParentChange,
    changed: readonly string[] | undefined,
  ): void => {
    for (const reference of schema.childrenOf(parent)) {
      if (
        changed &&
        !reference.parentColumns.some(it => changed.includes(it))
      ) {
        continue;
      }
      const next = childChange(reference, happened);
      if (next === undefined) continue;
      const arrivals = reached.get(reference.child) ?? new Set();
      reached.set(reference.child, arrivals.add(reference));
      const rewritten = next === 'key-change' ? reference.columns : undefined;
      const step = `${next} ${reference.child} ${rewritten?.join() ?? ''}`;
      if (visited.has(step)) continue;
      visited.add(step);
      visit(reference.child, next, rewritten);
    }
  };
  visit(table, change, columns);
  return reached;
}

/** What happens to the child's rows when that happened to their parent's; `undefined`: nothing. */
function childChange(
  { onDelete, onUpdate }: Reference,
  change: ParentChange,
): ParentChange | undefined {
  switch (change) {
    case 'truncate':
      return 'truncate';
    case 'delete':
      if (onDelete === 'none') return undefined;
      // Its reference columns are emptied; they may be a part of a key that others refer to.
      return onDelete === 'cascade' ? 'delete' : 'key-change';
    case 'key-change':
      return onUpdate === 'none' ? undefined : 'key-change';
    case 'any':
      if (onDelete === 'cascade') return 'any';
      return onDelete === 'none' && onUpdate === 'none'
        ? undefined
        : 'key-change';
  }
}
