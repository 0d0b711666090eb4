import { describe } from '@jest/globals';
import { folderFor, startGuard, stopGuard } from './own-servers.js';
import { postgresPackage, postgresWithReplica } from './postgres-server.js';

/** A PostgreSQL of one's own and a streaming replica of it. */
export interface ReplicatedPostgres {
  readonly masterUrl: string;
  readonly replicaUrl: string;
  stop(): Promise<void>;
}

/**
 * A suite that starts PostgreSQL with a replica. Where the npm package has none for this machine it
 * is skipped, and its title says so; with `REQUIRE_SERVICES=1` it fails instead.
 */
export function describeWithReplicatedPostgres(
  title: string,
  body: () => void,
): void {
  if (isInstalled() || process.env['REQUIRE_SERVICES'] === '1') {
    describe(`${title}`, () => {
      body();
    });
    return;
  }
  // oxlint-disable-next-line jest/no-disabled-tests -- the reason is in the title
  describe.skip(`${title} [skipped: PostgreSQL's optional npm package is not installed]`, () => {
    body();
  });
}

/** @param applyDelayMs How much later than the master the replica applies a commit. */
export async function startReplicatedPostgres(
  applyDelayMs: number,
): Promise<ReplicatedPostgres> {
  const guard = await startGuard();
  const stop = () => stopGuard(guard);
  try {
    const dir = await folderFor('postgres', guard);
    const urls = await postgresWithReplica(dir, guard, applyDelayMs);
    return { ...urls, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function isInstalled(): boolean {
  try {
    postgresPackage();
    return true;
  } catch {
    return false;
  }
}
