// Servers on free ports that end with the process that started them.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const START_TIMEOUT_MS = 30_000;

// Debian keeps servers in sbin, which is on root's PATH alone
export const env = {
  ...process.env,
  PATH: [process.env.PATH, '/usr/local/sbin', '/usr/sbin'].join(delimiter),
};

/** The process that ends the servers and removes their folders when this one is gone. */
export async function startGuard() {
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
  // before it listens, it would miss our end
  await once(guard, 'message');
  guard.unref();
  guard.channel.unref();
  return guard;
}

/** Ends what the guard watches over, and waits until it has ended. */
export async function stopGuard(guard) {
  if (guard.exitCode !== null) return;
  guard.ref();
  const exit = once(guard, 'exit');
  guard.disconnect();
  await exit;
}

/** A new folder that the guard removes. */
export async function folderFor(name, guard) {
  const dir = await realpath(await mkdtemp(join(tmpdir(), `alkey-${name}-`)));
  guard.send({ dir });
  return dir;
}

/** Resolves as soon as `port` answers. */
export async function serve(guard, port, command, args, options = {}) {
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

export async function freePort() {
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
