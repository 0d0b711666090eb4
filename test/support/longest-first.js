import { statSync } from 'node:fs';

/** Specs that take a minute and more whatever their size: last, they would keep one worker waiting. */
const LONGEST = ['concurrency/soak.spec.ts', 'truth/truth.spec.ts'];

/** Orders the specs of a run for Jest: the longest first, as far as a clean machine can know. */
export default class LongestFirst {
  sort(tests) {
    return [...tests].toSorted((one, other) => weight(other) - weight(one));
  }

  cacheResults() {}
}

function weight({ path }) {
  const place = LONGEST.findIndex(name => path.endsWith(name));
  return place === -1 ? statSync(path).size : Number.MAX_SAFE_INTEGER - place;
}
