// The process that commits, at the rate it is told, and notes when each COMMIT was acknowledged.
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { orders } from '../processes.mjs';
import { clockMs } from './ages.mjs';
import { Article, openApp } from './open-app.mjs';

const { Client } = createRequire(import.meta.url)('pg');
const lastCommit = {};

/** Notes what the driver sends and hears, before anybody above it does anything about it. */
class TimedClient extends Client {
  query(...args) {
    const outcome = super.query(...args);
    if (args[0] !== 'COMMIT') return outcome;
    lastCommit.sentMs = clockMs();
    return outcome.then(result => {
      lastCommit.doneMs = clockMs();
      return result;
    });
  }
}

let app;
let rows;
const versions = new Map();
for await (const order of orders()) {
  if (app) process.send(await commitAll(order));
  else {
    await open(order);
    process.send('open');
  }
}
await app?.close();

async function open(options) {
  ({ rows } = options);
  const extra = { Client: TimedClient };
  app = await openApp(
    { ...options.database, synchronize: true, extra },
    options.alkey,
  );
  for (let id = 1; id <= rows; id += 1) {
    await app.get(DataSource).manager.save(Article, { id, version: 0 });
    versions.set(id, 0);
  }
}

async function commitAll({ rate, seconds }) {
  const source = app.get(DataSource);
  const commits = [];
  const startMs = clockMs();
  const endMs = startMs + 1000 * seconds;
  while (clockMs() < endMs) {
    const dueMs = startMs + (1000 * commits.length) / rate;
    if (dueMs > clockMs()) await sleep(dueMs - clockMs());
    const id = (commits.length % rows) + 1;
    const version = versions.get(id) + 1;
    await source.transaction(manager =>
      manager.update(Article, id, { version }),
    );
    versions.set(id, version);
    commits.push({ id, version, ...lastCommit });
  }
  return { commits, seconds: (clockMs() - startMs) / 1000 };
}
