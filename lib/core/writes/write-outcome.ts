import { type Row } from './pinned-rows.js';

/** What the driver told about a write, and what was looked up before it. */
export interface WriteOutcome {
  /** Rows written; `undefined`: the driver does not tell. */
  readonly affected?: number | undefined;
  /** Rows of a RETURNING clause that names plain columns. */
  readonly returned?: readonly Row[] | undefined;
  /** Values of the one generated key column, one for each inserted row. */
  readonly generatedKeys?: readonly unknown[] | undefined;
  /** The rows as they were before the write: key and reference columns. */
  readonly before?: readonly Row[] | undefined;
}
