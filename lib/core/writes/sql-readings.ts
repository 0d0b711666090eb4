import { type Dialect } from './statement.js';

/** Settings of the server that change how a text is read, and that the text does not tell. */
export interface Reading {
  /** A backslash escapes in `'…'`. */
  readonly backslash: boolean;
  /** A backslash escapes in `"…"`. */
  readonly backslashInDouble: boolean;
  /** The contents of executable comments are read. */
  readonly conditional: boolean;
}

const PLAIN: Reading = {
  backslash: false,
  backslashInDouble: false,
  conditional: true,
};
const ESCAPED: Reading = {
  backslash: true,
  backslashInDouble: true,
  conditional: true,
};
const ANSI: Reading = { ...ESCAPED, backslashInDouble: false };

/**
 * How a server may read texts of the dialect, the usual way first: MySQL's ANSI_QUOTES and
 * NO_BACKSLASH_ESCAPES, PostgreSQL's standard_conforming_strings.
 */
export const READINGS: Readonly<
  Record<Dialect, readonly [Reading, ...Reading[]]>
> = {
  postgres: [PLAIN, ESCAPED],
  mysql: [ESCAPED, ANSI, PLAIN],
  sqlite: [PLAIN],
};
