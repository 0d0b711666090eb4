import { createClient } from '@keyv/redis';
import { describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { describeWith } from './suites.js';

describeWith('REDIS_URL', 'the Redis of the specs', url => {
  it('answers', async () => {
    const client = createClient({ url });
    await client.connect();
    expect(await client.ping()).toBe('PONG');
    await client.close();
  });
});

describeWith('POSTGRES_URL', 'the PostgreSQL of the specs', url => {
  it('answers', async () => {
    await using source = await connected('postgres', url);
    expect(await version(source)).toMatch(/^PostgreSQL/);
  });
});

describeWith('MARIADB_URL', 'the MariaDB of the specs', url => {
  it('answers', async () => {
    await using source = await connected('mariadb', url);
    expect(await version(source)).toMatch(/MariaDB/);
  });
});

describe('the environment of the specs', () => {
  it('names no Redis that the library would take by default', () => {
    expect(process.env['REDIS_URL']).toBeUndefined();
  });
});

async function connected(type: 'postgres' | 'mariadb', url: string) {
  const source = await new DataSource({ type, url }).initialize();
  return Object.assign(source, {
    [Symbol.asyncDispose]: () => source.destroy(),
  });
}

async function version(source: DataSource): Promise<unknown> {
  const [row] = await source.query<{ version: string }[]>(
    'select version() as version',
  );
  return row?.version;
}
