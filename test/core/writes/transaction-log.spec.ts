import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';

import { tableId } from '../../../lib/core/identifiers/identifier.js';
import { TransactionLog } from '../../../lib/core/writes/transaction-log.js';
import { WriteSet } from '../../../lib/core/writes/write-set.js';

const users = tableId('users');

function row(id: string): WriteSet {
  const writes = new WriteSet(1000);
  writes.addRow(users, [id]);
  return writes;
}

function opened(): TransactionLog {
  const log = new TransactionLog(1000);
  log.begin();
  return log;
}

function rowsOf(log: TransactionLog): readonly string[] {
  return log
    .pending()
    .identifiers()
    .filter(identifier => !identifier.endsWith('#*'))
    .map(identifier => identifier.slice('alkey:users#'.length))
    .toSorted();
}

describe('the log of a transaction', () => {
  it('is closed and empty before BEGIN and after it was cleared', () => {
    const log = new TransactionLog(1000);
    expect([log.isOpen, log.depth]).toEqual([false, 0]);
    log.begin();
    log.add(row('1'));
    expect([log.isOpen, log.depth]).toEqual([true, 1]);
    log.clear();
    expect([log.isOpen, log.depth]).toEqual([false, 0]);
    expect(log.pending().isEmpty).toBe(true);
  });

  it('awaits names only of rows that nothing has told', () => {
    const log = opened();
    log.add(row('1'));
    expect(log.awaitsNames).toBe(false);
    log.savepoint('a');
    log.addUnnamed(users, 1);
    expect(log.awaitsNames).toBe(true);
    log.rollbackTo('a');
    expect(log.awaitsNames).toBe(false);
  });

  it('takes no notice of a second BEGIN', () => {
    const log = new TransactionLog(1000);
    log.begin();
    log.add(row('1'));
    log.begin();
    expect(log.depth).toBe(1);
    expect(rowsOf(log)).toEqual(['1']);
  });

  it('drops what was written since a savepoint, which stays open', () => {
    const log = new TransactionLog(1000);
    log.begin();
    log.add(row('1'));
    log.savepoint('a');
    log.add(row('2'));
    log.rollbackTo('a');
    expect(rowsOf(log)).toEqual(['1']);
    log.add(row('3'));
    log.rollbackTo('a');
    expect([log.depth, rowsOf(log)]).toEqual([2, ['1']]);
  });

  it('keeps what a released savepoint wrote for as long as what surrounds it', () => {
    const log = new TransactionLog(1000);
    log.begin();
    log.savepoint('a');
    log.add(row('1'));
    log.savepoint('b');
    log.add(row('2'));
    log.releaseSavepoint('b');
    expect([log.depth, rowsOf(log)]).toEqual([2, ['1', '2']]);
    log.rollbackTo('a');
    expect(rowsOf(log)).toEqual([]);
  });

  it('means the last of several savepoints of one name', () => {
    const log = new TransactionLog(1000);
    log.begin();
    log.savepoint('a');
    log.add(row('1'));
    log.savepoint('a');
    log.add(row('2'));
    log.rollbackTo('a');
    expect(rowsOf(log)).toEqual(['1']);
    log.releaseSavepoint('a');
    log.rollbackTo('a');
    expect(rowsOf(log)).toEqual([]);
  });

  it('keeps everything where a savepoint was never seen', () => {
    const log = new TransactionLog(1000);
    log.begin();
    log.add(row('1'));
    log.rollbackTo('unseen');
    log.releaseSavepoint('unseen');
    expect([log.depth, rowsOf(log)]).toEqual([1, ['1']]);
  });

  it('ends with a savepoint that began it', () => {
    const log = new TransactionLog(1000);
    log.savepoint('a');
    log.savepoint('a');
    log.add(row('1'));
    expect([log.isOpen, log.endsWithSavepoint('a')]).toEqual([true, false]);
    log.releaseSavepoint('a');
    expect(log.endsWithSavepoint('a')).toBe(true);
    log.releaseSavepoint('a');
    // To be cleared by whoever takes the release for the commit that it is.
    expect(rowsOf(log)).toEqual(['1']);
    log.clear();
    log.begin();
    log.savepoint('a');
    expect(log.endsWithSavepoint('a')).toBe(false);
    expect(log.endsWithSavepoint('b')).toBe(false);
  });

  it('forgets what comes outside of a transaction', () => {
    const log = new TransactionLog(1000);
    log.add(row('1'));
    log.addUnnamed(users, 1);
    expect(log.nameInserted(users, ['1'])).toBe(false);
    expect(log.pending().isEmpty).toBe(true);
  });

  it('counts all rows of a table once they are too many, over all savepoints', () => {
    const log = new TransactionLog(1);
    log.begin();
    log.add(row('1'));
    log.savepoint('a');
    log.add(row('2'));
    expect(rowsOf(log)).toEqual(['**']);
    log.rollbackTo('a');
    expect(rowsOf(log)).toEqual(['1']);
  });

  it('has another version after everything that it was told', () => {
    const log = new TransactionLog(1000);
    log.begin();
    const versions = [log.version];
    log.add(row('1'));
    versions.push(log.version);
    log.addUnnamed(users, 1);
    versions.push(log.version);
    log.nameInserted(users, ['2']);
    versions.push(log.version);
    expect(new Set(versions).size).toBe(4);
  });
});

