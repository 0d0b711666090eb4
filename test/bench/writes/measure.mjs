// One database in a process of its own: told what to measure by a message, answers by one.
import { once } from 'node:events';
import { median, ratios, takeTurns } from '../rounds.mjs';
import { openCandidates } from './candidates.mjs';
import { createDatabase, DATABASES } from '../database.mjs';
import { Article, Comment, seed } from './entities.mjs';
import { benchOf, QUESTIONS } from './questions.mjs';

const OPERATIONS_TO_AGREE_ON = 3;

const [{ name, url, redis, titles, share }] = await once(process, 'message');
const questions = QUESTIONS.filter(({ title }) => titles.includes(title)).map(
  ({ warmUp, rounds, ...question }) => ({
    ...question,
    warmUp: Math.ceil(share * warmUp),
    rounds: Math.ceil(share * rounds),
  }),
);
const database = await createDatabase(
  DATABASES.find(each => each.name === name),
  url,
);
const isShared = url !== undefined;
const candidates = [];
try {
  candidates.push(...(await openCandidates(database.options, redis)));
  const tokens = await requireAgreement();
  const rows = [];
  for (const question of questions) {
    await reset(isShared ? candidates.slice(0, 1) : candidates);
    for (const candidate of candidates) candidate.takeTouched();
    const benches = candidates.map(candidate =>
      benchOf(candidate.dataSource, candidate.name),
    );
    const times = await takeTurns(
      benches,
      bench => question.operations(bench, question.batch),
      question,
    );
    const count = (question.warmUp + question.rounds) * question.batch;
    for (const candidate of candidates) {
      candidate.requireStore();
      requireTouched(candidate, question, count);
    }
    const [bare, again, strict, commit] = times;
    const comparison = of => ({
      again: ratios(of(again), of(bare)),
      strict: ratios(of(strict), of(bare)),
      commit: ratios(of(commit), of(bare)),
    });
    rows.push({
      title: question.title,
      goal: question.goal,
      tokens: tokens.get(question.title),
      bareMs: median(bare.passed),
      bareBusyMs: median(bare.busy),
      passed: comparison(({ passed }) => passed),
      busy: comparison(({ busy }) => busy),
    });
    process.send({ progress: question.title });
  }
  process.send({ versions: database.versions, rows });
} finally {
  for (const { close } of candidates) await close();
  await database.drop();
}
process.disconnect();

/**
 * Every candidate answers every question on the same rows, and must leave the same rows behind;
 * those with Alkey must have changed tokens by each write and by no read.
 *
 * @returns how many tokens one operation changes, by question
 */
async function requireAgreement() {
  const tokens = new Map();
  let expected;
  for (const candidate of candidates) {
    await reset([isShared ? candidates[0] : candidate]);
    candidate.takeTouched();
    const bench = benchOf(candidate.dataSource, 'all');
    for (const question of questions) {
      const batch = await question.operations(bench, OPERATIONS_TO_AGREE_ON);
      for (const operation of batch) await operation();
      const changed = requireTouched(candidate, question, batch.length);
      tokens.set(question.title, changed);
    }
    candidate.requireStore();
    const left = await contents(candidate.dataSource);
    expected ??= left;
    if (left !== expected) {
      throw new Error(
        `${candidate.name} left other rows behind than ${candidates[0].name}.`,
      );
    }
  }
  return tokens;
}

/** @returns how many tokens each of `count` operations changed */
function requireTouched(candidate, { title, writes }, count) {
  const touched = candidate.takeTouched();
  const expected = candidate.isObserved && writes ? count : 0;
  if (touched.length !== expected) {
    throw new Error(
      `Expected ${count} × ${title} with ${candidate.name} to change tokens ${expected} times, got ${touched.length}.`,
    );
  }
  return touched[0] ?? 0;
}

/** The tables as they are at the start, in the database of each of these candidates. */
async function reset(owners) {
  for (const { dataSource } of owners) {
    await dataSource.synchronize(true);
    await seed(dataSource);
  }
}

async function contents(dataSource) {
  const rows = [];
  for (const entity of [Article, Comment]) {
    rows.push(
      await dataSource.getRepository(entity).find({ order: { id: 'ASC' } }),
    );
  }
  return JSON.stringify(rows);
}
