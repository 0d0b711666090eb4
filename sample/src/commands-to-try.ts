/** The lines `npm start` prints: a miss, a hit, a write, a miss. */
export function commandsToTry(url: string): string {
  const stats = `curl -s -o /dev/null -D - -w '%{time_total} s\\n' ${url}/stats`;
  return `
The atlas answers at ${url}. In another shell:

  # a miss: the report is computed
  ${stats}

  # a hit: the same answer, without a query
  ${stats}

  # a write
  curl -s ${url}/cities/2988507/reviews \\
    -H 'content-type: application/json' -d '{"author":"Ada","rating":5,"text":"Go in spring"}'

  # a miss again
  ${stats}

Or all of it, timed, in a table: npm run demo
A page to look at: ${url}/cities/2988507/page
`;
}
