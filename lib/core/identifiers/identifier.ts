/**
 * Text that names something that can change: `alkey:users#1` a row, `alkey:users#*` a table,
 * `alkey:*#*` everything. Two more are never typed by callers: `alkey:users#**`, every row of a
 * table at once, and `alkey:users#+`, rows being inserted whose keys the database chooses.
 *
 * In memory, in Redis and in logs it is the same text. Only this file makes one.
 */
export type Identifier = string & { readonly __brand: 'Identifier' };

/** A table in identifiers: `users`, `lab2.things`, `reports/users`; already percent-encoded. */
export type TableId = string & { readonly __brand: 'TableId' };

/** What an identifier says, once it is taken apart. Row values are decoded, in key column order. */
export type ParsedIdentifier =
  | { readonly kind: 'everything' }
  | { readonly kind: 'table'; readonly table: TableId }
  | { readonly kind: 'every-row'; readonly table: TableId }
  | { readonly kind: 'inserting'; readonly table: TableId }
  | {
      readonly kind: 'row';
      readonly table: TableId;
      readonly values: readonly string[];
    };

const PREFIX = 'alkey:';

/** Any write at all. */
export const EVERYTHING = `${PREFIX}*#*` as Identifier;

// encodeURIComponent leaves these five; `*` is a wildcard here, and one rule is easier to trust
// than four exceptions.
const LEFT_BY_ENCODE = /[!'()*]/g;
/** What is written as it is; most names and keys are nothing else. */
const PLAIN = /^[\w.~-]*$/;

function encodePart(text: string): string {
  if (PLAIN.test(text)) return text;
  // Drivers send a lone surrogate as U+FFFD, so the database cannot tell the two apart either.
  return encodeURIComponent(text.toWellFormed()).replace(
    LEFT_BY_ENCODE,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A schema's or table's name: a dot in it must not pass for the one between them. */
function encodeName(name: string): string {
  return encodePart(name).replaceAll('.', '%2E');
}

/**
 * Names a table: `users`, with its schema `lab2.users`, of another data source `reports/users`.
 * The default data source and an absent schema are left out.
 */
export function tableId(
  table: string,
  schema?: string,
  dataSource = 'default',
): TableId {
  const local =
    schema === undefined
      ? encodeName(table)
      : `${encodeName(schema)}.${encodeName(table)}`;
  return inDataSource(local, dataSource);
}

function inDataSource(local: string, dataSource: string): TableId {
  return (
    dataSource === 'default' ? local : `${encodePart(dataSource)}/${local}`
  ) as TableId;
}

/** `alkey:users#*`: any write to the table. */
export function tableIdentifier(table: TableId): Identifier {
  return `${PREFIX}${table}#*` as Identifier;
}

/** `alkey:users#**`: changes when rows of the table changed and nobody knows which. */
export function everyRowIdentifier(table: TableId): Identifier {
  return `${PREFIX}${table}#**` as Identifier;
}

/**
 * `alkey:users#+`: held while a statement outside a transaction inserts rows whose keys the
 * database chooses. Until their own tokens are replaced, an answer about a row that was not there
 * cannot be trusted.
 */
export function insertingIdentifier(table: TableId): Identifier {
  return `${PREFIX}${table}#+` as Identifier;
}

/** `alkey:users#+` for any rows of that table, `alkey:users#1` or `alkey:users#**`; else `undefined`. */
export function insertingIdentifierOf(
  identifier: Identifier,
): Identifier | undefined {
  // Neither character occurs in a name: it would be encoded.
  const from = identifier.indexOf('#') + 1;
  const rows = identifier.slice(from);
  return rows === '*' || rows === '+'
    ? undefined
    : (`${identifier.slice(0, from)}+` as Identifier);
}

/** `alkey:users#1`; `values` are canonical database values in the order of the key's columns. */
export function rowIdentifier(
  table: TableId,
  values: readonly string[],
): Identifier {
  const [first = ''] = values;
  const row =
    values.length === 1 ? encodePart(first) : values.map(encodePart).join(',');
  return `${PREFIX}${table}#${row}` as Identifier;
}

/**
 * `alkey:@queries#*`: all cached queries of a data source. Changed by hand alone: no table is called
 * that, since `@` in a name is encoded.
 */
export function queriesIdentifier(dataSource: string): Identifier {
  return `${PREFIX}${inDataSource('@queries', dataSource)}#*` as Identifier;
}

/** `alkey:@queries#menu`: the cached queries of a data source that were given this id. */
export function queryIdIdentifier(dataSource: string, id: string): Identifier {
  const queries = inDataSource('@queries', dataSource);
  return `${PREFIX}${queries}#${encodePart(id)}` as Identifier;
}

/** Whether an identifier is that of one row: `*` and `+`, which end the others, are encoded there. */
export function namesRow(identifier: Identifier): boolean {
  return !identifier.endsWith('*') && !identifier.endsWith('+');
}

/** `alkey:users#*` for the row `alkey:users#1`; `undefined` for what names no row. */
export function tableOfRow(identifier: Identifier): Identifier | undefined {
  return namesRow(identifier)
    ? (`${identifier.slice(0, identifier.indexOf('#') + 1)}*` as Identifier)
    : undefined;
}

/** Whether an identifier stands beside those that callers name: `alkey:users#**`, `alkey:users#+`. */
export function isHidden(identifier: Identifier): boolean {
  return identifier.endsWith('#**') || identifier.endsWith('#+');
}

const ENCODED = String.raw`(?:[A-Za-z0-9_.~-]|%[0-9A-Fa-f]{2})`;
const FORM = new RegExp(
  `^alkey:((?:${ENCODED}+/)?${ENCODED}+|\\*)#(\\*{1,2}|\\+|${ENCODED}*(?:,${ENCODED}*)*)$`,
);

/** Whether a text has the form of an identifier; says nothing of whether such a table exists. */
export function hasIdentifierForm(text: string): boolean {
  return FORM.test(text);
}

/**
 * Takes an identifier apart; `undefined` where the text has not the form of one, or where its
 * percent-encoding is not UTF-8.
 */
export function parseIdentifier(text: string): ParsedIdentifier | undefined {
  const match = FORM.exec(text);
  if (!match) return undefined;
  const [, tablePart = '', row = ''] = match;
  if (tablePart === '*') {
    return row === '*' ? { kind: 'everything' } : undefined;
  }
  try {
    const table = normaliseTable(tablePart);
    if (row === '*') return { kind: 'table', table };
    if (row === '**') return { kind: 'every-row', table };
    if (row === '+') return { kind: 'inserting', table };
    return {
      kind: 'row',
      table,
      values: row.split(',').map(decodePart),
    };
  } catch {
    return undefined;
  }
}

function decodePart(text: string): string {
  return text.includes('%') ? decodeURIComponent(text) : text;
}

/**
 * `%61` and `a` are one letter, `%2a` and `%2A` one escape, and the default data source goes
 * without saying: a table has one spelling.
 */
function normaliseTable(text: string): TableId {
  if (!text.includes('%') && !text.startsWith('default/')) {
    return text as TableId;
  }
  const [local = '', dataSource = 'default'] = text.split('/').toReversed();
  const names = local
    .split('.')
    .map(name => encodeName(decodeURIComponent(name)))
    .join('.');
  return inDataSource(names, decodeURIComponent(dataSource));
}
