import { type CacheKeyedOptions } from './cache-keyed.metadata.js';
import {
  type Check,
  checkOption,
  integer,
  isListOf,
  oneOf,
  scope,
  timer,
} from './option-checks.js';

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~\w]+$/;

const CHECKS: Readonly<Record<keyof CacheKeyedOptions, Check>> = {
  ttlMs: integer(1),
  scope,
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
  staleWhileRevalidateMs: timer(0),
  staleIfErrorMs: timer(0),
  singleFlight: oneOf('process', 'cluster'),
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
  handlerName: string,
): void {
  const owner = `@CacheKeyed on ${handlerName}`;
  for (const [name, value] of Object.entries(options)) {
    checkOption(CHECKS, name, value, owner, ` of ${owner}`);
  }
}
