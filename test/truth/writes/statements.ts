import { In, IsNull, LessThan, Like, MoreThan } from 'typeorm';
import { City, Country, Flag, Language, Region } from '../entities/atlas.js';
import {
  Aircraft,
  Airline,
  Airport,
  Alliance,
  Flight,
} from '../entities/aviation.js';
import {
  CardPayment,
  Membership,
  Order,
  OrderLine,
  Payment,
  Profile,
  Review,
  Tag,
  User,
} from '../entities/people.js';
import { Article, Comment, Setting } from '../entities/writing.js';
import { chosen } from '../read.js';
import {
  AIRCRAFT_IDS,
  AIRPORT_CODES,
  ARTICLE_IDS,
  CITY_IDS,
  COUNTRY_CODES,
  SETTING_KEYS,
} from '../seed.js';
import { type Write } from '../write.js';

/** A write whose answer nobody reads. */
function write(
  name: string,
  run: (...parts: Parameters<Write['run']>) => Promise<unknown>,
): Write {
  return {
    name,
    async run(manager, argument) {
      await run(manager, argument);
    },
  };
}

/** `insert`, `update`, `delete` and their like, by the manager and by query builders. */
export const STATEMENTS: readonly Write[] = [
  write('insert a tag', (manager, n) =>
    manager.insert(Tag, { label: `inserted ${n}` }),
  ),
  write('insert two cities', (manager, n) =>
    manager.insert(
      City,
      [1, 2].map(index => ({
        id: 10 * n + index,
        name: `Inserted ${index}`,
        population: 1_000_000 * n,
        location: { latitude: 40, longitude: index },
        countryCode: chosen(COUNTRY_CODES, n),
      })),
    ),
  ),
  write('insert a flight with a composite key', (manager, n) =>
    manager.insert(Flight, {
      airlineId: n + 1,
      number: '3',
      target: { code: chosen(AIRPORT_CODES, n) },
    }),
  ),
  write('insert a membership', (manager, n) =>
    manager.insert(Membership, { userId: n + 1, allianceId: 2, miles: n }),
  ),
  write('insert a language', (manager, n) =>
    manager.insert(Language, { code: `in${n}`, name: 'Inserted' }),
  ),
  write('insert a flag with bytes', (manager, n) =>
    manager.insert(Flag, {
      countryCode: chosen(['FR', 'XX', 'XY'], n),
      caption: 'Inserted',
      image: Buffer.from([n]),
    }),
  ),
  write('update a user by its key', (manager, n) =>
    manager.update(User, n + 1, { score: 10 + n }),
  ),
  write('update users by several keys', (manager, n) =>
    manager.update(User, [n + 1, n + 2], { active: n % 2 === 0 }),
  ),
  write('update users by a condition', (manager, n) =>
    manager.update(User, { score: LessThan(n) }, { score: n }),
  ),
  write('update an embedded column', (manager, n) =>
    manager.update(User, n + 1, { name: { last: `Renamed ${n}` } }),
  ),
  write('update a unique column', (manager, n) =>
    manager.update(Airline, n + 1, { code: n % 2 ? 'ZZ' : null }),
  ),
  write('update a foreign key', (manager, n) =>
    manager.update(Order, n + 1, { user: { id: 1 + ((n + 1) % 5) } }),
  ),
  write('update a foreign key by a condition', (manager, n) =>
    manager.update(
      City,
      { population: MoreThan(500_000 * n) },
      { countryCode: chosen(COUNTRY_CODES, n) },
    ),
  ),
  write('update a composite key', (manager, n) =>
    manager.update(
      Membership,
      { userId: n + 1, allianceId: 1 },
      { allianceId: 3 },
    ),
  ),
  write('update a text key', (manager, n) =>
    manager.update(
      Setting,
      { key: chosen(SETTING_KEYS, n) },
      { key: `${chosen(SETTING_KEYS, n)}!` },
    ),
  ),
  write('update a decimal and a date', (manager, n) =>
    manager.update(Order, n + 1, {
      total: `1${n}.75`,
      placedAt: n ? new Date(Date.UTC(2024, n, 1)) : null,
    }),
  ),
  write('update a bigint and a list', (manager, n) =>
    manager.update(Country, chosen(COUNTRY_CODES, n), {
      population: String(9_007_199_254_740_993n + BigInt(n)),
      currencies: [`N${n}`],
    }),
  ),
  write('update an aircraft by its uuid', (manager, n) =>
    manager.update(Aircraft, chosen(AIRCRAFT_IDS, n), { seats: n }),
  ),
  write('update a child of single-table inheritance', (manager, n) =>
    manager.update(CardPayment, n + 1, { cents: n, lastDigits: null }),
  ),
  write('updateAll', (manager, n) =>
    manager.updateAll(Setting, { value: `all ${n}` }),
  ),
  write('upsert a setting', (manager, n) =>
    manager.upsert(
      Setting,
      { key: chosen([...SETTING_KEYS, 'new'], n), value: `upserted ${n}` },
      ['key'],
    ),
  ),
  write('upsert users by a unique column', (manager, n) =>
    manager.upsert(
      User,
      [
        { email: 'ada@example.org', score: 20 + n },
        { email: 'new@example.org', score: n },
      ],
      ['email'],
    ),
  ),
  write('increment a score', (manager, n) =>
    manager.increment(User, { id: n + 1 }, 'score', 2),
  ),
  write('decrement quantities', (manager, n) =>
    manager.decrement(OrderLine, { quantity: MoreThan(n) }, 'quantity', 1),
  ),
  write('delete a tag by its key', (manager, n) => manager.delete(Tag, n + 1)),
  write('delete a user, cascading', (manager, n) =>
    manager.delete(User, { id: n + 1 }),
  ),
  write('delete a country, cascading far', (manager, n) =>
    manager.delete(Country, chosen(COUNTRY_CODES, n)),
  ),
  write('delete an airline, cascading', (manager, n) =>
    manager.delete(Airline, n + 1),
  ),
  write('delete an airport, cascading and setting null', (manager, n) =>
    manager.delete(Airport, chosen(AIRPORT_CODES, n)),
  ),
  write('delete an article', (manager, n) =>
    manager.delete(Article, chosen(ARTICLE_IDS, n)),
  ),
  write('delete flights by a condition', (manager, n) =>
    manager.delete(Flight, { seats: MoreThan(100), airlineId: n + 1 }),
  ),
  write('delete cities IN a list', (manager, n) =>
    manager.delete(City, { id: In([10 * n + 1, chosen(CITY_IDS, n + 3)]) }),
  ),
  write('delete payments by a condition', (manager, n) =>
    manager.delete(Payment, { cents: LessThan(50 * n) }),
  ),
  write('delete profiles without a user', manager =>
    manager.delete(Profile, { user: IsNull() }),
  ),
  write('delete regions by name', (manager, n) =>
    manager.delete(Region, { name: Like(`Region ${n}%`) }),
  ),
  write('deleteAll settings', manager => manager.deleteAll(Setting)),
  write('softDelete a user', (manager, n) => manager.softDelete(User, n + 1)),
  write('softDelete reviews by a condition', (manager, n) =>
    manager.softDelete(Review, { rating: n + 1 }),
  ),
  write('restore a user', (manager, n) => manager.restore(User, n + 1)),
  write('restore all reviews', manager =>
    manager.restore(Review, { version: MoreThan(0) }),
  ),
  write('builder: insert', (manager, n) =>
    manager
      .createQueryBuilder()
      .insert()
      .into(Comment)
      .values({ text: `Built ${n}`, article: { id: chosen(ARTICLE_IDS, n) } })
      .execute(),
  ),
  write('builder: insert orIgnore', (manager, n) =>
    manager
      .createQueryBuilder()
      .insert()
      .into(Tag)
      .values([{ label: 'old' }, { label: `ignored ${n}` }])
      .orIgnore()
      .execute(),
  ),
  write('builder: insert orUpdate', (manager, n) =>
    manager
      .createQueryBuilder()
      .insert()
      .into(Membership)
      .values({ userId: 1, allianceId: n + 1, miles: 7 * n })
      .orUpdate(['miles'], ['userId', 'allianceId'])
      .execute(),
  ),
  write('builder: update by a condition', (manager, n) =>
    manager
      .createQueryBuilder()
      .update(Review)
      .set({ rating: () => 'rating + 1' })
      .where('rating <= :n', { n })
      .execute(),
  ),
  write('builder: update everything', (manager, n) =>
    manager
      .createQueryBuilder()
      .update(Alliance)
      .set({ name: `Merged ${n}` })
      .execute(),
  ),
  write('builder: delete by a condition', (manager, n) =>
    manager
      .createQueryBuilder()
      .delete()
      .from(OrderLine)
      .where('quantity = :n', { n })
      .execute(),
  ),
  write('builder: softDelete', (manager, n) =>
    manager
      .createQueryBuilder()
      .softDelete()
      .from(Review)
      .where('id > :id', { id: 2 + n })
      .execute(),
  ),
  write('relation: add to many-to-many', (manager, n) =>
    manager
      .createQueryBuilder()
      .relation(Review, 'tags')
      .of(n + 1)
      .add([1]),
  ),
  write('relation: remove from many-to-many', (manager, n) =>
    manager
      .createQueryBuilder()
      .relation(Review, 'tags')
      .of(n + 1)
      .remove([1, 2]),
  ),
  write('relation: add to many-to-many from the other side', (manager, n) =>
    manager
      .createQueryBuilder()
      .relation(Alliance, 'airlines')
      .of(3)
      .add([n + 1]),
  ),
  write('relation: addAndRemove of a default join table', (manager, n) =>
    manager
      .createQueryBuilder()
      .relation(Country, 'languages')
      .of(chosen(COUNTRY_CODES, n))
      .addAndRemove(['spa'], ['fra', 'jpn']),
  ),
  write('relation: set many-to-one', (manager, n) =>
    manager
      .createQueryBuilder()
      .relation(Airline, 'country')
      .of(n + 1)
      .set(n % 2 ? null : 'JP'),
  ),
  write('relation: add to one-to-many', (manager, n) =>
    manager
      .createQueryBuilder()
      .relation(User, 'reports')
      .of(n + 1)
      .add([5 - n]),
  ),
];
