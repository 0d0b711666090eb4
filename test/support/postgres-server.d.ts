import { type ChildProcess } from 'node:child_process';

/** Starts a server in `dir`, and a replica of it that applies each commit that many milliseconds late. */
export function postgresWithReplica(
  dir: string,
  guard: ChildProcess,
  applyDelayMs: number,
): Promise<{ readonly masterUrl: string; readonly replicaUrl: string }>;

/** The file of the npm package for this machine; throws where it is not installed. */
export function postgresPackage(): string;
