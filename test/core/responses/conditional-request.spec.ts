import { describe, expect, it } from '@jest/globals';
import {
  type Conditions,
  entityTagsIn,
  isNotModified,
  type Validators,
} from '../../../lib/core/responses/conditional-request.js';

const none: Conditions = {
  ifNoneMatch: undefined,
  ifModifiedSince: undefined,
};
const bare: Validators = { entityTag: undefined, lastModified: undefined };

const EARLY = 'Tue, 15 Nov 1994 08:12:31 GMT';
const LATE = 'Wed, 16 Nov 1994 08:12:31 GMT';

describe('entityTagsIn', () => {
  it.each([
    [undefined, []],
    ['', []],
    ['*', []],
    ['abc', []],
    ['"a"', ['"a"']],
    ['""', ['""']],
    ['W/"a", "b" ,W/"c,d"', ['W/"a"', '"b"', 'W/"c,d"']],
    [
      ['"a"', 'W/"b"'],
      ['"a"', 'W/"b"'],
    ],
    ['"open', []],
  ])('of %j are %j', (value, tags) => {
    expect(entityTagsIn(value)).toEqual(tags);
  });
});

describe('isNotModified', () => {
  it.each<[string, Partial<Conditions>, Partial<Validators>, boolean]>([
    ['nothing', {}, { entityTag: '"a"' }, false],
    ['the same tag', { ifNoneMatch: '"a"' }, { entityTag: '"a"' }, true],
    ['a weak one', { ifNoneMatch: 'W/"a"' }, { entityTag: '"a"' }, true],
    ['a strong one', { ifNoneMatch: '"a"' }, { entityTag: 'W/"a"' }, true],
    ['another', { ifNoneMatch: '"b"' }, { entityTag: '"a"' }, false],
    ['one in a list', { ifNoneMatch: '"b", "a"' }, { entityTag: '"a"' }, true],
    ['any', { ifNoneMatch: '*' }, {}, true],
    ['a tag and no tag', { ifNoneMatch: '"a"' }, {}, false],
    ['an equal date', { ifModifiedSince: LATE }, { lastModified: LATE }, true],
    ['a later date', { ifModifiedSince: LATE }, { lastModified: EARLY }, true],
    [
      'an earlier date',
      { ifModifiedSince: EARLY },
      { lastModified: LATE },
      false,
    ],
    ['a wrong date', { ifModifiedSince: 'x' }, { lastModified: EARLY }, false],
    ['a date and no date', { ifModifiedSince: LATE }, {}, false],
    [
      'another tag and a later date',
      { ifNoneMatch: '"b"', ifModifiedSince: LATE },
      { entityTag: '"a"', lastModified: EARLY },
      false,
    ],
  ])('judges %s', (_, conditions, validators, answer) => {
    expect(
      isNotModified({ ...none, ...conditions }, { ...bare, ...validators }),
    ).toBe(answer);
  });
});
