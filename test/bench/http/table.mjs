import { median, quantile, withRange } from '../rounds.mjs';
import { SCENARIOS } from './candidates.mjs';

/** One table per scenario, in Markdown. */
export function tables(results) {
  return SCENARIOS.flatMap(scenario => {
    const own = results.filter(result => result.scenario === scenario);
    return own.length === 0 ? [] : [table(scenario, own)];
  }).join('\n\n');
}

function table(scenario, results) {
  const { title, bases, writes, burst } = scenario;
  const columns = [
    'server',
    'body',
    'candidate',
    'answers/s',
    'p50, ms',
    'p99, ms',
    ...bases.map(base => `× ${base}`),
    'CPU, µs',
    ...bases.map(base => `CPU: × ${base}`),
    ...(writes ? ['stale'] : []),
    ...(writes || burst ? ['handler runs'] : []),
    'goal',
  ];
  const rows = results.flatMap(result =>
    result.rows.map(row => cells(scenario, result, row)),
  );
  return [
    `### ${title}`,
    '',
    ...[columns, columns.map((_, index) => (index < 3 ? '---' : '---:'))]
      .concat(rows)
      .map(line => `| ${line.join(' | ')} |`),
  ].join('\n');
}

function cells(scenario, { framework, body, bytes }, { name, seen, compared }) {
  const { bases, writes, burst, goals } = scenario;
  const begin = [framework, `${(bytes / 1000).toFixed(1)} KB`, name];
  if (seen.length === 0) {
    const count = 4 + 2 * bases.length + (writes ? 2 : burst ? 1 : 0);
    return [...begin, ...Array.from({ length: count }, () => '-'), ''];
  }
  const all = seen.flatMap(({ latencies }) => latencies);
  const of = key => median(seen.map(each => each[key]));
  return [
    ...begin,
    of('rate').toFixed(0),
    quantile(all, 0.5).toFixed(2),
    quantile(all, 0.99).toFixed(2),
    ...bases.map(base =>
      compared[base] ? withRange(compared[base].rate) : '-',
    ),
    (of('cpuMs') * 1000).toFixed(0),
    ...bases.map(base => compared[base]?.cpu.median.toFixed(2) ?? '-'),
    ...(writes ? [`${(of('stale') * 100).toFixed(2)} %`] : []),
    ...(writes || burst ? [of('loads').toFixed(0)] : []),
    goalText(goals({ framework, body })[name], compared),
  ];
}

function goalText(goals = {}, compared) {
  return Object.entries(goals)
    .map(([base, ratio]) => {
      const is = compared[base]?.rate.median;
      const verdict = is === undefined ? '' : is >= ratio ? ': yes' : ': no';
      return `${ratio} × ${base}${verdict}`;
    })
    .join(', ');
}
