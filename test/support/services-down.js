// jest globalTeardown: lets the guard end the servers, and waits until it has.
import { once } from 'node:events';

export default async function stopServices() {
  const guard = globalThis.servicesGuard;
  if (!guard || guard.exitCode !== null) return;
  guard.ref();
  const exit = once(guard, 'exit');
  guard.disconnect();
  await exit;
}
