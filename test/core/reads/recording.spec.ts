import { describe, expect, it } from '@jest/globals';
import {
  type Dependency,
  ON_EVERYTHING,
  onRow,
  onTable,
} from '../../../lib/core/identifiers/dependency.js';
import {
  EVERYTHING,
  type Identifier,
} from '../../../lib/core/identifiers/identifier.js';
import { Schema } from '../../../lib/core/identifiers/schema.js';
import { fingerprintOf } from '../../../lib/core/keys/cache-key.js';
import { ReadCheck } from '../../../lib/core/reads/read-check.js';
import { type ToldRead } from '../../../lib/core/reads/read-observer.js';
import { Recording } from '../../../lib/core/reads/recording.js';
import { HELD, type Held, type Token } from '../../../lib/core/tokens/token.js';
import { coreReference, coreTable } from '../../support/core-schema.js';

const users = coreTable('users');
const orders = coreTable('orders');
const schema = new Schema(
  'default',
  [users, orders],
  [coreReference('orders', 'user_id', 'users')],
  false,
);

function rowsRead(...ids: number[]): ToldRead {
  const rows = ids.map(id => onRow(users.id, [`${id}`]));
  return { kind: 'told', rows: [{ table: onTable(users), rows }], tables: [] };
}

const listRead: ToldRead = {
  kind: 'told',
  rows: [],
  tables: [onTable(orders)],
};

function token(identifier: Identifier, version = 1): Token {
  return `${identifier} ${version}` as Token;
}

/** Tells a recording the tokens of what is read, as the recorder does before the data. */
function learn(
  recording: Recording,
  dependencies: readonly Dependency[],
  tokenOf: (identifier: Identifier) => Token | Held = token,
): void {
  const identifiers = dependencies.flatMap(({ reads }) => reads);
  recording.learn(
    identifiers,
    identifiers.map(each => tokenOf(each)),
  );
}

function learnRead(recording: Recording, { rows, tables }: ToldRead): void {
  const dependencies = rows.flatMap(each => [each.table, ...each.rows]);
  learn(recording, [...dependencies, ...tables]);
}

function record(reads: readonly [ToldRead, number | undefined][]): Recording {
  const recording = new Recording();
  for (const [read, rowCount] of reads) {
    learnRead(recording, read);
    recording.sawRead(read, rowCount);
  }
  return recording;
}

function named(recording: Recording): readonly string[] {
  return recording.close().dependencies.map(({ identifier }) => identifier);
}

