import { describe, expect, it } from '@jest/globals';
import {
  type HeaderValue,
  parseCacheControl,
  parseVary,
} from '../../../lib/core/responses/cache-control.js';

describe('parseCacheControl', () => {
  it.each<[HeaderValue, Record<string, string | undefined>]>([
    [undefined, {}],
    ['', {}],
    [' , ,', {}],
    ['no-store', { 'no-store': undefined }],
    ['No-Store', { 'no-store': undefined }],
    ['public, max-age=60', { public: undefined, 'max-age': '60' }],
    ['public,max-age = 60', { public: undefined, 'max-age': '60' }],
    ['max-age="60"', { 'max-age': '60' }],
    ['max-age=60, max-age=10', { 'max-age': '60' }],
    [['public', 'no-store'], { public: undefined, 'no-store': undefined }],
    [
      'private="set-cookie, no-store", max-age=1',
      { private: 'set-cookie, no-store', 'max-age': '1' },
    ],
    [String.raw`ext="a\"b, no-store"`, { ext: 'a"b, no-store' }],
    ['ext=""', { ext: '' }],
    ['=, no-store', { 'no-store': undefined }],
  ])('reads %j', (value, directives) => {
    expect(Object.fromEntries(parseCacheControl(value))).toEqual(directives);
  });

  it('hides nothing behind a quotation mark that never ends', () => {
    expect(parseCacheControl('private="a, no-store').has('no-store')).toBe(
      true,
    );
  });
});

describe('parseVary', () => {
  it.each<[HeaderValue, string[]]>([
    [undefined, []],
    ['', []],
    ['*', ['*']],
    ['Accept, Accept-Language', ['accept', 'accept-language']],
    [' Accept ,,accept', ['accept']],
    [
      ['Origin', 'Accept'],
      ['origin', 'accept'],
    ],
  ])('reads %j', (value, names) => {
    expect(parseVary(value)).toEqual(names);
  });
});
