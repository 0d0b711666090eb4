// The processes that are measured, and the one that asks them.
import { join } from 'node:path';
import { startProcess } from '../processes.mjs';

/** Starts one candidate; `sources` is where it was compiled to, `profile` a folder for its profile. */
export async function startCandidate(sources, what, profile) {
  const candidate = startProcess(join(sources, 'test/bench/http/app/main.js'), {
    env: { ...process.env, BENCHED: JSON.stringify(what) },
    profile,
  });
  const { port } = await candidate.answer();
  return {
    origin: `http://127.0.0.1:${port}`,
    /** What it has used of the processor since it began, and how often it has read from the database. */
    usage: () => candidate.order('usage'),
    stop: candidate.stop,
  };
}

/** Starts the process that asks; each of its orders is one call. */
export function startLoad() {
  const load = startProcess(new URL('load.mjs', import.meta.url));
  return {
    async order(order, given = {}) {
      const { result, error } = await load.order({ order, ...given });
      if (error) throw new Error(error);
      return result;
    },
    stop: load.stop,
  };
}