describe('Recording', () => {
  it('names rows that were found, and tables', () => {
    const recording = record([
      [rowsRead(1), 1],
      [listRead, 5],
    ]);
    expect(named(recording)).toEqual(['alkey:orders#*', 'alkey:users#1']);
  });

  it.each([0, undefined])(
    'counts the table where %s of one row was found',
    count => {
      expect(named(record([[rowsRead(1), count]]))).toEqual(['alkey:users#*']);
    },
  );

  it('names 100 rows of a table, and the table instead of 101', () => {
    const ids = Array.from({ length: 101 }, (_, index) => index);
    const [last = 0, ...others] = ids;
    expect(named(record([[rowsRead(...others), 100]]))).toHaveLength(100);
    const reads = ids.map(id => [rowsRead(id), 1] as [ToldRead, number]);
    expect(named(record([...reads, [rowsRead(last), 1]]))).toEqual([
      'alkey:users#*',
    ]);
  });

  it('depends on everything where more than 100 rows of a table are named without their table', () => {
    const recording = new Recording(new Map([[EVERYTHING, token(EVERYTHING)]]));
    for (let id = 0; id <= 100; id += 1) {
      const row = onRow(users.id, [`${id}`]);
      learn(recording, [row]);
      recording.dependsOn([row]);
    }
    expect(named(recording)).toEqual([EVERYTHING]);
  });

  it('is made under the tokens from before, of which the first counts', () => {
    const recording = record([[listRead, 1]]);
    learn(recording, listRead.tables, each => token(each, 2));
    const closed = recording.close();
    const identifiers = ['alkey:orders#*' as Identifier];
    expect(closed).toMatchObject({
      identifiers,
      fingerprint: fingerprintOf(
        identifiers,
        identifiers.map(each => token(each)),
      ),
    });
  });

  it('asks for no token twice', () => {
    const recording = record([[listRead, 1]]);
    const [table] = listRead.tables;
    expect(recording.unknownOf(table?.reads ?? [])).toEqual([]);
    expect(recording.unknownOf([EVERYTHING])).toEqual([EVERYTHING]);
  });

  it('is not kept where a writer was about to commit what was read', () => {
    const recording = new Recording();
    learn(recording, listRead.tables, () => HELD);
    recording.sawRead(listRead, 1);
    expect(recording.close().reason).toBe('held');
  });

  it('is kept though the table of a row that was found was held', () => {
    const recording = new Recording();
    const { rows } = rowsRead(1);
    learn(recording, [onTable(users)], () => HELD);
    learn(
      recording,
      rows.flatMap(each => each.rows),
    );
    recording.sawRead(rowsRead(1), 1);
    expect(recording.close().reason).toBeUndefined();
  });

  it('is not kept where the tokens of what was declared were not waited for', () => {
    const recording = new Recording();
    recording.dependsOn([onTable(users)]);
    expect(recording.close().reason).toBe('not-awaited');
  });

  it('depends on everything where nothing was read, or on what is said instead', () => {
    const recording = new Recording(new Map([[EVERYTHING, token(EVERYTHING)]]));
    expect(recording.close().dependencies).toEqual([ON_EVERYTHING]);
    expect(new Recording().close([])).toMatchObject({
      dependencies: [],
      identifiers: [],
    });
  });

  it('sees what a transaction reads while nothing was committed since it began', () => {
    const recording = new Recording();
    const transaction = {};
    expect(recording.maySee(transaction, token(EVERYTHING))).toBe(false);
    recording.sawBegin(transaction, token(EVERYTHING));
    expect(recording.maySee(transaction, token(EVERYTHING))).toBe(true);
    expect(recording.maySee(transaction, token(EVERYTHING, 2))).toBe(false);
    recording.sawBegin(transaction, HELD);
    expect(recording.maySee(transaction, HELD)).toBe(false);
  });

  it('gives the first reason not to be kept, and wants no tokens from then on', () => {
    const recording = record([[listRead, 1]]);
    recording.refuse('unknown-read', 'x');
    recording.refuse('wrote');
    expect(recording.wantsTokens).toBe(false);
    expect(recording.close()).toMatchObject({
      reason: 'unknown-read',
      why: 'x',
    });
  });
});

/** The tables that a program which reads a user and a list of orders does not declare. */
function check(declared: Dependency[], parents = true): readonly string[] {
  const reads = new ReadCheck();
  reads.sawRead(rowsRead(1), 1, schema);
  reads.sawRead(listRead, 1, schema);
  return reads.close(declared, parents);
}

describe('ReadCheck', () => {
  it.each<[string, Dependency[], string[]]>([
    ['nothing', [], ['users', 'orders']],
    ['any write', [ON_EVERYTHING], []],
    ['both tables', [onTable(users), onTable(orders)], []],
    ['one table', [onTable(orders)], ['users']],
    ['a row, which its children touch', [onRow(users.id, ['1'])], []],
    ['a row of the child', [onRow(orders.id, ['1'])], ['users']],
    [
      'the table of the parent, which its children do not touch',
      [onTable(users)],
      ['orders'],
    ],
  ])('tells what %s does not cover', (_, declared, uncovered) => {
    expect(check(declared)).toEqual(uncovered);
  });

  it('takes a view for covered where all that it reads is', () => {
    const view = coreTable('totals', { key: [], reads: [users.id, orders.id] });
    const read: ToldRead = { kind: 'told', rows: [], tables: [onTable(view)] };
    const uncovered = (declared: Dependency[]): readonly string[] => {
      const reads = new ReadCheck();
      reads.sawRead(read, 1, schema);
      return reads.close(declared, true);
    };
    expect(uncovered([onTable(users), onTable(orders)])).toEqual([]);
    expect(uncovered([onTable(view)])).toEqual([]);
    expect(uncovered([onTable(orders)])).toEqual(['totals']);
  });

  it('does not count on children where they do not touch their parents', () => {
    expect(check([onRow(users.id, ['1'])], false)).toEqual(['orders']);
  });
});
