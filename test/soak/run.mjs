// npm run soak -- [flags]: compiles the harness and its applications, starts PostgreSQL where
// POSTGRES_URL names none, and runs. Ends with 1 where anything stale was read, or answered wrongly.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { compileSources } from '../support/compile-sources.js';
import stopServices from '../support/services-down.js';
import { startOnly } from '../support/services.js';

const compiled = await compileSources(
  'lib',
  'test/soak',
  'test/support/child-apps.ts',
  'test/support/compile-sources.js',
  'test/support/redis-servers.ts',
  'test/support/redis-servers-guard.js',
);
const load = name =>
  import(pathToFileURL(join(compiled.dir, 'test/soak', name)));
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
try {
  const [{ readOptions }, { soak }, { printed }] = await Promise.all(
    ['options.js', 'soak.js', 'report.js'].map(load),
  );
  const options = readOptions(process.argv.slice(2));
  await startOnly('POSTGRES_URL');
  const { POSTGRES_URL: postgres } = JSON.parse(process.env.TEST_SERVICES);
  if (!postgres.url) throw new Error(`No PostgreSQL: ${postgres.missing}.`);
  const report = await soak(options, postgres.url, interrupted.signal);
  console.log(options.json ? JSON.stringify(report) : printed(report));
  const isClean =
    report.staleReads === 0 && Object.keys(report.errors).length === 0;
  process.exitCode = isClean ? 0 : 1;
} finally {
  await stopServices();
  await compiled.remove();
}
