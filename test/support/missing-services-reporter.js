// Ends the run with the suites that `describeWith` skipped, counted by the server they miss.
export default class MissingServicesReporter {
  onRunComplete(_contexts, { testResults }) {
    const suites = new Map();
    for (const { testFilePath, testResults: tests } of testResults)
      for (const { ancestorTitles } of tests)
        for (const [depth, title] of ancestorTitles.entries()) {
          const why = /\[skipped: (.+)\]$/.exec(title)?.[1];
          if (!why) continue;
          if (!suites.has(why)) suites.set(why, new Set());
          const path = ancestorTitles.slice(0, depth + 1);
          suites.get(why).add(JSON.stringify([testFilePath, ...path]));
        }
    for (const [why, names] of suites)
      process.stderr.write(
        `Skipped ${names.size} ${names.size === 1 ? 'suite' : 'suites'}: ${why}\n`,
      );
  }
}
