import { readFileSync } from 'node:fs';
import { type Outcomes } from './compare.js';
import { type CacheName } from './process/main.js';
import { type Scenario } from './scenarios.js';

/** The columns, in their order. */
export const CACHES: readonly CacheName[] = [
  'alkey-strict',
  'alkey-commit',
  'bentocache',
  'cacheable',
  'nest-cache-manager',
];

const HEADINGS: Readonly<Record<CacheName, () => string>> = {
  'alkey-strict': () => '`strict`',
  'alkey-commit': () => '`commit`',
  bentocache: () => `bentocache ${versionOf('bentocache')}`,
  cacheable: () => `cacheable ${versionOf('cacheable')}`,
  'nest-cache-manager': () =>
    `@nestjs/cache-manager ${versionOf('@nestjs/cache-manager')}`,
};

/** The same widths as the formatter gives a table, so that README.md can be compared with it. */
export function markdown(
  scenarios: readonly Scenario[],
  caches: readonly CacheName[],
  outcomes: Outcomes,
): string {
  const rows = [
    ['what happens', ...caches.map(cache => HEADINGS[cache]())],
    ...scenarios.map(({ name, title }) => [
      title,
      ...caches.map(cache => outcomes[name]?.[cache] ?? ''),
    ]),
  ];
  const widths = rows[0]!.map((_, column) =>
    Math.max(3, ...rows.map(row => row[column]!.length)),
  );
  const [head, ...body] = rows.map(row =>
    line(row.map((cell, column) => cell.padEnd(widths[column]!))),
  );
  return [head, line(widths.map(width => '-'.repeat(width))), ...body].join(
    '\n',
  );
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** The table that README.md shows. */
export function documentedTable(): string {
  const [, table] =
    /<!-- compare: .*? -->\n([^]*?)<!-- \/compare -->/.exec(
      readFileSync('README.md', 'utf8'),
    ) ?? [];
  if (table === undefined) throw new Error('README.md has no such table.');
  return table.trim();
}

function versionOf(name: string): string {
  const url = new URL(
    `../../node_modules/${name}/package.json`,
    import.meta.url,
  );
  return (JSON.parse(readFileSync(url, 'utf8')) as { readonly version: string })
    .version;
}
