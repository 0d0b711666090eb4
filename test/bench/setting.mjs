// What a measurement was made with: machine, versions, date.
import { readFileSync } from 'node:fs';
import {
  availableParallelism,
  cpus,
  loadavg,
  platform,
  release,
} from 'node:os';
import { createClient } from '@keyv/redis';

/** The exact version of an installed package; not all let `require` see their package.json. */
export function versionOf(name) {
  const url = new URL(
    `../../node_modules/${name}/package.json`,
    import.meta.url,
  );
  return JSON.parse(readFileSync(url, 'utf8')).version;
}

export function machine() {
  const [cpu] = cpus();
  return `${availableParallelism()} cores (${cpu?.model.trim() ?? 'unknown'}), ${platform()} ${release()}`;
}

/** Processes that wanted a core in the last minute, this one among them. */
export function load() {
  return loadavg()[0].toFixed(1);
}

export async function redisVersion(url) {
  const client = await createClient({ url }).connect();
  try {
    const info = await client.info('server');
    return /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown';
  } finally {
    await client.close();
  }
}
