import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  prepareResource,
  resourceKey,
  type ResourceParts,
} from '../../../lib/core/responses/resource.js';
import { sameValue } from '../keys/any-value.js';

const parts: ResourceParts = {
  route: 'UsersController.findOne',
  mode: 'http',
  release: undefined,
  scope: 'shared',
  query: 'all',
  scheme: 'https',
  authority: 'example.org',
  path: '/users/1',
  rawQuery: '',
  vary: [],
  variant: undefined,
  principal: undefined,
};
const keyWith = (changed: Partial<ResourceParts>): string =>
  resourceKey({ ...parts, ...changed });

describe('resourceKey', () => {
  it.each<[string, Partial<ResourceParts>, Partial<ResourceParts>]>([
    ['two routes', { route: 'a' }, { route: 'b' }],
    ['two modes', { mode: 'http' }, { mode: 'value' }],
    ['no release and one', {}, { release: '1' }],
    ['two releases', { release: '1' }, { release: '2' }],
    ['two scopes', { scope: 'shared' }, { scope: 'anonymous' }],
    ['two schemes', { scheme: 'http' }, { scheme: 'https' }],
    ['two hosts', { authority: 'a.org' }, { authority: 'b.org' }],
    ['two ports', { authority: 'a.org:1' }, { authority: 'a.org:2' }],
    ['two paths', { path: '/a' }, { path: '/A' }],
    ['two queries', { rawQuery: 'a=1' }, { rawQuery: 'a=2' }],
    ['nobody and the principal ""', {}, { principal: '' }],
    ['nobody and the principal "undefined"', {}, { principal: 'undefined' }],
    ['the principals 1 and "1"', { principal: 1 }, { principal: '1' }],
    ['two variants', { variant: { a: 1 } }, { variant: { a: 2 } }],
    [
      'an absent and an empty header',
      { vary: [['accept', undefined]] },
      { vary: [['accept', '']] },
    ],
    [
      'one header line and two',
      { vary: [['accept', 'a, b']] },
      { vary: [['accept', ['a', 'b']]] },
    ],
    [
      'a value in one header and in another',
      {
        vary: [
          ['a', 'x'],
          ['b', undefined],
        ],
      },
      {
        vary: [
          ['a', undefined],
          ['b', 'x'],
        ],
      },
    ],
    [
      'a path and a host that join to one text',
      { authority: 'a', path: 'b/c' },
      { authority: 'ab', path: '/c' },
    ],
    ['a principal and a variant', { principal: 'a' }, { variant: 'a' }],
    [
      'what two policies leave of two queries',
      { query: ['a'], rawQuery: 'a=1&b=2' },
      { query: 'all', rawQuery: 'a=1' },
    ],
  ])('keeps %s apart', (_, one, other) => {
    expect(keyWith(one)).not.toBe(keyWith(other));
  });

  it.each<[string, Partial<ResourceParts>, Partial<ResourceParts>]>([
    ['the case of the host', { authority: 'A.org' }, { authority: 'a.org' }],
    [
      'the case of header names',
      { vary: [['A', 'x']] },
      { vary: [['a', 'x']] },
    ],
    [
      'the order of parameters',
      { rawQuery: 'a=1&b=2' },
      { rawQuery: 'b=2&a=1' },
    ],
    [
      'the order of a policy',
      { query: ['a', 'b'] },
      { query: ['b', 'a', 'b'] },
    ],
    [
      'parameters that are not listed',
      { query: ['a'], rawQuery: 'a=1&utm=x' },
      { query: ['a'], rawQuery: 'a=1' },
    ],
    [
      'the order in a variant',
      { variant: { a: 1, b: 2 } },
      { variant: { b: 2, a: 1 } },
    ],
  ])('does not count %s', (_, one, other) => {
    expect(keyWith(one)).toBe(keyWith(other));
  });

  it('is the same exactly where all parts are', () => {
    const text = fc.constantFrom('', 'a', '"', ',', '[', '\ud800', '\ud801');
    const anyParts = fc.record({
      route: text,
      mode: text,
      release: fc.option(text, { nil: undefined }),
      scope: fc.constantFrom('anonymous', 'shared', 'principal'),
      query: fc.constant('all' as const),
      scheme: text,
      authority: text,
      path: text,
      rawQuery: fc.constantFrom('', 'a', '"', 'a='),
      vary: fc.array(
        fc.tuple(
          text,
          fc.option(fc.oneof(text, fc.array(text, { maxLength: 2 })), {
            nil: undefined,
          }),
        ),
        { maxLength: 2 },
      ),
      variant: fc.option(text, { nil: undefined }),
      principal: fc.oneof(fc.constant(undefined), fc.constant(1), text),
    });
    // Changing few parts of one, instead of making two, lets equal ones come up.
    const pair = anyParts.chain(one =>
      fc.tuple(
        fc.constant(one),
        anyParts.chain(other =>
          fc
            .subarray(Object.keys(one) as (keyof typeof one)[], {
              maxLength: 2,
            })
            .map(names => ({
              ...one,
              ...Object.fromEntries(names.map(name => [name, other[name]])),
            })),
        ),
      ),
    );
    fc.assert(
      fc.property(pair, ([one, other]) => {
        expect(resourceKey(one) === resourceKey(other)).toBe(
          sameValue(one, other),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('has one form', () => {
    expect(keyWith({})).toMatch(/^alkey:response:2:[\w-]{43}$/);
  });

  it('says what it cannot tell requests apart by', () => {
    expect(() => keyWith({ variant: { now: () => 1 } })).toThrow(
      expect.objectContaining({
        code: 'ALKEY_UNENCODABLE_PART',
        message: expect.stringContaining(
          'Could not make a key of what the answer varies by at .now',
        ),
      }),
    );
  });
});

describe('prepareResource', () => {
  it('makes the same keys as the whole', () => {
    const keyOf = prepareResource(parts);
    expect(keyOf(parts)).toBe(resourceKey(parts));
    expect(keyOf({ ...parts, path: '/users/2' })).toBe(
      keyWith({ path: '/users/2' }),
    );
  });
});
