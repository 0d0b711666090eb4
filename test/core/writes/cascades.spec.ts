import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';

import {
  type TableId,
  tableId,
} from '../../../lib/core/identifiers/identifier.js';
import {
  type Reference,
  type ReferentialAction,
} from '../../../lib/core/identifiers/schema.js';
import {
  everyTableReached,
  type ParentChange,
} from '../../../lib/core/writes/cascades.js';
import { coreReference, coreSchema } from '../../support/core-schema.js';

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;

function reached(
  references: readonly Reference[],
  change: ParentChange,
  from = 'a',
): readonly string[] {
  const schema = coreSchema([...NAMES], references);
  return [
    ...everyTableReached(schema, tableId(from), change).keys(),
  ].toSorted();
}

/** `a` is the parent of `b`, whose rows lose their reference; `c` refers to that and more of `b`. */
function emptied(onUpdate: ReferentialAction): readonly Reference[] {
  return [
    coreReference('b', 'a_id', 'a', { onDelete: 'set-null' }),
    coreReference('c', 'b_key', 'b', {
      parentColumns: ['tenant', 'a_id'],
      onDelete: 'cascade',
      onUpdate,
    }),
    coreReference('d', 'b_id', 'b', { onUpdate: 'cascade' }),
  ];
}

describe('the tables that the database changes by itself', () => {
  it('are the children that a deletion cascades to, through any depth', () => {
    const references = [
      coreReference('b', 'a_id', 'a', { onDelete: 'cascade' }),
      coreReference('c', 'b_id', 'b', { onDelete: 'cascade' }),
      coreReference('d', 'c_id', 'c', { onDelete: 'set-null' }),
      coreReference('e', 'c_id', 'c'),
    ];
    expect(reached(references, 'delete')).toEqual(['b', 'c', 'd']);
    expect(reached(references, 'delete', 'c')).toEqual(['d']);
  });

  it('end at rows that only lose their reference, unless others refer to that column', () => {
    expect(reached(emptied('none'), 'delete')).toEqual(['b']);
    expect(reached(emptied('cascade'), 'delete')).toEqual(['b', 'c']);
    expect(reached(emptied('set-null'), 'delete')).toEqual(['b', 'c']);
  });

  it('are those that follow a new key, where they do', () => {
    const references = [
      coreReference('b', 'a_id', 'a', {
        onDelete: 'cascade',
        onUpdate: 'cascade',
      }),
      coreReference('c', 'a_id', 'a', { onDelete: 'cascade' }),
      coreReference('d', 'b_id', 'b', { onDelete: 'cascade' }),
    ];
    expect(reached(references, 'key-change')).toEqual(['b']);
    expect(reached(references, 'delete')).toEqual(['b', 'c', 'd']);
  });

  it('follow the columns that got other values, where these are told', () => {
    const references = [
      coreReference('b', 'a_id', 'a', { onUpdate: 'cascade' }),
      coreReference('c', 'a_slug', 'a', {
        parentColumns: ['slug'],
        onUpdate: 'set-null',
      }),
    ];
    const schema = coreSchema([...NAMES], references);
    const after = (...columns: string[]) => [
      ...everyTableReached(schema, tableId('a'), 'key-change', columns).keys(),
    ];
    expect(after('slug')).toEqual(['c']);
    expect(after('id', 'slug')).toEqual(['b', 'c']);
    expect(after('name')).toEqual([]);
  });

  it('are all that refer to a truncated table, whatever their rules', () => {
    const references = [
      coreReference('b', 'a_id', 'a'),
      coreReference('c', 'b_id', 'b'),
      coreReference('a', 'd_id', 'd'),
    ];
    expect(reached(references, 'truncate')).toEqual(['b', 'c']);
  });

  it('include the table itself only where a way leads back to it', () => {
    const self = coreReference('a', 'a_id', 'a', { onDelete: 'cascade' });
    const away = coreReference('b', 'a_id', 'a', { onDelete: 'cascade' });
    const back = coreReference('a', 'b_id', 'b', { onDelete: 'set-null' });
    expect(reached([self], 'delete')).toEqual(['a']);
    expect(reached([away], 'delete')).toEqual(['b']);
    expect(reached([away, back], 'delete')).toEqual(['a', 'b']);
  });

  it('come with the references by which they were reached', () => {
    const first = coreReference('b', 'a_id', 'a', { onDelete: 'cascade' });
    const second = coreReference('b', 'other_id', 'a', {
      onDelete: 'set-null',
    });
    const back = coreReference('a', 'b_id', 'b', { onDelete: 'cascade' });
    const unused = coreReference('b', 'c_id', 'c', { onDelete: 'cascade' });
    const schema = coreSchema([...NAMES], [first, second, back, unused]);
    expect(everyTableReached(schema, tableId('a'), 'delete')).toEqual(
      new Map([
        [tableId('b'), new Set([first, second])],
        [tableId('a'), new Set([back])],
      ]),
    );
  });

  const COLUMNS = ['id', 'x', 'y'];
  const action = fc.constantFrom<ReferentialAction>(
    'none',
    'cascade',
    'set-null',
    'set-default',
  );
  const columns = fc.subarray(COLUMNS, { minLength: 1, maxLength: 2 });
  const graph = fc.array(
    fc
      .record({
        child: fc.constantFrom(...NAMES),
        columns,
        parent: fc.constantFrom(...NAMES),
        parentColumns: columns,
        onDelete: action,
        onUpdate: action,
      })
      .map(({ child, parent, ...parts }) =>
        coreReference(child, parts.columns, parent, parts),
      ),
    { maxLength: 12 },
  );

  it.each(['delete', 'key-change', 'truncate'] as const)(
    'after a %s are the least set that is closed under the rules, in every graph',
    how => {
      fc.assert(
        fc.property(graph, references => {
          expect(reached(references, how)).toEqual(
            reachedByRounds(references, how),
          );
        }),
        { numRuns: 1000 },
      );
    },
  );

  it('hold all that is reached by deletions or new keys where either may have happened', () => {
    fc.assert(
      fc.property(graph, references => {
        expect(reached(references, 'any')).toEqual(
          expect.arrayContaining([
            ...reachedByRounds(references, 'delete'),
            ...reachedByRounds(references, 'key-change'),
          ]),
        );
      }),
      { numRuns: 1000 },
    );
  });

  /** The same by rounds over all references, until nothing is new. */
  function reachedByRounds(
    references: readonly Reference[],
    change: Exclude<ParentChange, 'any'>,
  ): readonly TableId[] {
    const a = tableId('a');
    // What happened to some row of a table: it is gone, or a column got another value.
    const facts = new Set(
      change === 'key-change'
        ? COLUMNS.map(column => `${column} of ${a}`)
        : [`${change} ${a}`],
    );
    const touched = new Set<TableId>();
    for (let size = -1; size !== facts.size;) {
      size = facts.size;
      for (const reference of references) {
        const { child, parent, onDelete, onUpdate } = reference;
        const goes = facts.has(`delete ${parent}`);
        const moves = reference.parentColumns.some(column =>
          facts.has(`${column} of ${parent}`),
        );
        const fates: string[] = [];
        if (facts.has(`truncate ${parent}`)) fates.push(`truncate ${child}`);
        if (goes && onDelete === 'cascade') fates.push(`delete ${child}`);
        const clears = goes && onDelete.startsWith('set');
        if (clears || (moves && onUpdate !== 'none')) {
          const cells = reference.columns.map(
            column => `${column} of ${child}`,
          );
          fates.push(...cells);
        }
        if (fates.length > 0) touched.add(child);
        for (const fate of fates) facts.add(fate);
      }
    }
    return [...touched].toSorted();
  }
});
