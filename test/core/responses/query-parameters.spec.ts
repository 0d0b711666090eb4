import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parse } from 'node:querystring';
import {
  normaliseQuery,
  type QueryPolicy,
} from '../../../lib/core/responses/query-parameters.js';

const all = (query: string): string => normaliseQuery(query, 'all');

const written = (pairs: [string, string][]): string =>
  pairs.map(pair => pair.map(encodeURIComponent).join('=')).join('&');

describe('normaliseQuery', () => {
  it.each([
    ['the order of parameters', 'a=1&b=2', 'b=2&a=1'],
    ['escapes of plain letters', '%61=%62', 'a=b'],
    ['the case of escapes', 'a=%c3%a9', 'a=%C3%A9'],
    ['how a space is written', 'a=x+y', 'a=x%20y'],
    ['how a space is written in a name', 'a+b=1', 'a%20b=1'],
    ['empty segments', '&a=1&&b=2&', 'a=1&b=2'],
    ['escaped brackets', 'a%5B%5D=1', 'a[]=1'],
  ])('does not count %s', (_, one, other) => {
    expect(all(one)).toBe(all(other));
  });

  it.each([
    ['two values', 'a=1', 'a=2'],
    ['two names', 'a=1', 'b=1'],
    ['no value and an empty one', 'a', 'a='],
    ['one and two', 'a=1', 'a=1&a=1'],
    ['repetitions in another order', 'a=1&a=2', 'a=2&a=1'],
    ['an escaped and a plain &', 'a=1%26b=2', 'a=1&b=2'],
    ['an escaped and a plain =', 'a%3D1', 'a=1'],
    ['an escaped and a plain +', 'a=%2B', 'a=+'],
    ['a malformed escape and what looks like it', 'a=%zz', 'a=%25zz'],
    ['two malformed escapes', 'a=%zz', 'a=%zy'],
    ['an invalid byte and the replacement character', 'a=%FF', 'a=%EF%BF%BD'],
    ['elements whose order parsers keep', 'a[]=1&a=2', 'a=2&a[]=1'],
    ['a nested name first or last', 'a[b]=1&a=2', 'a=2&a[b]=1'],
    ['a name in brackets first or last', '[a]=1&a=2', 'a=2&[a]=1'],
    ['a name with a dot first or last', 'a.b=1&a=2', 'a=2&a.b=1'],
    ['nothing and a nameless parameter', '', '='],
  ])('keeps %s apart', (_, one, other) => {
    expect(all(one)).not.toBe(all(other));
  });

  it('never gives one text to queries that Node parses differently', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '[',
      ']',
      '=',
      '&',
      '+',
      '%61',
      '%20',
      '%25',
      '%',
      '%z',
      '%C3',
      '%A9',
      '"',
      ',',
      '.',
    );
    const query = fc
      .array(piece, { maxLength: 6 })
      .map(parts => parts.join(''));
    fc.assert(
      fc.property(
        fc.array(query, { minLength: 50, maxLength: 50 }),
        queries => {
          const firstOf = new Map<string, string>();
          for (const one of queries) {
            const alike = firstOf.get(all(one)) ?? one;
            firstOf.set(all(one), alike);
            expect(parse(one)).toEqual(parse(alike));
          }
        },
      ),
    );
  });

  it('gives one text to the same parameters in any order', () => {
    const parameters = fc.uniqueArray(
      fc.tuple(fc.string({ minLength: 1 }), fc.string()),
      { selector: ([name]) => /^[^.[\]]*/.exec(name)![0] },
    );
    fc.assert(
      fc.property(parameters, pairs => {
        fc.pre(pairs.every(([name]) => !/^[.[\]]/.test(name)));
        expect(all(written(pairs.toReversed()))).toBe(all(written(pairs)));
      }),
    );
  });

  it.each<[string, QueryPolicy, string, string]>([
    ['drops what is not listed', ['a'], 'a=1&b=2', 'a=1'],
    ['drops everything for an empty list', [], 'a=1&b=2', ''],
    ['reads escaped names', ['a'], '%61=1&%62=2', 'a=1'],
  ])('%s', (_, policy, one, other) => {
    expect(normaliseQuery(one, policy)).toBe(normaliseQuery(other, policy));
  });

  it.each<[string, string[], string]>([
    ['nested under a listed name', ['filter'], 'filter[status]=open'],
    ['beside a listed nested name', ['filter[status]'], 'filter[status][]=x'],
    ['listed in brackets', ['a'], '[a]=1'],
    ['escaped', ['filter'], 'filter%5Bstatus%5D=open'],
    ['with a malformed value', ['a'], 'a=%zz'],
    ['with a space in the name', ['a b'], 'a+b=1'],
  ])('counts a parameter %s', (_, policy, query) => {
    expect(normaliseQuery(query, policy)).not.toBe(normaliseQuery('', policy));
  });

  it('counts everything where a parser may drop parameters for their number', () => {
    const many = 'x&'.repeat(1000);
    expect(normaliseQuery(`${many}page=2`, ['page'])).not.toBe(
      normaliseQuery('page=2', ['page']),
    );
    expect(all(`${many}page=2`)).not.toBe(all(`page=2&${many.slice(0, -1)}`));
  });
});
