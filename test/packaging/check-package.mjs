// Everything that must be true of the tarball before it is published.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { checkInstalls } from './install-check.mjs';

const project = fileURLToPath(new URL('../..', import.meta.url));
const dir = await mkdtemp(join(tmpdir(), 'alkey-package-'));
try {
  await show('npm', 'pack', '--loglevel=error', '--pack-destination', dir);
  const [name] = await readdir(dir);
  const tarball = join(dir, name);
  await checkFiles(tarball);
  await show('npx', '--no-install', 'publint', 'run', tarball, '--strict');
  await show('npx', '--no-install', 'attw', tarball);
  await checkInstalls(tarball);
} finally {
  await rm(dir, { recursive: true, force: true });
}

async function checkFiles(tarball) {
  const { stdout } = await promisify(execFile)('tar', ['-tzf', tarball]);
  const files = stdout.trim().split('\n');
  for (const file of [
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'dist/index.js',
    'dist/testing/index.js',
    'dist/cjs/index.js',
    'dist/cjs/package.json',
  ])
    assert.ok(files.includes(`package/${file}`), `${file} is not packed`);
  assert.deepEqual(
    files.filter(file => !/^package\/(dist\/|[^/]+$)/.test(file)),
    [],
    'only dist is packed',
  );
}

async function show(command, ...args) {
  const child = spawn(command, args, {
    cwd: project,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  const [code] = await once(child, 'exit');
  assert.equal(code, 0, `${[command, ...args].join(' ')} failed`);
}
