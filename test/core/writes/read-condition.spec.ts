import { describe, expect, it } from '@jest/globals';

import { analyseSql } from '../../../lib/core/writes/analyse-sql.js';
import { type Dialect } from '../../../lib/core/writes/statement.js';
import { filterText } from '../../support/analysis-text.js';

function filterOf(condition: string, dialect: Dialect, target = 't'): string {
  const sql = `DELETE FROM ${target} WHERE ${condition}`;
  const [write] = analyseSql(sql, dialect).statements[0]?.writes ?? [];
  if (write?.verb !== 'delete') throw new Error(`no delete: ${sql}`);
  return filterText(write.where);
}

const either = (column: string) =>
  `(${Array.from({ length: 400 }, (_, at) => `(${column} = ${at} AND z${at} = 1)`).join(' OR ')})`;

const everywhere: Dialect[] = ['postgres', 'mysql', 'sqlite'];

describe.each(everywhere)('a condition in %s', dialect => {
  it.each([
    ['id = 1', 'id=1'],
    ['1 = id', 'id=1'],
    ['id = -1', 'id=-1'],
    ['id = + 1', 'id=1'],
    ['id = 007', 'id=7'],
    ['id = -0', 'id=0'],
    ['id = ((1))', 'id=1'],
    ['id = 12345678901234567890', 'id=12345678901234567890'],
    ["id = 'it''s'", "id='it's'"],
    ["id = ''", "id=''"],
    ['id = NULL', 'id=null'],
    ['id IN (1, 2, 3)', 'id=1|2|3'],
    ["id IN ('a', NULL)", "id='a'|null"],
    ['(id = 1)', 'id=1'],
    ['((id = 1))', 'id=1'],
    ['id = 1 OR id = 2', 'id=1|2'],
    ['(id = 2 OR id = 3) OR id IN (4, 5)', 'id=2|3|4|5'],
    ['a = 1 AND b = 2', 'a=1&b=2'],
    ['(a = 1 AND b = 2) OR (a = 3 AND b = 4)', 'a=1&b=2 or a=3&b=4'],
    ['((a = 1 AND b = 2) OR (a = 3 AND b = 4))', 'a=1&b=2 or a=3&b=4'],
    ['(a, b) = (1, 2)', 'a=1&b=2'],
    ['(a, b) IN ((1, 2), (3, 4))', 'a=1&b=2 or a=3&b=4'],
    ['( id = 1 ) AND ( kind IN (2) )', 'id=1&kind=2'],
    ['a = 1 AND (b = 1 OR b = 2)', 'a=1&b=1|2'],
    ['a = 1 AND b = 2 OR a = 3', 'a=1&b=2 or a=3'],
    ['a = 1 OR b = 2', 'a=1 or b=2'],
    ['(a = 1 OR b = 2) AND c = 3', 'a=1&c=3 or b=2&c=3'],
    ['id = 1 AND id IN (1, 2)', 'id=1'],
    ['id = 1 AND deleted IS NULL', 'id=1'],
    ['id = 1 AND NOT done', 'id=1'],
    ["id = 1 AND name LIKE 'x%'", 'id=1'],
    ['id = 1 AND EXISTS (SELECT 1 FROM u WHERE u.id = 2)', 'id=1'],
    ['id = 1 AND (a > 1 OR b < 2)', 'id=1'],
    ['x BETWEEN 1 AND 2 AND id = 3', 'id=3'],
    ['id = 3 AND x BETWEEN 1 AND 2', 'id=3'],
    ['id = 3 AND x NOT BETWEEN 1 AND 2', 'id=3'],
    ['id /* = 9 */ = /* OR 1 = 1 */ 1 -- OR id = 2', 'id=1'],
    ['t.id = 1', 'id=1'],
    ['a = 1 AND b = (SELECT 1)', 'a=1'],
    ['(a, b) = (1, x)', 'a=1'],
  ])('%s leaves %s', (condition, filter) => {
    expect(filterOf(condition, dialect)).toBe(filter);
  });

  it.each([
    'id > 1',
    'id <> 1',
    'NOT id = 1',
    'NOT (id = 1)',
    'NOT (id = 1) AND a > 2',
    'id NOT IN (1)',
    'id = 1 OR a > 1',
    'id = 1 OR 1 = 1',
    'id = 1 OR (a = 1 OR b > 2)',
    'id = 1 OR TRUE',
    'id = 1 = 1',
    'id = 1 + 1',
    'id + 1 = 2',
    '-id = -1',
    '- t.id = 1',
    'id = 1.0',
    'id = 1e0',
    'id = id',
    'id = other',
    'id = u.x',
    'u.id = 1',
    'abs(id) = 1',
    'id = abs(1)',
    'id = (SELECT 1)',
    'id IN (SELECT 1)',
    'id IN (1, 1 + 1)',
    'id IN (1, x)',
    '(a, b) IN (SELECT 1, 2)',
    '(a, b) IN ((1, 2), (3))',
    'id = 1 IS TRUE',
    'id = 1 IS FALSE',
    'id = 1 IS NULL',
    'id IS NULL',
    '(id = 1) = (1 = 0)',
    '(id = 1) IS NOT TRUE',
    "id = 'a' COLLATE x",
    "id = 'a' || 'b'",
    'x BETWEEN 1 AND id = 5',
    'x BETWEEN 1 AND 2 OR id = 5',
    'CASE WHEN id = 1 AND id = 5 THEN 1 END',
    'CASE WHEN a = 1 AND id = 5 AND b = 2 THEN 0 ELSE 1 END',
    'CASE WHEN a THEN 0 ELSE 1 END = 1 AND id > 5',
    'id = CASE WHEN a THEN 1 ELSE 2 END',
    'CASE WHEN a = 1 OR id = 2 THEN 0 ELSE 1 END = 1 OR id = 3',
    '1 = 1',
    'TRUE',
    'id',
    'id =',
    '= 1',
    'id = 1 AND',
    'OR id = 1',
    'id = 1 OR',
    'id = 1 AND OR id = 2',
    '',
    'CURRENT_DATE = 1',
    'current_user = 1',
    "DATE '2020-01-01' = d",
    'id IN ()',
    'NOT id IN (1)',
    'EXISTS (SELECT 1 WHERE id = 1)',
  ])('%s may match every row', condition => {
    expect(filterOf(condition, dialect)).toBe('*');
  });

  it('takes a column by the alias or, where there is none, the name of the table', () => {
    expect(filterOf('x.id = 1', dialect, 't AS x')).toBe('id=1');
    expect(filterOf('t.id = 1', dialect, 't AS x')).toBe('*');
    expect(filterOf('s.t.id = 1', dialect, 's.t')).toBe('id=1');
    expect(filterOf('s.t.id = 1', dialect, 't')).toBe('id=1');
    expect(filterOf('r.t.id = 1', dialect, 's.t')).toBe('*');
    expect(filterOf('t.id.x.y = 1', dialect)).toBe('*');
  });

  it('reads thousands of values and alternatives in a moment', () => {
    const ids = Array.from({ length: 10_000 }, (_, at) => at);
    const pairs = ids.slice(0, 5000).map(at => `(a = ${at} AND b = 2)`);
    const texts = [
      `id IN (${ids.join(', ')})`,
      pairs.join(' OR '),
      `(${pairs.join(' OR ')}) AND kind = 1`,
      ids.map(id => `id = ${id}`).join(' OR '),
      `(a, b) IN (${ids.map(at => `(${at}, 1)`).join(', ')})`,
    ];
    const started = performance.now();
    for (const text of texts) expect(filterOf(text, dialect)).not.toBe('*');
    // A machine under load may be ten times as slow; a quadratic reader is a thousand times.
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('gives up a part, soundly, where ORs within ANDs multiply', () => {
    const filter = filterOf(
      `${either('a')} AND ${either('b')} AND ${either('c')} AND id = 1`,
      dialect,
    );
    expect(filter.split(' or ')).toHaveLength(400);
    expect(filter).toContain('id=1');
  });

  it('pins nothing in brackets that are too deep to read', () => {
    const deep = `${'('.repeat(5000)}id = 1${')'.repeat(5000)}`;
    expect(filterOf(deep, dialect)).toBe('*');
    expect(filterOf(`id = 1 AND ${deep}`, dialect)).toBe('id=1');
  });
});

describe('a condition in one dialect only', () => {
  it.each<[Dialect, string, string]>([
    ['postgres', 'id = $2', 'id=?1'],
    ['postgres', 'id IN ($2, $3)', 'id=?1|?2'],
    ['postgres', '"id" = $1::uuid', 'id=?0'],
    ['postgres', "id = 'x'::text", "id='x'"],
    ['postgres', "id = 'x'::character varying", "id='x'"],
    ['postgres', 'id = CAST($1 AS int)', 'id=?0'],
    ['postgres', 'id = 1::bigint', 'id=1'],
    ['postgres', 'id = ANY($1)', 'id=...?0'],
    ['postgres', 'id = ANY($1::int[])', 'id=...?0'],
    ['postgres', 'id = SOME($2)', 'id=...?1'],
    ['postgres', 'ID = 1', 'id=1'],
    ['postgres', '"ID" = 1', 'ID=1'],
    ['postgres', 'T.id = 1', 'id=1'],
    ['postgres', '"T".id = 1', '*'],
    ['postgres', 'id = TRUE', 'id=true'],
    ['postgres', "id = E'x'", "id='x'"],
    ['postgres', "id = $$it's$$", "id='it's'"],
    ['postgres', "id = 'a'\n'b'", "id='ab'"],
    ['postgres', "id = 'a' 'b'", '*'],
    ['postgres', "id = E'\\x41'", '*'],
    ['postgres', "id = 'a\\b'", '*'],
    ['postgres', 'id=-1', 'id=-1'],
    ['postgres', 'id=$1AND a>1', 'id=?0'],
    ['postgres', 'id = 1OR a > 1', '*'],
    ['postgres', 'id = 1.5::int', '*'],
    ['postgres', "id = 'x'::char(3)", '*'],
    ['postgres', "id = 'x'::varchar(3)", '*'],
    ['postgres', "id = 'X'::uuid::text", '*'],
    ['postgres', 'id = TRUE::int', '*'],
    ['postgres', 'id::text = $1', '*'],
    ['postgres', 'id = ALL($1)', '*'],
    ['postgres', 'id <> ANY($1)', '*'],
    ['postgres', "id = ANY('{1,2}')", '*'],
    ['postgres', 'id = ANY(ARRAY[1,2])', '*'],
    ['postgres', 'id = ANY(SELECT 1)', '*'],
    ['postgres', "user = 'bob'", '*'],
    ['postgres', `"user" = 'bob'`, "user='bob'"],
    ['postgres', 'id =@ 1', '*'],
    ['postgres', "X'01' = id", '*'],
    ['postgres', 'tags && $1 AND id = 1', 'id=1'],
    ['postgres', "data ? 'k' AND id = 1", 'id=1'],
    ['postgres', "data @> '{}' AND id = 1", 'id=1'],
    ['postgres', 'id = 1 AND a IS DISTINCT FROM 2', 'id=1'],
    ['mysql', 'id = ?', 'id=?0'],
    ['mysql', '`id` IN (?, ?)', 'id=?0|?1'],
    ['mysql', "name = 'what?' AND id = ?", "name='what?'"],
    ['mysql', 'id = ? /* why? */ AND a = ?', 'id=?0'],
    ['mysql', 'T.id = 1', 'id=1'],
    ['mysql', 'id = 1 && a = 2', 'id=1&a=2'],
    ['mysql', 'id = 1 || a', '*'],
    ['mysql', 'a = 1 AND id = 2 || b', '*'],
    ['mysql', 'id = 1 XOR a', '*'],
    ['mysql', 'id = 1 AND a XOR b', '*'],
    ['mysql', '(a XOR b) AND id = 1', 'id=1'],
    ['mysql', 'id <=> 1', '*'],
    ['mysql', '! id = 1', '*'],
    ['mysql', 'id = !1', '*'],
    ['mysql', 'id = "x"', '*'],
    ['mysql', '"id" = 1', '*'],
    ['mysql', "id = 'x' 'y'", '*'],
    ['mysql', "id = 'a\\'b'", '*'],
    ['mysql', "id = N'x'", "id='x'"],
    ['mysql', "id = _utf8mb4'x'", "id='x'"],
    ['mysql', "id = _latin1'x'", '*'],
    ['mysql', 'id = 0x31', '*'],
    ['mysql', "id = x'31'", '*'],
    ['mysql', 'id = 1st', '*'],
    ['mysql', 'id = @x', '*'],
    ['mysql', '@x := id = 1', '*'],
    ['mysql', 'BINARY id = 1', '*'],
    ['mysql', 'id = 1--1', '*'],
    ['mysql', 'id = 1 -- 1', 'id=1'],
    ['mysql', 'id = 1 # OR 1', 'id=1'],
    ['mysql', 'id IN (?) AND ?? = 1', '*'],
    ['mysql', 'id = CAST(? AS SIGNED)', '*'],
    ['sqlite', 'id = ?', 'id=?0'],
    ['sqlite', 'id IN (?, ?5, ?)', 'id=?0|?4|?5'],
    ['sqlite', 'id = :id', 'id=?:id'],
    ['sqlite', 'id IN (@a, $b, ?)', 'id=?@a|?$b|?2'],
    ['sqlite', '[id] == 1', 'id=1'],
    ['sqlite', '`id` = 1', 'id=1'],
    ['sqlite', 'id IS 1', '*'],
    ['sqlite', 'id = "x"', '*'],
    ['sqlite', "'id' = 1", '*'],
    ['sqlite', 'id = TRUE', '*'],
    ['sqlite', "id = 'a\\'", "id='a\\'"],
    ['sqlite', 'id = CAST(? AS INTEGER)', '*'],
    ['sqlite', 'id IN t2', '*'],
    ['sqlite', "id = x'31'", '*'],
  ])('in %s, %s leaves %s', (dialect, condition, filter) => {
    expect(filterOf(condition, dialect)).toBe(filter);
  });
});
