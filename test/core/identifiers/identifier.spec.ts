import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';

import {
  everyRowIdentifier,
  EVERYTHING,
  hasIdentifierForm,
  insertingIdentifier,
  parseIdentifier,
  rowIdentifier,
  type TableId,
  tableId,
  tableIdentifier,
} from '../../../lib/core/identifiers/identifier.js';

/** Any text a database can hold, often one that looks like a piece of an identifier. */
const name = fc.oneof(
  fc.constantFrom(
    '*',
    '**',
    '+',
    '%2A',
    '%2a',
    '%',
    'a.b',
    '.',
    'a/b',
    '/',
    '#',
    'a#1',
    '1,2',
    ',',
    ':id',
    'alkey:users#1',
    'default',
    "it's",
    '(1)!',
    '😀',
    'é',
  ),
  fc.string({ unit: 'grapheme', minLength: 1 }),
  fc.string({ unit: 'binary', minLength: 1 }).map(text => text.toWellFormed()),
);
const value = fc.oneof(fc.constant(''), name);

interface Place {
  readonly table: string;
  readonly schema: string | undefined;
  readonly dataSource: string;
}
const place: fc.Arbitrary<Place> = fc.record({
  table: name,
  schema: fc.option(name, { nil: undefined }),
  dataSource: fc.oneof(fc.constant('default'), name),
});

function idOf({ table, schema, dataSource }: Place): TableId {
  return tableId(table, schema, dataSource);
}

function sameTexts(
  left: readonly unknown[],
  right: readonly unknown[],
): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

