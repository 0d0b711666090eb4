// The process that answers: each row in each turn of its event loop, as one whose requests come one by one.
import { setImmediate } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { CacheKeyService, row as rowRef } from 'nestjs-alkey';
import { orders } from '../processes.mjs';
import { clockMs } from './ages.mjs';
import { Article, openApp } from './open-app.mjs';

let app;
let rows;
let turnMs;
let round;
for await (const order of orders()) {
  if (!app) {
    await open(order);
    process.send('open');
  } else if (order === 'begin') {
    round = begin();
    await round.hasHits;
    process.send('begun');
  } else {
    round.isOver = true;
    process.send(await round.done);
  }
}
await app?.close();

async function open(options) {
  ({ rows, turnMs } = options);
  app = await openApp(options.database, {
    ...options.alkey,
    near: options.near,
  });
}

function begin() {
  const begun = { isOver: false };
  begun.hasHits = new Promise(resolve => {
    begun.done = answerAll(begun, resolve);
  });
  return begun;
}

async function answerAll(begun, onHit) {
  const keys = app.get(CacheKeyService);
  const { manager } = app.get(DataSource);
  const lastAnswers = Array.from({ length: rows + 1 }, () => []);
  const found = { count: 0, hits: 0, lastAnswers };
  while (!begun.isOver) {
    for (let id = 1; id <= rows; id += 1) {
      let isHit = true;
      const beganMs = clockMs();
      const version = await keys.wrap([rowRef(Article, id)], async () => {
        isHit = false;
        return (await manager.findOneByOrFail(Article, { id })).version;
      });
      found.count += 1;
      if (isHit) found.hits += 1;
      if (isHit && found.hits > rows) onHit();
      lastAnswers[id][version] = beganMs;
    }
    work(turnMs);
    // What came meanwhile is read here: requests, and what Redis tells.
    await setImmediate();
  }
  return found;
}

function work(ms) {
  const endMs = clockMs() + ms;
  while (clockMs() < endMs);
}
