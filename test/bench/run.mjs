// npm run bench -- [<name> [its flags]] [--quick]: builds what is measured, starts the servers, runs one
// bench, or each of them for a short time.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import startServices from '../support/services.js';
import stopServices from '../support/services-down.js';

const here = import.meta.dirname;
const root = fileURLToPath(new URL('../..', import.meta.url));
const names = readdirSync(here, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(entry => entry.name);

const given = process.argv.slice(2);
const isQuick = given.includes('--quick');
const [name, ...flags] = given.filter(each => each !== '--quick');
if (name !== undefined && !names.includes(name)) {
  console.error(
    `Expected the name of a bench, got \`${name}\`. There are: ${names.join(', ')}.`,
  );
  process.exit(2);
}
/** How much time a bench may take: `full`, `short` or `quick`. */
const pace = isQuick ? 'quick' : name === undefined ? 'short' : 'full';

// As it runs where speed counts, here and in the processes of the benches.
process.env.NODE_ENV = 'production';
build();
// Tokens are measured in a Redis that nobody else uses.
delete process.env.REDIS_URL;
await startServices();
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
try {
  const services = JSON.parse(process.env.TEST_SERVICES);
  for (const each of name === undefined ? names : [name]) {
    if (interrupted.signal.aborted) break;
    const { default: bench } = await import(`./${each}/${each}.bench.mjs`);
    if (name === undefined) console.log(`## ${each}\n`);
    await Promise.race([
      bench({ flags, services, pace }),
      once(interrupted.signal, 'abort'),
    ]);
    console.log();
  }
} finally {
  await stopServices();
}

/** Builds `dist`, unless it is complete and newer than everything in `lib`. */
function build() {
  // The build writes this file last.
  const built = join(root, 'dist/cjs/package.json');
  const builtAt = existsSync(built) ? statSync(built).mtimeMs : 0;
  const sources = readdirSync(join(root, 'lib'), {
    recursive: true,
    withFileTypes: true,
  }).filter(entry => entry.isFile());
  const isStale = sources.some(
    source => statSync(join(source.parentPath, source.name)).mtimeMs >= builtAt,
  );
  if (isStale) {
    execFileSync('npm', ['run', 'build'], { cwd: root, stdio: 'inherit' });
  }
}
