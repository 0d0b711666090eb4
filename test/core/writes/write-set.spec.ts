import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';

import {
  everyRowIdentifier,
  rowIdentifier,
  type TableId,
  tableId,
  tableIdentifier,
} from '../../../lib/core/identifiers/identifier.js';
import { WriteSet } from '../../../lib/core/writes/write-set.js';

const users = tableId('users');
const orders = tableId('orders');

describe('a write set', () => {
  it('names nothing at first', () => {
    const writes = new WriteSet(10);
    expect(writes.isEmpty).toBe(true);
    expect(writes.identifiers()).toEqual([]);
  });

  it('names a row, its table and any write at all', () => {
    const writes = new WriteSet(10);
    writes.addRow(users, ['1']);
    writes.addRow(users, ['1']);
    writes.addRow(users, ['2']);
    expect(writes.identifiers()).toEqual([
      'alkey:users#1',
      'alkey:users#2',
      'alkey:users#*',
      'alkey:*#*',
    ]);
    expect(writes.isEmpty).toBe(false);
  });

  it('keeps what it was given, whatever becomes of the set that gave it', () => {
    const [from, to] = [new WriteSet(10), new WriteSet(10)];
    from.addRow(users, ['1']);
    to.addAll(from);
    const given = to.identifiers();
    from.addEveryRow(users);
    expect(to.identifiers()).toEqual(given);
    to.addRow(users, ['2']);
    expect(from.identifiers()).not.toContain('alkey:users#2');
  });

  it('counts all rows where it is given more than it may name', () => {
    const [from, to] = [new WriteSet(10), new WriteSet(1)];
    from.addRow(users, ['1']);
    from.addRow(users, ['2']);
    to.addAll(from);
    expect(to.identifiers()).toContain('alkey:users#**');
    expect(to.identifiers()).not.toContain('alkey:users#1');
  });

  it('names a parent without its table', () => {
    const writes = new WriteSet(10);
    writes.addParentRow(users, ['1']);
    writes.addEveryParentRow(orders);
    expect(writes.identifiers()).toEqual([
      'alkey:users#1',
      'alkey:orders#**',
      'alkey:*#*',
    ]);
  });

  it('names the table of a parent that was written itself, in either order', () => {
    for (const parentFirst of [true, false]) {
      const writes = new WriteSet(10);
      if (parentFirst) writes.addParentRow(users, ['1']);
      writes.addRow(users, ['2']);
      if (!parentFirst) writes.addParentRow(users, ['1']);
      expect(new Set(writes.identifiers())).toEqual(
        new Set([
          'alkey:users#1',
          'alkey:users#2',
          'alkey:users#*',
          'alkey:*#*',
        ]),
      );
    }
  });

  it('names no single rows once all of them count', () => {
    const writes = new WriteSet(10);
    writes.addRow(users, ['1']);
    writes.addEveryRow(users);
    writes.addRow(users, ['2']);
    expect(writes.identifiers()).toEqual([
      'alkey:users#**',
      'alkey:users#*',
      'alkey:*#*',
    ]);
  });

  it('names a table whose rows are named elsewhere', () => {
    const writes = new WriteSet(10);
    writes.addTable(users);
    expect(writes.identifiers()).toEqual(['alkey:users#*', 'alkey:*#*']);
  });

  it('counts a write to no known table as any write at all', () => {
    const writes = new WriteSet(10);
    writes.addAnything();
    expect(writes.identifiers()).toEqual(['alkey:*#*']);
    const other = new WriteSet(10);
    other.addAll(writes);
    expect(other.identifiers()).toEqual(['alkey:*#*']);
  });

  it.each([
    [0, 1, true],
    [1, 1, false],
    [1, 2, true],
    [3, 3, false],
    [3, 4, true],
  ])(
    'of at most %i rows of a table, given %i, counts all: %s',
    (most, count, all) => {
      const writes = new WriteSet(most);
      for (let id = 0; id < count; id += 1) writes.addRow(users, [`${id}`]);
      writes.addParentRow(orders, ['1']);
      expect(writes.identifiers().includes(everyRowIdentifier(users))).toBe(
        all,
      );
      expect(writes.names(users, ['0'])).toBe(!all);
      expect(writes.names(orders, ['1'])).toBe(most > 0);
    },
  );

  it('counts rows and parents of one table together', () => {
    const writes = new WriteSet(1);
    writes.addRow(users, ['1']);
    writes.addParentRow(users, ['1']);
    expect(writes.names(users, ['1'])).toBe(true);
    writes.addParentRow(users, ['2']);
    expect(writes.identifiers()).toEqual([
      'alkey:users#**',
      'alkey:users#*',
      'alkey:*#*',
    ]);
  });

  it('grows only, and is the same in whatever order and parts it was collected', () => {
    type Step = readonly [
      'row' | 'parent' | 'every' | 'every-parent' | 'table' | 'anything',
      TableId,
      string,
    ];
    const step: fc.Arbitrary<Step> = fc.tuple(
      fc.constantFrom(
        'row',
        'row',
        'parent',
        'every',
        'every-parent',
        'table',
        'anything',
      ),
      fc.constantFrom(users, orders),
      fc.constantFrom('1', '2', '3', '4'),
    );
    const apply = (writes: WriteSet, [how, table, id]: Step): void => {
      if (how === 'row') writes.addRow(table, [id]);
      if (how === 'parent') writes.addParentRow(table, [id]);
      if (how === 'every') writes.addEveryRow(table);
      if (how === 'every-parent') writes.addEveryParentRow(table);
      if (how === 'table') writes.addTable(table);
      if (how === 'anything') writes.addAnything();
    };
    // What the steps mean, without a set that changes.
    const expected = (steps: readonly Step[], most: number): Set<string> => {
      const named = new Set<string>();
      for (const table of [users, orders]) {
        const own = steps.filter(
          ([how, of]) => of === table && how !== 'anything',
        );
        const rows = new Set(
          own
            .filter(([how]) => how === 'row' || how === 'parent')
            .map(([, , id]) => rowIdentifier(table, [id])),
        );
        const every =
          rows.size > most || own.some(([how]) => how.startsWith('every'));
        if (every) named.add(everyRowIdentifier(table));
        else for (const row of rows) named.add(row);
        if (own.some(([how]) => ['row', 'every', 'table'].includes(how))) {
          named.add(tableIdentifier(table));
        }
      }
      if (steps.length > 0) named.add('alkey:*#*');
      return named;
    };
    fc.assert(
      fc.property(
        fc.array(step),
        fc.array(step),
        fc.nat(4),
        (first, second, most) => {
          const together = new WriteSet(most);
          const [left, right] = [new WriteSet(most), new WriteSet(most)];
          for (const each of [...first, ...second]) apply(together, each);
          for (const each of first) apply(left, each);
          for (const each of second) apply(right, each);
          right.addAll(left);
          const wanted = expected([...first, ...second], most);
          expect(new Set(together.identifiers())).toEqual(wanted);
          expect(new Set(right.identifiers())).toEqual(wanted);
          expect(together.identifiers()).toHaveLength(wanted.size);
          expect(together.isEmpty).toBe(wanted.size === 0);
        },
      ),
    );
  });
});
