import { City, Country } from '../entities/atlas.js';
import { Airline } from '../entities/aviation.js';
import { Order, OrderLine, Review, Tag, User } from '../entities/people.js';
import { Setting } from '../entities/writing.js';
import { chosen } from '../read.js';
import { CITY_IDS, COUNTRY_CODES } from '../seed.js';
import { raw, rolledBack, type Write } from '../write.js';

/** Transactions, savepoints, and SQL that is written by hand. */
export const TRANSACTIONS: readonly Write[] = [
  {
    name: 'transaction: several writes',
    run: (manager, n) =>
      manager.transaction(async transaction => {
        await transaction.increment(User, { id: n + 1 }, 'score', 1);
        await transaction.insert(Order, { user: { id: n + 1 }, total: '1.00' });
        await transaction.update(City, chosen(CITY_IDS, n), { name: `C${n}` });
      }),
  },
  {
    name: 'transaction: reads its own writes',
    run: (manager, n) =>
      manager.transaction(async transaction => {
        await transaction.update(User, n + 1, { score: 50 });
        const user = await transaction.findOneBy(User, { id: n + 1 });
        await transaction.upsert(
          Setting,
          { key: 'score', value: String(user?.score) },
          ['key'],
        );
      }),
  },
  {
    name: 'transaction: rolled back',
    run: (manager, n) =>
      rolledBack(manager, async transaction => {
        await transaction.update(User, n + 1, { score: 99 });
        await transaction.find(User);
        await transaction.delete(Review, { rating: 3 });
        await transaction.insert(Tag, { label: 'rolled back' });
      }),
  },
  {
    name: 'transaction: fails in the database',
    run: (manager, n) =>
      manager.transaction(async transaction => {
        await transaction.update(User, n + 1, { score: 98 });
        await transaction.insert(City, {
          id: chosen(CITY_IDS, 1),
          name: 'There already',
          location: { latitude: 0, longitude: 0 },
          countryCode: 'FR',
        });
      }),
  },
  {
    name: 'transaction: by hand, with a query runner',
    async run({ dataSource }, n) {
      const runner = dataSource.createQueryRunner();
      try {
        await runner.startTransaction();
        await runner.manager.update(Airline, n + 1, { status: 'grounded' });
        await runner.manager.find(Airline);
        await runner.commitTransaction();
      } catch (error) {
        if (runner.isTransactionActive) await runner.rollbackTransaction();
        throw error;
      } finally {
        await runner.release();
      }
    },
  },
  {
    name: 'savepoint: rolled back, writes before and after it',
    run: (manager, n) =>
      manager.transaction(async transaction => {
        await transaction.update(User, 1, { score: 30 + n });
        await rolledBack(transaction, async inner => {
          await inner.update(User, n + 1, { score: 97 });
          await inner.deleteAll(Setting);
        });
        await transaction.insert(Tag, { label: `after a savepoint ${n}` });
      }),
  },
  {
    name: 'savepoint: released, then the transaction is rolled back',
    run: (manager, n) =>
      rolledBack(manager, transaction =>
        transaction.transaction(inner =>
          inner.update(User, n + 1, { score: 96 }),
        ),
      ),
  },
  {
    name: 'savepoint: two levels, the inner one rolled back',
    run: (manager, n) =>
      manager.transaction(transaction =>
        transaction.transaction(async inner => {
          await inner.update(Order, n + 1, { total: '77.00' });
          await rolledBack(inner, innermost =>
            innermost.delete(OrderLine, { order: { id: n + 1 } }),
          );
        }),
      ),
  },
  {
    name: 'sql: update',
    async run(manager, n) {
      const statement = raw(
        manager,
        ['UPDATE {users} SET {score} = ', ' WHERE {id} = ', ''],
        40 + n,
        n + 1,
      );
      await manager.query(...statement);
    },
  },
  {
    name: 'sql: update by another table',
    async run(manager, n) {
      const statement = raw(
        manager,
        [
          'UPDATE {cities} SET {population} = {population} + 1 WHERE {countryCode} IN (SELECT {code} FROM {countries} WHERE {code} <> ',
          ')',
        ],
        chosen(COUNTRY_CODES, n),
      );
      await manager.query(...statement);
    },
  },
  {
    name: 'sql: insert',
    async run(manager, n) {
      const statement = raw(
        manager,
        ['INSERT INTO {settings} ({key}, {value}) VALUES (', ', ', ')'],
        `raw ${n}`,
        'inserted',
      );
      await manager.query(...statement);
    },
  },
  {
    name: 'sql: insert from a select',
    async run(manager, n) {
      const statement = raw(
        manager,
        [
          'INSERT INTO {tags} ({label}) SELECT {name} FROM {alliances} WHERE {id} = ',
          '',
        ],
        n + 1,
      );
      await manager.query(...statement);
    },
  },
  {
    name: 'sql: delete',
    async run(manager, n) {
      const statement = raw(
        manager,
        ['DELETE FROM {reviews} WHERE {id} = ', ''],
        n + 1,
      );
      await manager.query(...statement);
    },
  },
  {
    name: 'sql: delete from a join table',
    async run(manager, n) {
      const statement = raw(
        manager,
        ['DELETE FROM {alliance_members} WHERE {airline_id} = ', ''],
        n + 1,
      );
      await manager.query(...statement);
    },
  },
  {
    name: 'sql: in a transaction',
    run: (manager, n) =>
      manager.transaction(async transaction => {
        const statement = raw(
          transaction,
          ['UPDATE {countries} SET {landlocked} = ', ' WHERE {code} = ', ''],
          n % 2 === 0,
          chosen(COUNTRY_CODES, n),
        );
        await transaction.query(...statement);
        await transaction.findBy(Country, { landlocked: true });
      }),
  },
];
