import { ratios, turns } from '../rounds.mjs';

const CONNECTIONS = 16;

/** The longest that a candidate may take for it: the slow ones are slow for other reasons. */
const LONGEST_WARM_UP_MS = 6_000;

/** Lets each candidate give so many answers. */
export async function warmUp({ load, candidates, id, answers }) {
  for (const { origin, path } of candidates) {
    const what = { path: path(id), status: 200 };
    await load.order('connect', { origin, ...what, connections: CONNECTIONS });
    const durationMs = LONGEST_WARM_UP_MS;
    await load.order('load', { ...what, durationMs, answers });
    await load.order('disconnect');
  }
}

/**
 * One scenario with one body: all candidates in turn, round by round.
 *
 * @returns how long the answer is, and of each candidate what was seen in each round, and how it compares with the bases; nothing
 * seen of those that do not take part
 */
export async function measure({ load, candidates, scenario, articles, pace }) {
  const taking = candidates.filter(
    ({ name }) =>
      scenario.candidates.includes(name) || scenario.bases.includes(name),
  );
  const bytes = await requireAgreement(load, taking, articles.read);
  const parts = [];
  for (const candidate of taking) {
    parts.push({
      candidate,
      seen: [],
      ...(await requestOf(load, candidate, scenario, articles)),
      version: 0,
    });
  }
  const asked = parts.filter(({ isAnswered }) => isAnswered);
  if (!scenario.burst) {
    for (const part of asked) await once(part, { durationMs: pace.warmUpMs });
  }
  const rounds = scenario.burst ? pace.bursts : pace.rounds;
  for (let round = 0; round < rounds; round += 1) {
    for (const index of turns(asked.length, round)) {
      const part = asked[index];
      part.seen.push(
        await once(part, {
          durationMs: pace.durationMs,
          cold: articles.cold[round],
        }),
      );
    }
  }
  const rows = parts.map(({ candidate, seen }) => ({
    name: candidate.name,
    seen,
    compared: comparisons(seen, parts, scenario.bases),
  }));
  return { bytes, rows };

  async function once(part, { durationMs, cold }) {
    const { candidate, path, headers, status } = part;
    await load.order('connect', {
      origin: candidate.origin,
      // What is asked for in a burst is asked for the first time.
      ...(scenario.burst
        ? { path: candidate.path(articles.read), connections: scenario.burst }
        : { path, headers, status, connections: CONNECTIONS }),
    });
    const before = await candidate.usage();
    const seen = scenario.burst
      ? await load.order('burst', { path: candidate.path(cold) })
      : await load.order('load', {
          path,
          headers,
          status,
          writes: scenario.writes,
          version: part.version,
          durationMs,
        });
    const after = await candidate.usage();
    await load.order('disconnect');
    part.version = seen.version;
    const fresh = seen.latencies.length - seen.stale;
    const loads = after.loads - before.loads;
    requireHits(candidate, loads);
    return {
      rate: (fresh / seen.passedMs) * 1000,
      cpuMs: (after.cpuMs - before.cpuMs) / Math.max(fresh, 1),
      loads,
      stale: seen.stale / seen.latencies.length,
      latencies: seen.latencies,
    };
  }

  function requireHits({ name }, loads) {
    const expectsNone = !scenario.writes && !scenario.burst;
    if (name !== 'uncached' && expectsNone && loads > 0) {
      throw new Error(
        `${name} read from the database ${loads} times where it was to answer from its cache.`,
      );
    }
  }
}

/** What a candidate is asked; `isAnswered` is false where it cannot answer with a 304. */
async function requestOf(load, candidate, scenario, { read, written }) {
  const { origin } = candidate;
  const path = candidate.path(
    scenario.writes ? written[candidate.number] : read,
  );
  if (!scenario.isConditional) {
    return { path, headers: {}, status: 200, isAnswered: true };
  }
  const { headers: given } = await load.order('ask', { origin, path });
  const headers = { 'if-none-match': given.etag ?? '"none"' };
  const { status } = await load.order('ask', { origin, path, headers });
  return { path, headers, status: 304, isAnswered: status === 304 };
}

/** Everybody must give the same answer, the first time and when it is asked again: of so many bytes. */
async function requireAgreement(load, candidates, id) {
  let expected;
  for (const { name, origin, path } of candidates) {
    for (let time = 0; time < 3; time += 1) {
      const { status, text } = await load.order('ask', {
        origin,
        path: path(id),
      });
      expected ??= text;
      if (status !== 200 || text !== expected) {
        throw new Error(
          `${name} gave another answer than ${candidates[0].name}: ${status} ${text.slice(0, 200)}`,
        );
      }
    }
  }
  return Buffer.byteLength(expected);
}

/** How many times as many answers, and as many answers per second of its own processor time. */
function comparisons(seen, parts, bases) {
  const compared = {};
  for (const base of bases) {
    const other = parts.find(({ candidate }) => candidate.name === base)?.seen;
    if (!other?.length || seen.length === 0) continue;
    const of = key => [
      seen.map(each => each[key]),
      other.map(each => each[key]),
    ];
    const [cpu, otherCpu] = of('cpuMs');
    compared[base] = {
      rate: ratios(...of('rate')),
      cpu: ratios(otherCpu, cpu),
    };
  }
  return compared;
}
