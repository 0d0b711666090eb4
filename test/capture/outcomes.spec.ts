import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import {
  type EntitySubscriberInterface,
  type MigrationInterface,
  type QueryRunner,
} from 'typeorm';
import {
  createDatabase,
  describeOnEachDatabase,
  type OpenedDatabase,
} from '../support/databases.js';
import { type Identifier } from '../../lib/core/identifiers/identifier.js';
import { type ObservedZoo, observeZoo } from './observed-zoo.js';
import { seed } from './seed.js';
import { Order, OrderLine, User } from './zoo.js';

/** Every identifier of a row, table or "every row" of users. */
const ofUsers = (identifiers: readonly string[]): readonly string[] =>
  identifiers.filter(identifier => identifier.startsWith('alkey:users#'));

/** What one flow waits for until another opens it. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let resolveOpened: (() => void) | undefined;
  const opened = new Promise<void>(resolve => {
    resolveOpened = resolve;
  });
  return { opened, open: () => resolveOpened?.() };
}

describeOnEachDatabase('what becomes visible', (database, url) => {
  const { name } = database;
  let opened: OpenedDatabase;
  let zoo: ObservedZoo;

  beforeAll(async () => {
    opened = await createDatabase(database, url);
    zoo = await observeZoo(opened.options);
    await seed(zoo.dataSource);
  });
  afterAll(async () => {
    await zoo.close();
    await opened.drop();
  });
  beforeEach(() => {
    zoo.takeTouched();
    zoo.takeHeld();
  });

  it('is held before the commit and touched only after it', async () => {
    const seen: (readonly string[])[] = [];
    await zoo.dataSource.transaction(async tx => {
      await tx.update(User, 1, { name: 'x' });
      seen.push(zoo.takeHeld(), zoo.takeTouched());
    });
    expect(seen).toEqual([[], []]);
    expect(zoo.takeHeld()).toContain('alkey:users#1');
    expect(ofUsers(zoo.takeTouched())).toEqual([
      'alkey:users#*',
      'alkey:users#1',
    ]);
  });

  it('is nothing when a transaction is rolled back, and the token is the one from before, where nobody else could see it', async () => {
    const id = 'alkey:users#1' as Identifier;
    const [before] = await zoo.store.read([id]);
    await expect(
      zoo.dataSource.transaction(async tx => {
        await tx.update(User, 1, { name: 'y' });
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    // On SQLite's one connection others have read what is taken back.
    const dirty = name === 'sqlite';
    expect(zoo.takeTouched().includes(id)).toBe(dirty);
    const [after] = await zoo.store.read([id]);
    expect(after === before).toBe(!dirty);
  });

  it('is nothing where no row was updated, and the token is the one from before', async () => {
    const [before] = await zoo.store.read(['alkey:users#999' as Identifier]);
    await zoo.dataSource.manager.update(User, 999, { name: 'y' });
    expect(zoo.takeTouched()).toEqual([]);
    expect(await zoo.store.read(['alkey:users#999' as Identifier])).toEqual([
      before,
    ]);
  });

  // What takes two connections, of which SQLite's drivers have one.
  if (name !== 'sqlite') {
    it('is told apart by connection in parallel transactions', async () => {
      const first = zoo.dataSource.createQueryRunner();
      const second = zoo.dataSource.createQueryRunner();
      await first.startTransaction();
      await second.startTransaction();
      await first.manager.update(User, 1, { name: 'a' });
      await second.manager.update(User, 2, { name: 'b' });
      await first.commitTransaction();
      const afterFirst = ofUsers(zoo.takeTouched());
      await second.rollbackTransaction();
      const afterSecond = zoo.takeTouched();
      await Promise.all([first.release(), second.release()]);
      expect(afterFirst).toEqual(['alkey:users#*', 'alkey:users#1']);
      expect(afterSecond).toEqual([]);
    });

    it('includes what a runner left open when it was released and another commits', async () => {
      const runner = zoo.dataSource.createQueryRunner();
      await runner.startTransaction();
      await runner.manager.update(User, 1, { name: 'leaked' });
      await runner.release();
      await zoo.dataSource.transaction(tx =>
        tx.update(User, 2, { name: 'next' }),
      );
      const touched = ofUsers(zoo.takeTouched());
      const rows = await zoo.dataSource.query(
        "SELECT id FROM users WHERE name = 'leaked'",
      );
      // The pool decides whether the same connection came next.
      const expected =
        rows.length === 1
          ? ['alkey:users#*', 'alkey:users#1', 'alkey:users#2']
          : ['alkey:users#*', 'alkey:users#2'];
      expect(touched).toEqual(expected);
    });

    it('is what is left after a deadlock', async () => {
      const runners = [0, 1].map(() => zoo.dataSource.createQueryRunner());
      const [first, second] = runners as [QueryRunner, QueryRunner];
      await Promise.all(runners.map(runner => runner.startTransaction()));
      await first.manager.update(User, 1, { score: 1 });
      await second.manager.update(User, 2, { score: 1 });
      const ends = await Promise.allSettled([
        first.manager.update(User, 2, { score: 2 }),
        second.manager.update(User, 1, { score: 2 }),
      ]);
      expect(ends.map(({ status }) => status).toSorted()).toEqual([
        'fulfilled',
        'rejected',
      ]);
      for (const [index, { status }] of ends.entries()) {
        const runner = runners[index];
        if (status === 'fulfilled') await runner?.commitTransaction();
        else await runner?.rollbackTransaction();
      }
      await Promise.all(runners.map(runner => runner.release()));
      expect(ofUsers(zoo.takeTouched())).toEqual([
        'alkey:users#*',
        'alkey:users#1',
        'alkey:users#2',
      ]);
    });
  }

  if (name === 'sqlite') {
    it.each([
      ['commits', ['alkey:users#1', 'alkey:users#2', 'alkey:users#3']],
      ['rolls back', ['alkey:users#1', 'alkey:users#2', 'alkey:users#3']],
    ])(
      'is decided by the flow that began, where others share its connection and it %s',
      async (end, rows) => {
        const arrival = gate();
        const others = gate();
        const outer = zoo.dataSource
          .transaction(async tx => {
            await tx.update(User, 1, { name: end });
            arrival.open();
            await others.opened;
            if (end === 'rolls back') throw new Error('no');
          })
          .catch(() => {});
        await arrival.opened;
        // A savepoint of the other flow's transaction, and a statement right inside of it.
        await zoo.dataSource.transaction(tx =>
          tx.update(User, 2, { name: end }),
        );
        await zoo.dataSource.manager.update(User, 3, { name: end });
        expect(zoo.takeTouched()).toEqual([]);
        others.open();
        await outer;
        const touched = ofUsers(zoo.takeTouched());
        expect(touched.filter(one => one !== 'alkey:users#*')).toEqual(rows);
      },
    );
  }

  it('is seen even where another subscriber throws after the write', async () => {
    const rude: EntitySubscriberInterface = {
      afterQuery: () => {
        throw new Error('rude');
      },
    };
    zoo.dataSource.subscribers.push(rude);
    try {
      await zoo.dataSource.manager
        .update(User, 1, { name: 'rude' })
        .catch(() => {});
    } finally {
      zoo.dataSource.subscribers.splice(
        zoo.dataSource.subscribers.indexOf(rude),
        1,
      );
    }
    expect(ofUsers(zoo.takeTouched())).toContain('alkey:users#1');
  });

  it('includes what a migration changes', async () => {
    class AddNote1700000000000 implements MigrationInterface {
      async up(runner: QueryRunner): Promise<void> {
        await runner.query('ALTER TABLE users ADD note varchar(20)');
      }
      async down(runner: QueryRunner): Promise<void> {
        await runner.query('ALTER TABLE users DROP COLUMN note');
      }
    }
    (zoo.dataSource.migrations as MigrationInterface[]).push(
      new AddNote1700000000000(),
    );
    await zoo.dataSource.runMigrations();
    const up = ofUsers(zoo.takeTouched());
    await zoo.dataSource.undoLastMigration();
    expect(up).toEqual(['alkey:users#*', 'alkey:users#**']);
    expect(ofUsers(zoo.takeTouched())).toEqual([
      'alkey:users#*',
      'alkey:users#**',
    ]);
  });

  it('needs one look-up by key for the parents of rows that are named, inside a transaction', async () => {
    const sent: string[] = [];
    const spy: EntitySubscriberInterface = {
      beforeQuery: ({ query }) => {
        sent.push(query);
      },
    };
    zoo.dataSource.subscribers.push(spy);
    await zoo.dataSource.transaction(async tx => {
      await tx.update(Order, 1, { item: 'x' });
      await tx.update(User, 1, { name: 'x' });
      await tx.insert(OrderLine, { order: { id: 1 } });
    });
    await zoo.dataSource.manager.update(Order, 1, { item: 'y' });
    zoo.dataSource.subscribers.splice(
      zoo.dataSource.subscribers.indexOf(spy),
      1,
    );
    const ours = sent.filter(sql => sql.startsWith('/* nestjs-alkey */'));
    expect(ours).toHaveLength(1);
    expect(ours[0]).toMatch(/SELECT .*id.*user_id.* FROM .*orders.* WHERE/);
  });

  it('goes on being seen after the data source was destroyed and initialized again', async () => {
    await zoo.dataSource.destroy();
    await zoo.dataSource.initialize();
    // SQLite's memory is gone; everything was outdated by the new schema.
    expect(zoo.takeTouched()).toContain('alkey:users#**');
    await zoo.dataSource.manager.save(User, { email: 'again' });
    expect(ofUsers(zoo.takeTouched())).toContain('alkey:users#*');
  });
});
