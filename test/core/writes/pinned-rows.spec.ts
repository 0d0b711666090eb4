import { describe, expect, it } from '@jest/globals';

import { type KeyKind } from '../../../lib/core/identifiers/key-value.js';
import { analyseSql } from '../../../lib/core/writes/analyse-sql.js';
import { type Parameters } from '../../../lib/core/writes/operand-value.js';
import {
  columnsPinned,
  rowsPinned,
} from '../../../lib/core/writes/pinned-rows.js';
import { type Dialect } from '../../../lib/core/writes/statement.js';
import { coreSchema, keyColumn } from '../../support/core-schema.js';

const TEXT: KeyKind = { kind: 'text', fold: 'none', trailingSpace: 'keep' };
const ID = [keyColumn('id')];
const CODE = [keyColumn('code', TEXT)];
const PAIR = [keyColumn('tenant', TEXT), keyColumn('id')];

interface Given {
  readonly key?: typeof ID;
  readonly parameters?: Parameters;
  readonly limit?: number;
  readonly dialect?: Dialect;
}

function pinned(
  condition: string,
  { key = ID, parameters, limit = 1000, dialect = 'postgres' }: Given = {},
): readonly (readonly string[])[] | undefined {
  const [statement] = analyseSql(
    `DELETE FROM users ${condition}`,
    dialect,
  ).statements;
  const [write] = statement?.writes ?? [];
  if (write?.verb !== 'delete') throw new Error(`no delete: ${condition}`);
  const schema = coreSchema(['users'], [], dialect !== 'postgres');
  return rowsPinned(write.where, key, parameters, schema, limit);
}

describe('the keys that a condition allows', () => {
  it.each<[string, Given, readonly (readonly string[])[]]>([
    ['WHERE id = 1', {}, [['1']]],
    ['WHERE id = $1', { parameters: ['01'] }, [['1']]],
    ['WHERE id = $2', { parameters: ['x', 7n] }, [['7']]],
    ['WHERE id IN (1, $1, 3)', { parameters: [2] }, [['1'], ['2'], ['3']]],
    ['WHERE id = ANY($1)', { parameters: [[1, '2']] }, [['1'], ['2']]],
    ['WHERE id = ANY($1)', { parameters: [[]] }, []],
    ['WHERE id = 1 OR id = 2', {}, [['1'], ['2']]],
    ["WHERE id = 1 AND name LIKE 'a%'", {}, [['1']]],
    ['WHERE id = NULL', {}, []],
    ['WHERE id = $1', { parameters: [null] }, []],
    ['WHERE id IN (1, NULL)', {}, [['1']]],
    ["WHERE code = 'a,b'", { key: CODE }, [['a,b']]],
    ["WHERE id = 2 AND tenant = 'a'", { key: PAIR }, [['a', '2']]],
    [
      "WHERE tenant IN ('a', 'b') AND id IN (1, 2)",
      { key: PAIR },
      [
        ['a', '1'],
        ['a', '2'],
        ['b', '1'],
        ['b', '2'],
      ],
    ],
    [
      "WHERE (tenant = 'a' AND id = 1) OR (tenant = 'b' AND id = 2)",
      { key: PAIR },
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    ['WHERE ID = 1', { dialect: 'sqlite' }, [['1']]],
    [
      'WHERE id IN (?)',
      { dialect: 'mysql', parameters: [[1, 2]] },
      [['1'], ['2']],
    ],
    [
      'WHERE id = :id',
      { dialect: 'sqlite', parameters: { ':id': 5 } },
      [['5']],
    ],
  ])('%s', (condition, given, expected) => {
    expect(pinned(condition, given)).toEqual(expected);
  });

  it.each<[string, string, Given]>([
    ['there is no condition', '', {}],
    ['it is about another column', 'WHERE age = 1', {}],
    ['one alternative is about another column', 'WHERE id = 1 OR age = 1', {}],
    ['a part of the key is missing', "WHERE tenant = 'a'", { key: PAIR }],
    [
      'the value is none of the column',
      "WHERE id = '1x'",
      { dialect: 'mysql' },
    ],
    ['the value is a number in a text column', 'WHERE code = 1', { key: CODE }],
    ['a parameter is missing', 'WHERE id = $1', { parameters: [] }],
    ['there are no parameters', 'WHERE id = $1', {}],
    ['a parameter is undefined', 'WHERE id = $1', { parameters: [undefined] }],
    ['a parameter is an object', 'WHERE id = $1', { parameters: [{ id: 1 }] }],
    [
      'a named parameter is missing',
      'WHERE id = :id',
      { dialect: 'sqlite', parameters: { id: 5 } },
    ],
    [
      'a list of one is no value of the column',
      'WHERE id = ANY($1)',
      { parameters: [[1, 'x']] },
    ],
    [
      "a list comes in PostgreSQL's own notation",
      'WHERE code = ANY($1)',
      { key: CODE, parameters: ['{a,b}'] },
    ],
    [
      'the database compares numbers that a double cannot keep',
      'WHERE id = $1',
      { parameters: [2 ** 53] },
    ],
    ['the table has no key', 'WHERE id = 1', { key: [] }],
  ])('are not told where %s', (_, condition, given) => {
    expect(pinned(condition, given)).toBeUndefined();
  });

  it.each([
    ['WHERE id = 1', 0, undefined],
    ['WHERE id = NULL', 0, []],
    ['WHERE id IN (1, 2)', 1, undefined],
    ['WHERE id = 1 OR id = 2', 1, undefined],
    ['WHERE id IN (1, 2)', 2, [['1'], ['2']]],
  ])('of %s and at most %i', (condition, limit, expected) => {
    expect(pinned(condition, { limit })).toEqual(expected);
  });

  it('are not told, nor made, where two lists have too many combinations', () => {
    const many = Array.from({ length: 20_000 }, (_, index) => index);
    const startedMs = performance.now();
    const found = pinned('WHERE tenant = ANY($1) AND id = ANY($2)', {
      key: PAIR,
      parameters: [many.map(String), many],
    });
    expect(found).toBeUndefined();
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });

  it('are told for columns that are no key, too', () => {
    const where = [new Map([['user_id', [{ kind: 'null' } as const]]])];
    const columns = [{ name: 'user_id', kind: { kind: 'integer' } as const }];
    const schema = coreSchema(['orders']);
    expect(columnsPinned(where, columns, [], schema, 10)).toEqual([]);
    expect(columnsPinned(undefined, columns, [], schema, 10)).toBeUndefined();
  });
});
