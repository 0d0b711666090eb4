// The processes that are measured, and the one that asks them.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Starts one candidate; `sources` is where it was compiled to, `profile` a folder for its profile. */
export async function startCandidate(sources, what, profile) {
  const child = fork(join(sources, 'test/bench/http/app/main.js'), {
    env: {
      ...process.env,
      BENCHED: JSON.stringify(what),
      // As it runs where speed counts.
      NODE_ENV: 'production',
    },
    execArgv: profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : [],
  });
  const { port } = await reply(child, what.name);
  return {
    origin: `http://127.0.0.1:${port}`,
    /** What it has used of the processor since it began, and how often it has read from the database. */
    usage() {
      child.send('usage');
      return reply(child, what.name);
    },
    stop: () => stop(child),
  };
}

/** Starts the process that asks; each of its orders is one call. */
export function startLoad() {
  const child = fork(new URL('load.mjs', import.meta.url), {
    // Latencies by the thousand.
    serialization: 'advanced',
    execArgv: [],
  });
  return {
    async order(order, given = {}) {
      child.send({ order, ...given });
      const { result, error } = await reply(child, 'load');
      if (error) throw new Error(error);
      return result;
    },
    stop: () => stop(child),
  };
}

async function reply(child, name) {
  const ended = new AbortController();
  try {
    return await Promise.race([
      once(child, 'message', { signal: ended.signal }).then(
        ([message]) => message,
      ),
      once(child, 'exit', { signal: ended.signal }).then(([code, signal]) => {
        throw new Error(`${name} ended with ${signal ?? code}.`);
      }),
    ]);
  } finally {
    ended.abort();
  }
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.disconnect();
  await once(child, 'exit');
}
