import {
  everyRowIdentifier,
  EVERYTHING,
  type Identifier,
  insertingIdentifier,
  rowIdentifier,
  type TableId,
  tableIdentifier,
} from './identifier.js';
import { type Table } from './schema.js';

/** What an answer depends on: the identifier a caller names, and those whose tokens stand for it. */
export interface Dependency {
  readonly identifier: Identifier;
  readonly reads: readonly Identifier[];
}

export const ON_EVERYTHING: Dependency = {
  identifier: EVERYTHING,
  reads: [EVERYTHING],
};

/** On any write to a table; a view has no writes of its own, so on the tables that it reads. */
export function onTable(table: Table): Dependency {
  const identifier = tableIdentifier(table.id);
  return {
    identifier,
    reads: [identifier, ...(table.reads ?? []).map(tableIdentifier)],
  };
}

/**
 * On one row: its own token, that of every row at once, and whether rows are being inserted whose
 * keys are not known yet, since this may be one of them.
 */
export function onRow(table: TableId, values: readonly string[]): Dependency {
  const identifier = rowIdentifier(table, values);
  return {
    identifier,
    reads: [identifier, everyRowIdentifier(table), insertingIdentifier(table)],
  };
}

/** The identifiers to read for several dependencies, each once, in a fixed order. */
export function identifiersOf(
  dependencies: readonly Dependency[],
): readonly Identifier[] {
  if (dependencies.length === 1 && dependencies[0])
    return dependencies[0].reads;
  const identifiers = new Set<Identifier>();
  for (const { reads } of dependencies) {
    for (const identifier of reads) identifiers.add(identifier);
  }
  return [...identifiers];
}

/** Dependencies of which only the identifiers to read are known. */
export function dependenciesOn(
  identifiers: readonly Identifier[],
): readonly Dependency[] {
  return identifiers.map(identifier => ({ identifier, reads: [identifier] }));
}
