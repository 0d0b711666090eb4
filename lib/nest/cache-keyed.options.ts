import { AlkeyError, describeValue, didYouMean } from '../core/errors.js';
import { type CacheKeyedOptions } from './cache-keyed.metadata.js';

interface Check {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

/** A timer that is to wait longer than this fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const staleMs: Check = {
  expected: `an integer from 0 to ${LONGEST_TIMER_MS}`,
  holds: value =>
    Number.isSafeInteger(value) &&
    Number(value) >= 0 &&
    Number(value) <= LONGEST_TIMER_MS,
};

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~\w]+$/;

const CHECKS: Readonly<Record<keyof CacheKeyedOptions, Check>> = {
  ttlMs: {
    expected: 'an integer >= 1',
    holds: value => Number.isSafeInteger(value) && Number(value) >= 1,
  },
  scope: {
    expected: "'anonymous', 'shared' or a function",
    holds: value =>
      value === 'anonymous' ||
      value === 'shared' ||
      typeof value === 'function',
  },
  vary: {
    expected: 'a list of names of request headers, or a function',
    holds: value =>
      typeof value === 'function' ||
      isListOf(
        value,
        name => typeof name === 'string' && HEADER_NAME.test(name),
      ),
  },
  query: {
    expected: "'all' or a list of names of query parameters",
    holds: value =>
      value === 'all' || isListOf(value, name => typeof name === 'string'),
  },
  staleWhileRevalidateMs: staleMs,
  staleIfErrorMs: staleMs,
  singleFlight: {
    expected: "'process' or 'cluster'",
    holds: value => value === 'process' || value === 'cluster',
  },
  statuses: {
    expected: 'a list of statuses from 200 to 599',
    holds: value =>
      isListOf(
        value,
        status =>
          Number.isInteger(status) &&
          Number(status) >= 200 &&
          Number(status) <= 599,
      ),
  },
};

/**
 * Checks the options of one `@CacheKeyed`.
 *
 * @throws AlkeyError `ALKEY_INVALID_OPTION`, which names the option, the value and what was expected
 */
export function checkCacheKeyedOptions(
  options: CacheKeyedOptions,
  routeName: string,
): void {
  for (const [name, value] of Object.entries(options)) {
    if (!isOption(name)) {
      const known = Object.keys(CHECKS);
      const meant = didYouMean(name, known);
      throw new AlkeyError(
        'ALKEY_INVALID_OPTION',
        `@CacheKeyed on ${routeName} has no option \`${name}\`.` +
          (meant === undefined ? '' : ` Did you mean \`${meant}\`?`) +
          ` It has ${known.map(each => `\`${each}\``).join(', ')}.`,
      );
    }
    const { expected, holds } = CHECKS[name];
    if (value === undefined || holds(value)) continue;
    throw new AlkeyError(
      'ALKEY_INVALID_OPTION',
      `Expected \`${name}\` of @CacheKeyed on ${routeName} to be ${expected}, got ${describeValue(value)}.`,
    );
  }
}

function isOption(name: string): name is keyof CacheKeyedOptions {
  return Object.hasOwn(CHECKS, name);
}

function isListOf(
  value: unknown,
  holds: (member: unknown) => boolean,
): value is readonly unknown[] {
  return Array.isArray(value) && value.every(holds);
}
