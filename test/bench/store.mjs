import { setTimeout as sleep } from 'node:timers/promises';

/** Long enough for a machine that is busy: a bench that did without the store would measure nothing. */
export const STORE_TIMEOUT_MS = 10_000;

/** The `redis` option by which a connection is kept while its process does not get a core. */
export function patient(url) {
  return { url, socket: { socketTimeout: STORE_TIMEOUT_MS } };
}

/** The connection to Redis is made in the background; until then no token is told twice. */
export async function storeAnswers(keys) {
  const giveUpAt = performance.now() + STORE_TIMEOUT_MS;
  while ((await keys.token('alkey:*#*')) !== (await keys.token('alkey:*#*'))) {
    if (performance.now() > giveUpAt) throw new Error('Redis does not answer.');
    await sleep(50);
  }
}
