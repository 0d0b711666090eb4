// npm run compare -- [--markdown] [--json] [--check] [--caches a,b] [--scenarios a,b]: compiles what is compared, starts
// Redis and PostgreSQL of its own, and runs every scenario. Ends with 1 where `strict` was ever stale,
// or, with --check, where README.md shows another table.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { compileSources } from '../support/compile-sources.js';
import stopServices from '../support/services-down.js';
import { startOnly } from '../support/services.js';

const { values: flags } = parseArgs({
  options: {
    markdown: { type: 'boolean' },
    json: { type: 'boolean' },
    check: { type: 'boolean' },
    caches: { type: 'string' },
    scenarios: { type: 'string' },
  },
});
const compiled = await compileSources('lib', 'test/compare');
const load = name =>
  import(pathToFileURL(join(compiled.dir, 'test/compare', name)));
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
try {
  const [{ compare }, { SCENARIOS }, { CACHES, documentedTable, markdown }] =
    await Promise.all(['compare.js', 'scenarios.js', 'table.js'].map(load));
  const caches = chosen('caches', CACHES, cache => cache);
  const scenarios = chosen('scenarios', SCENARIOS, ({ name }) => name);
  // It is emptied: never one that is somebody's.
  delete process.env.REDIS_URL;
  await startOnly('REDIS_URL', 'POSTGRES_URL');
  const services = JSON.parse(process.env.TEST_SERVICES);
  for (const [name, { missing }] of Object.entries(services))
    if (missing) throw new Error(`No ${name}: ${missing}.`);
  const outcomes = await compare({
    caches,
    scenarios,
    postgres: services.POSTGRES_URL.url,
    redis: services.REDIS_URL.url,
    signal: interrupted.signal,
    onOutcome: ({ name }, cache, outcome) => {
      if (!flags.json && !flags.markdown)
        console.error(`${name}: ${cache}: ${outcome}`);
    },
  });
  const table = markdown(scenarios, caches, outcomes);
  console.log(flags.json ? JSON.stringify(outcomes) : table);
  const stale = scenarios.filter(({ name }) =>
    outcomes[name]['alkey-strict']?.startsWith('stale'),
  );
  for (const { title } of stale) console.error(`\`strict\` is stale: ${title}`);
  const isOutdated = flags.check && documentedTable() !== table;
  if (isOutdated)
    console.error(
      'README.md shows another table: npm run compare -- --markdown',
    );
  process.exitCode = stale.length > 0 || isOutdated ? 1 : 0;
} finally {
  await stopServices();
  await compiled.remove();
}

function chosen(flag, all, nameOf) {
  const names = flags[flag]?.split(',') ?? all.map(nameOf);
  const found = all.filter(each => names.includes(nameOf(each)));
  if (found.length !== names.length)
    throw new Error(
      `Expected --${flag} to be some of ${all.map(nameOf).join(',')}.`,
    );
  return found;
}
