import { type ChildProcess } from 'node:child_process';

/** The process that ends the servers and removes their folders when this one is gone. */
export function startGuard(): Promise<ChildProcess>;

/** Ends what the guard watches over, and waits until it has ended. */
export function stopGuard(guard: ChildProcess): Promise<void>;

/** A new folder that the guard removes. */
export function folderFor(name: string, guard: ChildProcess): Promise<string>;
