// Ends the servers of `redis-servers.ts` once the process that started them has closed our input,
// however it went. A line is one of {"dir": path}, {"pid": started}, {"gone": ended}.
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';

const dirs = [];
const pids = new Set();

for await (const line of createInterface({ input: process.stdin })) {
  const { dir, pid, gone } = JSON.parse(line);
  if (dir) dirs.push(dir);
  if (pid) pids.add(pid);
  pids.delete(gone);
}

for (const pid of pids) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
await Promise.all(
  dirs.map(dir => rm(dir, { recursive: true, force: true, maxRetries: 10 })),
);
