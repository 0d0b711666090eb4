import { type Operand } from './statement.js';

/** The bound parameters of a statement, by position or by name. */
export type Parameters =
  readonly unknown[] | Readonly<Record<string, unknown>> | undefined;

/** The bound parameters of a statement as a program gave them. */
export function parametersOf(given: unknown): Parameters {
  return typeof given === 'object' && given !== null
    ? (given as Parameters)
    : undefined;
}

/** What `operandValue` answers where the value is only known to the database. */
export const UNTOLD = Symbol('untold');

/** A list that stands for several values, as drivers expand it or `= ANY(…)` reads it. */
export class ValueList {
  constructor(readonly values: readonly unknown[]) {}
}

/** The value of an operand, `UNTOLD`, or a `ValueList` where a parameter holds several. */
export function operandValue(
  operand: Operand,
  parameters: Parameters,
): unknown {
  switch (operand.kind) {
    case 'parameter':
      return parameterValue(operand, parameters);
    case 'number':
      // Never a text: compared with a text column, a database may read the column as a number.
      return BigInt(operand.text);
    case 'string':
    case 'boolean':
      return operand.value;
    case 'null':
      return null;
    case 'default':
    case 'expression':
      return UNTOLD;
  }
}

function parameterValue(
  { at, each }: Operand & { kind: 'parameter' },
  parameters: Parameters,
): unknown {
  const value = Array.isArray(parameters)
    ? (parameters as readonly unknown[])[Number(at)]
    : (parameters as Readonly<Record<string, unknown>> | undefined)?.[at];
  if (Array.isArray(value)) return new ValueList(value);
  // A list in PostgreSQL's own notation, `{1,2}`, is a text here.
  return value === undefined || (each && value !== null) ? UNTOLD : value;
}