describe('rows that were inserted without a name', () => {
  it('count as any row of their table until each of them is named', () => {
    const log = opened();
    log.addUnnamed(users, 2);
    expect(rowsOf(log)).toEqual(['**']);
    expect(log.nameInserted(users, ['1'])).toBe(true);
    expect(rowsOf(log)).toEqual(['**']);
    expect(log.nameInserted(users, ['2'])).toBe(true);
    expect(rowsOf(log)).toEqual(['1', '2']);
  });

  it('are not named by a row of which there is none, or none left', () => {
    const log = opened();
    expect(log.nameInserted(users, ['1'])).toBe(false);
    log.addUnnamed(users, 1);
    expect(log.nameInserted(tableId('orders'), ['1'])).toBe(false);
    expect(log.nameInserted(users, ['1'])).toBe(true);
    expect(log.nameInserted(users, ['2'])).toBe(false);
    expect(rowsOf(log)).toEqual(['1']);
  });

  it('are not named by one key told twice', () => {
    const log = opened();
    log.addUnnamed(users, 2);
    log.nameInserted(users, ['1']);
    expect(log.nameInserted(users, ['1'])).toBe(false);
    expect(rowsOf(log)).toEqual(['**']);
  });

  it('are not named by a row that its own statement has told', () => {
    const log = opened();
    log.addUnnamed(users, 1);
    log.add(row('2'));
    expect(log.nameInserted(users, ['2'])).toBe(false);
    expect(rowsOf(log)).toEqual(['**']);
  });

  it('go with the savepoint that is rolled back', () => {
    const log = opened();
    log.savepoint('a');
    log.addUnnamed(users, 2);
    log.nameInserted(users, ['1']);
    log.rollbackTo('a');
    expect(rowsOf(log)).toEqual([]);
    expect(log.pending().isEmpty).toBe(true);
  });

  it('stay with what surrounds a savepoint that is released', () => {
    const log = opened();
    log.savepoint('a');
    log.addUnnamed(users, 1);
    log.releaseSavepoint('a');
    expect(rowsOf(log)).toEqual(['**']);
    log.nameInserted(users, ['1']);
    expect(rowsOf(log)).toEqual(['1']);
  });

  it('are named though a savepoint was opened in between', () => {
    const log = opened();
    log.addUnnamed(users, 1);
    log.savepoint('a');
    expect(log.nameInserted(users, ['1'])).toBe(true);
    log.rollbackTo('a');
    expect(rowsOf(log)).toEqual(['1']);
  });

  it('are never missed, whichever of them a savepoint takes along', () => {
    const log = opened();
    log.addUnnamed(users, 1);
    log.savepoint('a');
    log.addUnnamed(users, 1);
    log.nameInserted(users, ['outer']);
    log.rollbackTo('a');
    expect(rowsOf(log)).toEqual(['**']);
  });

  it('are never missed, in whatever order they are named', () => {
    const log = opened();
    log.addUnnamed(users, 1);
    log.savepoint('a');
    log.addUnnamed(users, 1);
    log.nameInserted(users, ['outer']);
    log.nameInserted(users, ['inner']);
    log.rollbackTo('a');
    expect(rowsOf(log)).toContain('outer');
  });
});

