import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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

const titles = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.spec.ts'))
  .flatMap(file => titlesIn(readFileSync(join('test', file), 'utf8')));

const happening = firstCells('## What happens when', '`AlkeyEvents`');
const beside = firstCells('<!-- beside:', '<!-- /beside -->');

describe.each([
  ['What happens when …', happening],
  ['Beside @nestjs/cache-manager', beside],
])('the table "%s" of README.md', (_, rows) => {
  it.each(rows)('says what a test does: %s', each => {
    const text = each.toLowerCase();
    expect(
      titles.filter(title => title.toLowerCase().includes(text)),
    ).not.toEqual([]);
  });
});

describe('the table "Beside @nestjs/cache-manager" of README.md', () => {
  it('has a row for each test of its spec', () => {
    const spec = 'test/http/beside-cache-manager.spec.ts';
    expect(beside).toEqual(
      expect.arrayContaining([...titlesIn(readFileSync(spec, 'utf8'))]),
    );
  });

  it('speaks of the version that its spec runs', () => {
    const { version } = JSON.parse(
      readFileSync('node_modules/@nestjs/cache-manager/package.json', 'utf8'),
    ) as { readonly version: string };
    expect(readme).toContain(
      `\`CacheInterceptor\` of @nestjs/cache-manager ${version},`,
    );
  });
});

/** What the rows of the table between two texts of README.md begin with. */
function firstCells(from: string, to: string): readonly string[] {
  return readme
    .slice(readme.indexOf(from), readme.indexOf(to))
    .split('\n')
    .filter(line => line.startsWith('| '))
    .slice(2)
    .map(line => line.split('|')[1]?.trim() ?? '');
}

/** Titles of the tests that run, as they are written. */
function titlesIn(source: string): readonly string[] {
  const test =
    /\bit(?:\.each\b[\s\S]*?\))?\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;
  return [...source.matchAll(test)].map(([, , title = '']) => title);
}
