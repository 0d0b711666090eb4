import { AlkeyError, describeValue, didYouMean } from '../core/errors.js';

/** What an option has to be, in words and as a test. */
export interface Check {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

export const integer = (least: number): Check => ({
  expected: `an integer >= ${least}`,
  holds: value => Number.isSafeInteger(value) && Number(value) >= least,
});

/** A timer that is to wait longer than this fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const timer = (least: number): Check => ({
  expected: `an integer from ${least} to ${LONGEST_TIMER_MS}`,
  holds: value =>
    integer(least).holds(value) && Number(value) <= LONGEST_TIMER_MS,
});

export const oneOf = (...values: readonly string[]): Check => ({
  expected: values.map(value => `'${value}'`).join(' or '),
  holds: value => typeof value === 'string' && values.includes(value),
});

export const boolean: Check = {
  expected: 'a boolean',
  holds: value => typeof value === 'boolean',
};

export const scope: Check = {
  expected: "'anonymous', 'shared' or a function",
  holds: value =>
    value === 'anonymous' || value === 'shared' || typeof value === 'function',
};

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

export function isListOf(
  value: unknown,
  holds: (member: unknown) => boolean,
): value is readonly unknown[] {
  return Array.isArray(value) && value.every(holds);
}

/**
 * Checks one option; `undefined` is as good as none.
 *
 * @param owner what has the options
 * @param where what follows the option's name in a message
 * @throws AlkeyError `ALKEY_INVALID_OPTION`, which names the option, the value and what was expected
 */
export function checkOption(
  checks: Readonly<Record<string, Check>>,
  name: string,
  value: unknown,
  owner: string,
  where = '',
): void {
  const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
  if (!check) {
    const known = Object.keys(checks);
    const meant = didYouMean(name, known);
    throw new AlkeyError(
      'ALKEY_INVALID_OPTION',
      `${owner} has no option \`${name}\`.` +
        (meant === undefined ? '' : ` Did you mean \`${meant}\`?`) +
        ` It has ${known.map(each => `\`${each}\``).join(', ')}.`,
    );
  }
  if (value !== undefined && !check.holds(value)) {
    throw invalidOption(`\`${name}\`${where}`, check.expected, value);
  }
}

/** An `ALKEY_INVALID_OPTION` for a value that is not what it has to be. */
export function invalidOption(
  what: string,
  expected: string,
  value: unknown,
): AlkeyError {
  return new AlkeyError(
    'ALKEY_INVALID_OPTION',
    `Expected ${what} to be ${expected}, got ${describeValue(value)}.`,
  );
}
