// Processes that are measured, or that ask: an order is one message, and so is its answer.
import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Starts a script; `profile`: a folder for what it has spent its time on. */
export function startProcess(script, { env = process.env, profile } = {}) {
  const child = fork(script, {
    // What is measured, by the thousand.
    serialization: 'advanced',
    env,
    execArgv: profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : [],
  });
  return {
    /** What it says next. */
    answer: () => answer(child, script),
    order(given) {
      child.send(given);
      return answer(child, script);
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

async function answer(child, script) {
  const over = new AbortController();
  const { signal } = over;
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([message]) => message),
      once(child, 'exit', { signal }).then(([code, how]) => {
        throw new Error(`${script} ended with ${how ?? code}.`);
      }),
    ]);
  } finally {
    over.abort();
  }
}

/** In such a process: one order after the other, until who gives them is gone. */
export async function* orders() {
  const gone = new AbortController();
  process.once('disconnect', () => gone.abort());
  const { signal } = gone;
  try {
    for (;;) yield (await once(process, 'message', { signal }))[0];
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
