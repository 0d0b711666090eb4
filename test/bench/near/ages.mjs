// What both processes note, and what follows from it.

/** Milliseconds of the one monotonic clock that all processes of a machine read. */
export function clockMs() {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * How old the oldest of the outdated answers was, for each commit that had one: milliseconds from when
 * its COMMIT was acknowledged to when the last request began that was answered with less.
 *
 * @param lastAnswers of each row, by version: when the last request began that was answered with it
 */
export function agesOf(commits, lastAnswers) {
  return commits.flatMap(({ id, version, doneMs }) => {
    const older = lastAnswers[id].slice(0, version);
    const lastMs = Math.max(...older.filter(each => each !== undefined));
    return lastMs > doneMs ? [lastMs - doneMs] : [];
  });
}
