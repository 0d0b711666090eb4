// Runs the servers of `own-servers.js`, ends them and removes their folders once that process is gone,
// however it goes: at its end, by Ctrl-C, by a crash or by a kill that no handler sees.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';

const STOP_TIMEOUT_MS = 5_000;

const dirs = [];
const servers = [];

process.on('message', message => {
  if ('dir' in message) dirs.push(message.dir);
  else serve(message);
});

process.once('disconnect', async () => {
  await Promise.all(servers.map(end));
  await Promise.all(
    dirs.map(dir => rm(dir, { recursive: true, force: true, maxRetries: 10 })),
  );
});

process.send({ ready: true });

function serve({ command, args, options, stop }) {
  const child = spawn(command, args, { ...options, stdio: 'ignore' });
  servers.push({ child, stop });
  child.once('error', ({ code }) => failed({ command, code }));
  child.once('exit', (code, signal) =>
    failed({ command, code: code ?? signal }),
  );
}

function failed(message) {
  if (process.connected) process.send(message);
}

async function end({ child, stop }) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode)
    return;
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  const exit = once(child, 'exit');
  child.kill(stop);
  await exit;
  clearTimeout(timer);
}
