// jest globalTeardown: lets the guard end the servers, and waits until it has.
import { stopGuard } from './own-servers.js';

export default async function stopServices() {
  const guard = globalThis.servicesGuard;
  if (guard) await stopGuard(guard);
}