describe('the log, compared with one that keeps a list of everything', () => {
  interface Model {
    /** Everything that happened and still stands, in order. */
    entries: (
      | { readonly kind: 'savepoint'; readonly name: string }
      | { readonly kind: 'row'; readonly id: string }
      | { readonly kind: 'unnamed'; readonly id: string; named: boolean }
    )[];
    open: boolean;
    nextId: number;
  }
  interface Command {
    readonly label: string;
    readonly run: (model: Model, log: TransactionLog) => void;
  }

  const name = fc.constantFrom('a', 'b', 'c');
  const find = ({ entries }: Model, wanted: string): number =>
    entries.findLastIndex(
      entry => entry.kind === 'savepoint' && entry.name === wanted,
    );

  const command: fc.Arbitrary<Command> = fc.oneof(
    fc.constant<Command>({
      label: 'BEGIN',
      run: (model, log) => {
        model.open = true;
        log.begin();
      },
    }),
    fc.constantFrom('COMMIT', 'ROLLBACK').map(label => ({
      label,
      run: (model: Model, log: TransactionLog) => {
        model.open = false;
        model.entries = [];
        log.clear();
      },
    })),
    ...[1, 2].map(() =>
      name.map(savepoint => ({
        label: `SAVEPOINT ${savepoint}`,
        run: (model: Model, log: TransactionLog) => {
          if (!model.open) return;
          model.entries.push({ kind: 'savepoint', name: savepoint });
          log.savepoint(savepoint);
        },
      })),
    ),
    name.map(savepoint => ({
      label: `RELEASE ${savepoint}`,
      run: (model: Model, log: TransactionLog) => {
        const at = find(model, savepoint);
        if (at !== -1) {
          model.entries = model.entries.filter(
            ({ kind }, index) => index < at || kind !== 'savepoint',
          );
        }
        log.releaseSavepoint(savepoint);
      },
    })),
    name.map(savepoint => ({
      label: `ROLLBACK TO ${savepoint}`,
      run: (model: Model, log: TransactionLog) => {
        const at = find(model, savepoint);
        if (at !== -1) model.entries.splice(at + 1);
        log.rollbackTo(savepoint);
      },
    })),
    ...[1, 2].map(() =>
      fc.constant<Command>({
        label: 'write a row',
        run: (model, log) => {
          if (!model.open) return;
          model.nextId += 1;
          model.entries.push({ kind: 'row', id: `${model.nextId}` });
          log.add(row(`${model.nextId}`));
        },
      }),
    ),
    ...[1, 2, 3].map(() =>
      fc.constant<Command>({
        label: 'insert without a name',
        run: (model, log) => {
          if (!model.open) return;
          model.nextId += 1;
          const id = `${model.nextId}`;
          model.entries.push({ kind: 'unnamed', id, named: false });
          log.addUnnamed(users, 1);
        },
      }),
    ),
    ...[1, 2, 3, 4].map(() =>
      fc.nat().map(choice => ({
        label: `name one of the inserted (${choice})`,
        run: (model: Model, log: TransactionLog) => {
          const waiting = model.entries.flatMap(entry =>
            entry.kind === 'unnamed' && !entry.named ? [entry] : [],
          );
          const chosen = waiting[choice % waiting.length];
          if (!chosen) return;
          chosen.named = true;
          log.nameInserted(users, [chosen.id]);
        },
      })),
    ),
  );

  const commands = (size: number) =>
    fc.array(command, { minLength: 5, maxLength: size, size: 'max' });

  function check(list: readonly Command[], exact: boolean): void {
    const model: Model = { entries: [], open: false, nextId: 0 };
    const log = new TransactionLog(1000);
    for (const { label, run } of list) {
      run(model, log);
      const written = model.entries.flatMap(entry =>
        entry.kind === 'savepoint' ? [] : [entry.id],
      );
      const found = rowsOf(log);
      const missed = found.includes('**')
        ? []
        : written.filter(id => !found.includes(id));
      const needless = exact ? found.filter(id => !written.includes(id)) : [];
      const savepoints = model.entries.length - written.length;
      const depth = model.open ? 1 + savepoints : 0;
      if (missed.length + needless.length > 0 || log.depth !== depth) {
        throw new Error(
          `after ${label}: missed ${missed}, needless ${needless}, depth ${log.depth}`,
        );
      }
    }
  }

  it('names exactly what stands, where statements tell all keys', () => {
    const told = commands(60).map(list =>
      list.filter(({ label }) => !label.includes('insert')),
    );
    fc.assert(
      fc.property(told, list => check([...list], true)),
      { numRuns: 300 },
    );
  });

  it('never misses a row that stands, whoever tells its key and when', () => {
    fc.assert(
      fc.property(commands(60), list => check(list, false)),
      { numRuns: 1000 },
    );
  });
});
