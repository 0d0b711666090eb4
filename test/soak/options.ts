import { parseArgs } from 'node:util';
import { type Kind, KINDS } from './app/kinds.js';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Processes that read and write. */
  readonly apps: number;
  readonly consistency: 'strict' | 'commit';
  readonly onStoreFailure: 'serve' | 'abort';
  readonly storeTimeoutMs: number;
  /** Without Alkey: keys are deleted by hand after the commit. */
  readonly naive: boolean;
  /** With copies of tokens in each process. */
  readonly near: boolean;
  /** Which routes are asked. */
  readonly kinds: readonly Kind[];
  readonly topology: 'single' | 'sentinel';
  /** Kinds of faults; `undefined`: all that the topology has. */
  readonly faults: readonly string[] | undefined;
  readonly json: boolean;
}

/** @throws TypeError that names the flag */
export function readOptions(args: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
      apps: { type: 'string', default: '3' },
      consistency: { type: 'string', default: 'strict' },
      'on-store-failure': { type: 'string', default: 'serve' },
      'store-timeout': { type: 'string', default: '50' },
      naive: { type: 'boolean', default: false },
      near: { type: 'boolean', default: false },
      kinds: { type: 'string' },
      topology: { type: 'string', default: 'single' },
      faults: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const topology = oneOf('topology', values.topology, ['single', 'sentinel']);
  if (values.near && (values.naive || topology !== 'single')) {
    throw new TypeError(
      'Expected --near without --naive and --topology sentinel.',
    );
  }
  if (values.naive && values.kinds !== undefined) {
    throw new TypeError('Expected --naive without --kinds.');
  }
  return {
    seconds: positive('seconds', values.seconds),
    seed: positive('seed', values.seed),
    apps: positive('apps', values.apps),
    consistency: oneOf('consistency', values.consistency, ['strict', 'commit']),
    onStoreFailure: oneOf('on-store-failure', values['on-store-failure'], [
      'serve',
      'abort',
    ]),
    storeTimeoutMs: positive('store-timeout', values['store-timeout']),
    naive: values.naive,
    near: values.near,
    kinds: values.naive
      ? ['naive']
      : (values.kinds?.split(',').map(kind => oneOf('kinds', kind, KINDS)) ??
        KINDS),
    topology,
    faults: values.faults?.split(','),
    json: values.json,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new TypeError(`Expected --${name} to be an integer > 0, got ${text}.`);
}

function oneOf<const Name extends string>(
  flag: string,
  text: string,
  names: readonly Name[],
): Name {
  const found = names.find(name => name === text);
  if (found !== undefined) return found;
  throw new TypeError(
    `Expected --${flag} to be ${names.join(' or ')}, got ${text}.`,
  );
}
