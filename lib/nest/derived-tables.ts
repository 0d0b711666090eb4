import { AlkeyError, describeValue } from '../core/errors.js';
import {
  parseIdentifier,
  type TableId,
} from '../core/identifiers/identifier.js';

/**
 * The option `derived`, by table.
 *
 * @throws AlkeyError `ALKEY_INVALID_OPTION` for what is no table's name in an identifier
 */
export function derivedTables(
  derived: Readonly<Record<string, readonly string[]>> = {},
): ReadonlyMap<TableId, readonly TableId[]> {
  return new Map(
    Object.entries(derived).map(([source, tables]) => [
      tableOf(source),
      tables.map(tableOf),
    ]),
  );
}

function tableOf(text: string): TableId {
  const parsed = parseIdentifier(`alkey:${text}#*`);
  if (parsed?.kind === 'table') return parsed.table;
  throw new AlkeyError(
    'ALKEY_INVALID_OPTION',
    `Expected the tables in \`derived\` to be named as in identifiers, such as "orders" or "reports/orders", ` +
      `got ${describeValue(text)}.`,
  );
}