describe('identifiers', () => {
  it.each([
    [tableIdentifier(tableId('users')), 'alkey:users#*'],
    [everyRowIdentifier(tableId('users')), 'alkey:users#**'],
    [insertingIdentifier(tableId('users')), 'alkey:users#+'],
    [rowIdentifier(tableId('users'), ['1']), 'alkey:users#1'],
    [rowIdentifier(tableId('things', 'lab2'), ['1']), 'alkey:lab2.things#1'],
    [
      rowIdentifier(tableId('users', undefined, 'reports'), ['1']),
      'alkey:reports/users#1',
    ],
    [
      rowIdentifier(tableId('prices'), ['-1.5', 'a~b_c']),
      'alkey:prices#-1.5,a~b_c',
    ],
    [
      rowIdentifier(tableId('order lines'), ['a b', "!'()*"]),
      'alkey:order%20lines#a%20b,%21%27%28%29%2A',
    ],
    [rowIdentifier(tableId('users'), ['']), 'alkey:users#'],
    [EVERYTHING, 'alkey:*#*'],
  ])('read %s as they are documented', (identifier, text) => {
    expect(identifier).toBe(text);
  });

  it('give back what they were built from', () => {
    fc.assert(
      fc.property(place, fc.array(value, { minLength: 1 }), (at, values) => {
        const table = idOf(at);
        expect(parseIdentifier(rowIdentifier(table, values))).toEqual({
          kind: 'row',
          table,
          values,
        });
        expect(parseIdentifier(tableIdentifier(table))).toEqual({
          kind: 'table',
          table,
        });
        expect(parseIdentifier(everyRowIdentifier(table))).toEqual({
          kind: 'every-row',
          table,
        });
        expect(parseIdentifier(insertingIdentifier(table))).toEqual({
          kind: 'inserting',
          table,
        });
      }),
    );
    expect(parseIdentifier(EVERYTHING)).toEqual({ kind: 'everything' });
  });

  it('are never shared by different tables, schemas or data sources', () => {
    fc.assert(
      fc.property(place, place, (left, right) => {
        const same = sameTexts(
          [left.table, left.schema, left.dataSource],
          [right.table, right.schema, right.dataSource],
        );
        expect(idOf(left) === idOf(right)).toBe(same);
      }),
    );
    expect(tableId('a.b')).not.toBe(tableId('b', 'a'));
    expect(tableId('c', 'a.b')).not.toBe(tableId('b.c', 'a'));
    expect(tableId('b', undefined, 'a')).not.toBe(tableId('a/b'));
  });

  it('are never shared by different rows, nor by a row and a table', () => {
    const values = fc.array(value, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(place, values, values, (at, left, right) => {
        const table = idOf(at);
        const identifier = rowIdentifier(table, left);
        expect(identifier === rowIdentifier(table, right)).toBe(
          sameTexts(left, right),
        );
        expect([
          EVERYTHING,
          tableIdentifier(table),
          everyRowIdentifier(table),
          insertingIdentifier(table),
        ]).not.toContain(identifier);
      }),
    );
  });

  it('have nothing in them but their separators and characters that need no escape', () => {
    fc.assert(
      fc.property(place, fc.array(value, { minLength: 1 }), (at, values) => {
        expect(rowIdentifier(idOf(at), values)).toMatch(
          /^alkey:[\w.~%/-]+#[\w.~%,-]*$/,
        );
      }),
    );
  });

  it('are the same however their characters are spelt', () => {
    const spelt = fc
      .tuple(name, name, fc.func(fc.constantFrom('kept', 'upper', 'lower')))
      .map(([table, row, style]) => {
        const respell = (text: string): string =>
          [...text]
            .map((character, index) => {
              const bytes = [...Buffer.from(character)];
              const hex = bytes
                .map(byte => `%${byte.toString(16).padStart(2, '0')}`)
                .join('');
              const how = style(index, text);
              if (how === 'lower') return hex.toLowerCase();
              return how === 'upper' || !/[\w~-]/.test(character)
                ? hex.toUpperCase()
                : character;
            })
            .join('');
        return {
          text: `alkey:${respell(table)}#${respell(row)}`,
          expected: rowIdentifier(tableId(table), [row]),
        };
      });
    fc.assert(
      fc.property(spelt, ({ text, expected }) => {
        const parsed = parseIdentifier(text);
        if (parsed?.kind !== 'row') throw new Error(`no row: ${text}`);
        expect(rowIdentifier(parsed.table, parsed.values)).toBe(expected);
      }),
    );
  });

  it('keep the dot between schema and table apart from one in a name', () => {
    expect(parseIdentifier('alkey:lab2.things#1')).toMatchObject({
      table: tableId('things', 'lab2'),
    });
    expect(parseIdentifier('alkey:lab2%2ethings#1')).toMatchObject({
      table: tableId('lab2.things'),
    });
    expect(parseIdentifier('alkey:my.app/lab2.things#1')).toMatchObject({
      table: tableId('things', 'lab2', 'my.app'),
    });
  });

  it('leave the default data source out, though one may type it', () => {
    expect(parseIdentifier('alkey:default/users#1')).toMatchObject({
      table: tableId('users'),
    });
  });

  it('name half a surrogate pair as the character that drivers send for it', () => {
    expect(rowIdentifier(tableId('a\ud800'), ['\udc00'])).toBe(
      rowIdentifier(tableId('a\ufffd'), ['\ufffd']),
    );
  });

  it.each([
    '',
    'users#1',
    'alkey:',
    'alkey:users',
    'alkey:#1',
    'alkey:*#1',
    'alkey:*#**',
    'alkey:*#+',
    'alkey:/users#1',
    'alkey:a/b/c#1',
    'alkey:users#1#2',
    'alkey:users#***',
    'alkey:users#1,*',
    'alkey:users#a b',
    'alkey:users#%2',
    'alkey:users#%zz',
    'alkey:üsers#1',
    'ALKEY:users#1',
    'alkey:users#1\n',
  ])('refuse %j', text => {
    expect(parseIdentifier(text)).toBeUndefined();
  });

  it('refuse escapes that are no UTF-8', () => {
    for (const text of ['alkey:users#%ff', 'alkey:%ed%a0%80#1']) {
      expect(hasIdentifierForm(text)).toBe(true);
      expect(parseIdentifier(text)).toBeUndefined();
    }
  });

  it('never throw, whatever the text', () => {
    const piece = fc.constantFrom(
      ...'alkey: * ** + # , . / % %2A %ff %61 users 1 é :id'.split(' '),
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece).map(pieces => `alkey:${pieces.join('')}`),
    );
    fc.assert(
      fc.property(text, any => {
        const parsed = parseIdentifier(any);
        expect(parsed === undefined || hasIdentifierForm(any)).toBe(true);
      }),
    );
  });
});
