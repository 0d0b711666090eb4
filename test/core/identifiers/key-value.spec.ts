import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';

import {
  canonicalKeyValue,
  type KeyKind,
} from '../../../lib/core/identifiers/key-value.js';

const INTEGER: KeyKind = { kind: 'integer' };
const UNSIGNED: KeyKind = { kind: 'integer', unsigned: true };
const DECIMAL: KeyKind = { kind: 'decimal' };
const UUID: KeyKind = { kind: 'uuid' };
const BINARY: KeyKind = { kind: 'binary' };
const TEXT: KeyKind = { kind: 'text', fold: 'none', trailingSpace: 'keep' };
const NOCASE: KeyKind = { kind: 'text', fold: 'ascii', trailingSpace: 'keep' };
const CASELESS: KeyKind = {
  kind: 'text',
  fold: 'ascii-only',
  trailingSpace: 'refuse',
};
const PADDED: KeyKind = { kind: 'text', fold: 'none', trailingSpace: 'trim' };
const OPAQUE: KeyKind = { kind: 'opaque' };

describe('the one text of a key value', () => {
  const id = '6f9619ff-8b86-d011-b42d-00c04fc964ff';

  it.each<[string, KeyKind, unknown, string]>([
    ['an integer', INTEGER, 1, '1'],
    ['an integer as text', INTEGER, '1', '1'],
    ['leading zeros', INTEGER, '001', '1'],
    ['a plus sign', INTEGER, '+1', '1'],
    ['a bigint', INTEGER, 1n, '1'],
    ['zero below zero', INTEGER, -0, '0'],
    ['zero below zero as text', INTEGER, '-0', '0'],
    ['a negative integer', INTEGER, '-007', '-7'],
    [
      'more than a double keeps',
      INTEGER,
      '9007199254740993',
      '9007199254740993',
    ],
    ['the same as a bigint', INTEGER, 9007199254740993n, '9007199254740993'],
    [
      'the greatest of 64 bits',
      INTEGER,
      '9223372036854775807',
      '9223372036854775807',
    ],
    [
      'the least of 64 bits',
      INTEGER,
      '-9223372036854775808',
      '-9223372036854775808',
    ],
    [
      'the greatest without sign',
      UNSIGNED,
      '18446744073709551615',
      '18446744073709551615',
    ],
    ['a decimal', DECIMAL, '1.50', '1.5'],
    ['a decimal as a number', DECIMAL, 1.5, '1.5'],
    ['a decimal that is whole', DECIMAL, '1.00', '1'],
    ['a decimal without a whole part', DECIMAL, '.5', '0.5'],
    ['a decimal without a fraction', DECIMAL, '5.', '5'],
    ['a decimal zero below zero', DECIMAL, '-0.0', '0'],
    ['a decimal with signs and zeros', DECIMAL, '-00.10', '-0.1'],
    ['a decimal from an integer', DECIMAL, 7n, '7'],
    ['a UUID', UUID, id, id],
    ['a UUID in capitals', UUID, id.toUpperCase(), id],
    ['a UUID in braces', UUID, `{${id}}`, id],
    ['a UUID without dashes', UUID, id.replaceAll('-', ''), id],
    ['bytes', BINARY, Buffer.from([0, 255]), '00ff'],
    ['bytes of a slice', BINARY, new Uint8Array([9, 1, 2]).subarray(1), '0102'],
    ['text', TEXT, 'Ab é ', 'Ab é '],
    ['the empty text', TEXT, '', ''],
    ['text without case', NOCASE, 'Ab É', 'ab É'],
    ['text of a caseless collation', CASELESS, 'Ab', 'ab'],
    ['padded text', PADDED, 'ab  ', 'ab'],
    ['padded text of spaces', PADDED, '  ', ''],
  ])('of %s', (_, kind, value, expected) => {
    expect(canonicalKeyValue(kind, value)).toBe(expected);
  });

  it.each<[string, KeyKind, unknown]>([
    ['a fraction in an integer column', INTEGER, 1.5],
    ['a fraction as text in an integer column', INTEGER, '1.0'],
    ['an integer a double cannot keep', INTEGER, 2 ** 53],
    ['more than 64 bits', INTEGER, '9223372036854775808'],
    ['less than 64 bits', INTEGER, -9223372036854775809n],
    ['more than 64 bits without sign', UNSIGNED, '18446744073709551616'],
    ['less than nothing without sign', UNSIGNED, -1],
    ['an exponent', INTEGER, '1e3'],
    ['a space before a number', INTEGER, ' 1'],
    ['a space after a number', INTEGER, '1 '],
    ['digits of another script', INTEGER, '１'],
    ['hexadecimal digits', INTEGER, '0x10'],
    ['no digits', INTEGER, ''],
    ['a sign alone', INTEGER, '-'],
    ['not a number', INTEGER, Number.NaN],
    ['infinity', DECIMAL, Infinity],
    ['true', INTEGER, true],
    ['a point alone', DECIMAL, '.'],
    ['a decimal with an exponent', DECIMAL, 1e21],
    ['finer than the column keeps', { kind: 'decimal', scale: 2 }, '1.555'],
    [
      'more digits than comparisons tell apart',
      { kind: 'decimal', digits: 3 },
      '12.34',
    ],
    ['a number without end', INTEGER, '1'.repeat(100_000)],
    ['half a UUID', UUID, '6f9619ff-8b86'],
    ['a UUID with other letters', UUID, 'g'.repeat(32)],
    ['a UUID of bytes', UUID, Buffer.alloc(16)],
    ['text in a binary column', BINARY, 'ff'],
    [
      'fewer bytes than the column keeps',
      { kind: 'binary', length: 2 },
      Buffer.of(1),
    ],
    ['a number in a text column', TEXT, 1],
    ['half a surrogate pair', TEXT, 'a\ud800b'],
    ['a zero byte', TEXT, 'a\0b'],
    ['beyond ASCII in a caseless collation', CASELESS, 'é'],
    ['a line break in a caseless collation', CASELESS, 'a\nb'],
    ['a space at the end where it depends', CASELESS, 'a '],
    ['anything in a column that cannot be compared', OPAQUE, 1],
    ['null', TEXT, null],
    ['nothing', INTEGER, undefined],
    ['an object', INTEGER, { valueOf: () => 1 }],
    ['a list', TEXT, ['a']],
  ])('is none for %s', (_, kind, value) => {
    expect(canonicalKeyValue(kind, value)).toBeUndefined();
  });

  it('keeps a decimal with as many digits as the column has', () => {
    const kind: KeyKind = { kind: 'decimal', scale: 2, digits: 5 };
    expect(canonicalKeyValue(kind, '0123.4500')).toBe('123.45');
  });

  it('is a form of the value itself: asked again, it stays', () => {
    const kinds = [INTEGER, DECIMAL, UUID, TEXT, NOCASE, CASELESS, PADDED];
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.bigInt().map(String),
      fc.double().map(String),
      fc.uuid().map(uuid => uuid.toUpperCase()),
      fc.string({ unit: fc.constantFrom('A', 'a', ' ', '0', '1', '.', '-') }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...kinds), text, (kind, value) => {
        const canonical = canonicalKeyValue(kind, value);
        if (canonical === undefined) return;
        expect(canonicalKeyValue(kind, canonical)).toBe(canonical);
      }),
    );
  });

  it('of an integer is that of its text, its number and its bigint', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.nat(5), (value, zeros) => {
        const sign = value < 0 ? '-' : '';
        const padded = `${sign}${'0'.repeat(zeros)}${Math.abs(value)}`;
        const forms = [value, BigInt(value), String(value), padded];
        const texts = forms.map(form => canonicalKeyValue(INTEGER, form));
        expect(new Set(texts)).toEqual(new Set([String(value + 0)]));
      }),
    );
  });
});
