import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DEFAULTS, resolveOptions } from '../../lib/nest/alkey.options.js';

const readme = readFileSync('README.md', 'utf8');

/** The rows of the options table: name and default. */
const documented = new Map(
  readme
    .slice(readme.indexOf('<!-- options:'), readme.indexOf('## What happens'))
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line => {
      const [, name = '', , value = ''] = line
        .split('|')
        .map(cell => cell.trim());
      return [name.replaceAll('`', ''), value.replaceAll('`', '')];
    }),
);

describe('the options table of README.md', () => {
  it.each(Object.entries(DEFAULTS))(
    'says the default of `%s`',
    (name, value) => {
      const text = documented.get(name);
      expect(text?.replaceAll('_', '').replaceAll("'", '')).toBe(String(value));
    },
  );

  it('names every option there is, and no other', () => {
    const options = [...Object.keys(resolveOptions({}, {})), 'isGlobal'];
    expect([...documented.keys()].toSorted()).toEqual(options.toSorted());
  });
});
