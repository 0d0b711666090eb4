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
  const known = new Map<number | string, number>();
  let text = '';
  let copied = words[from]?.start ?? 0;
  for (let index = from; index < to; index += 1) {
    const word = words[index];
    if (word === undefined) return undefined;
    if (
      word.kind === 'variable' ||
      word.key === '??' ||
      word.key === ';' ||
      (words[index + 1]?.key === '(' &&
        NOT_REPEATABLE.has(word.text.toUpperCase()))
    ) {
      return undefined;
    }
    if (word.kind !== 'parameter') continue;
    const { at, start, end } = word;
    if (at === -1) return undefined;
    // The number in `?2` would mean another parameter where others are left out.
    if (dialect === 'sqlite' && typeof at === 'number' && end > start + 1) {
      return undefined;
    }
    const isNew = !known.has(at);
    if (isNew) known.set(at, parameters.push(at));
    if (dialect !== 'postgres') continue;
    text += `${sql.slice(copied, start)}$${known.get(at)}`;
    copied = end;
  }
  const last = words[to - 1];
  if (to <= from || last === undefined) return undefined;
  return { text: text + sql.slice(copied, last.end), alias, parameters };
}
