import { type Passage, type Range } from './passage.js';
import { type ConditionText } from './statement.js';

/** What gives another answer, or does something, each time that it is asked. */
const NOT_REPEATABLE = new Set([
  'CLOCK_TIMESTAMP',
  'GEN_RANDOM_UUID',
  'GET_LOCK',
  'NEXTVAL',
  'PG_SLEEP',
  'RAND',
  'RANDOM',
  'SETVAL',
  'SLEEP',
  'UUID',
]);

/**
 * The text of a condition for a SELECT of its own. PostgreSQL's `$n` are counted anew from 1, in
 * the order of `parameters`. `undefined` where a second look need not find the same rows.
 */
export function conditionText(
  { sql, dialect, words }: Passage,
  { from, to }: Range,
  alias: string | undefined,
): ConditionText | undefined {
  const parameters: (number | string)[] = [];
  let text = '';
  let copied = words[from]?.start ?? 0;
  for (let index = from; index < to; index += 1) {
    const word = words[index];
    if (word === undefined) return undefined;
    if (
      word.kind === 'variable' ||
      word.key === '??' ||
      word.key === ';' ||
      (NOT_REPEATABLE.has(word.text.toUpperCase()) &&
        words[index + 1]?.key === '(')
    ) {
      return undefined;
    }
    if (word.kind !== 'parameter') continue;
    const { at, start, end } = word;
    if (dialect !== 'postgres') {
      // The number in `?2` would mean another parameter where others are left out.
      if (typeof at === 'number' && end > start + 1) return undefined;
      if (typeof at === 'number' || !parameters.includes(at)) {
        parameters.push(at);
      }
      continue;
    }
    let position = parameters.indexOf(at);
    if (position === -1) position = parameters.push(at) - 1;
    text += `${sql.slice(copied, start)}$${position + 1}`;
    copied = end;
  }
  const last = words[to - 1];
  if (to <= from || last === undefined) return undefined;
  return { text: text + sql.slice(copied, last.end), alias, parameters };
}
