import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeRows, encodeRows } from '../../../lib/core/reads/row-codec.js';

const anyCell = fc.oneof(
  fc.string(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
  fc.bigInt(),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array().map(bytes => Buffer.from(bytes)),
  fc.uint8Array(),
  fc.jsonValue(),
  fc.array(fc.oneof(fc.date(), fc.bigInt(), fc.string())),
);
const anyRows = fc.array(
  fc.dictionary(
    fc.string().filter(name => name !== '__proto__'),
    anyCell,
    { noNullPrototype: true },
  ),
);

function again(rows: readonly unknown[]): unknown {
  const text = encodeRows(rows);
  return text === undefined ? undefined : decodeRows(text);
}

class Interval {
  readonly days = 1;
}

describe('rows as text', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(anyRows, rows => {
        expect(again(rows)).toStrictEqual(rows);
      }),
    );
  });

  it('come back with a Date in some rows of a column only', () => {
    const rows = [
      { at: null, n: 1 },
      { at: new Date(5), n: null },
      { at: 5, n: new Date(-8.64e15) },
    ];
    expect(again(rows)).toStrictEqual(rows);
  });

  it('keep their columns in order, whatever is in them', () => {
    const row = { b: new Date(0), a: 1, c: Buffer.from('x') };
    const [back] = again([row]) as [object];
    expect(Object.keys(back)).toEqual(['b', 'a', 'c']);
  });

  it('are plain objects, of whatever class their driver made them', () => {
    class TextRow {
      readonly id = 1;
    }
    expect(again([new TextRow()])).toStrictEqual([{ id: 1 }]);
  });

  it.each<[string, unknown]>([
    ["an instance of a driver's class", new Interval()],
    ['one inside a list', [new Interval()]],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a Date of a class of its own', new (class extends Date {})(0)],
  ])('cannot be made of rows with %s', (_, value) => {
    expect(encodeRows([{ value }])).toBeUndefined();
  });

  it('cannot be made of rows with a value that contains itself', () => {
    const value: unknown[] = [];
    value.push(value);
    expect(encodeRows([{ value }])).toBeUndefined();
  });

  it('cannot be made of rows with a column that would change their prototype', () => {
    expect(encodeRows([JSON.parse('{"__proto__":1}')])).toBeUndefined();
  });

  it('cannot be made of what is no row', () => {
    expect(encodeRows([1])).toBeUndefined();
    expect(encodeRows([null])).toBeUndefined();
  });

  it.each([
    '',
    'x[]',
    'r',
    'r{',
    'd[[],[["a",[0]]],[]]',
    'd[[],[],[[0,"a",["D",0]]]]',
    'd[[{}],[["a",[0]]],[]]',
    'd[[{}]]',
    'd[[{}],[]]',
  ])('are not read from %p', text => {
    expect(decodeRows(text)).toBeUndefined();
  });
});
