import { describe, expect, it } from '@jest/globals';

import {
  identifiersOf,
  ON_EVERYTHING,
  onRow,
  onTable,
} from '../../../lib/core/identifiers/dependency.js';
import { tableId } from '../../../lib/core/identifiers/identifier.js';
import { coreTable } from '../../support/core-schema.js';

describe('an answer that depends', () => {
  it('on everything reads the one token of any write', () => {
    expect(ON_EVERYTHING).toEqual({
      identifier: 'alkey:*#*',
      reads: ['alkey:*#*'],
    });
  });

  it('on a table reads the token of that table alone', () => {
    expect(onTable(coreTable('users'))).toEqual({
      identifier: 'alkey:users#*',
      reads: ['alkey:users#*'],
    });
  });

  it('on a view reads the tokens of the tables that it reads', () => {
    const reads = [tableId('users'), tableId('orders')];
    expect(onTable(coreTable('totals', { reads }))).toEqual({
      identifier: 'alkey:totals#*',
      reads: ['alkey:totals#*', 'alkey:users#*', 'alkey:orders#*'],
    });
  });

  it('on a row reads its token, that of every row, and that of rows about to come', () => {
    expect(onRow(tableId('users'), ['1'])).toEqual({
      identifier: 'alkey:users#1',
      reads: ['alkey:users#1', 'alkey:users#**', 'alkey:users#+'],
    });
  });

  it('on several things reads each token once, in the order in which they were named', () => {
    const users = tableId('users');
    const dependencies = [
      onRow(users, ['2']),
      onRow(users, ['1']),
      onRow(users, ['2']),
    ];
    expect(identifiersOf(dependencies)).toEqual([
      'alkey:users#2',
      'alkey:users#**',
      'alkey:users#+',
      'alkey:users#1',
    ]);
    expect(identifiersOf([])).toEqual([]);
  });
});
