import {
  Between,
  ILike,
  In,
  IsNull,
  LessThan,
  LessThanOrEqual,
  Like,
  MoreThan,
  MoreThanOrEqual,
  Not,
  Or,
  Raw,
} from 'typeorm';
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
  Payment,
  Profile,
  Review,
  Tag,
  TransferPayment,
  User,
} from '../entities/people.js';
import { Article, CountryStatistics, Setting } from '../entities/writing.js';
import { chosen, type Read } from '../read.js';
import {
  AIRCRAFT_IDS,
  AIRPORT_CODES,
  ARTICLE_IDS,
  CITY_IDS,
  COUNTRY_CODES,
  SETTING_KEYS,
} from '../seed.js';

/** `find`, `findBy`, `findOne` and their like, with all that their options say. */
export const FINDS: readonly Read[] = [
  {
    name: 'a user by its key',
    run: (manager, id) => manager.findOneBy(User, { id: id + 1 }),
  },
  {
    name: 'a country by its text key',
    run: (manager, n) =>
      manager.findOneBy(Country, { code: chosen(COUNTRY_CODES, n) }),
  },
  {
    name: 'an aircraft by its uuid',
    run: (manager, n) =>
      manager.findOneBy(Aircraft, { id: chosen(AIRCRAFT_IDS, n) }),
  },
  {
    name: 'a flight by its composite key',
    run: (manager, n) =>
      manager.findOneBy(Flight, { airlineId: n + 1, number: '1' }),
  },
  {
    name: 'a membership by its composite key, with both ends',
    run: (manager, n) =>
      manager.findOne(Membership, {
        where: { userId: n + 1, allianceId: 1 },
        relations: { user: true, alliance: true },
      }),
  },
  {
    name: 'a user by a unique column',
    run: (manager, n) =>
      manager.findOneBy(User, {
        email: `${chosen(['ada', 'bo', 'new', 'other'], n)}@example.org`,
      }),
  },
  {
    name: 'an airline by a unique column that may be null',
    run: (manager, n) =>
      manager.findOneBy(Airline, { code: chosen(['AF', 'LX', 'ZZ', 'Q0'], n) }),
  },
  {
    name: 'a row that is missing',
    run: (manager, n) => manager.findOneBy(User, { id: 1_000_000 + n }),
  },
  {
    name: 'findOneOrFail, or the name of its error',
    run: (manager, n) =>
      manager
        .findOneOrFail(Tag, { where: { id: n + 1 } })
        .catch((error: Error) => error.name),
  },
  {
    name: 'settings, all of them',
    ordered: true,
    run: manager => manager.find(Setting, { order: { key: 'ASC' } }),
  },
  {
    name: 'a setting by its key',
    run: (manager, n) =>
      manager.findOneBy(Setting, { key: chosen([...SETTING_KEYS, 'new'], n) }),
  },
  {
    name: 'cities IN a list',
    run: (manager, n) =>
      manager.findBy(City, { id: In(CITY_IDS.slice(n, n + 4)) }),
  },
  {
    name: 'users IN an empty list',
    run: manager => manager.findBy(User, { id: In([]) }),
  },
  {
    name: 'airlines Like',
    run: (manager, n) =>
      manager.findBy(Airline, {
        name: Like(`%${chosen('aisn'.split(''), n)}%`),
      }),
  },
  {
    name: 'tags ILike',
    run: (manager, n) =>
      manager.findBy(Tag, { label: ILike(`${chosen(['O', 'N', 'x'], n)}%`) }),
  },
  {
    name: 'users Between',
    run: (manager, n) => manager.findBy(User, { score: Between(n, n + 2) }),
  },
  {
    name: 'users without a manager',
    run: manager => manager.findBy(User, { manager: IsNull() }),
  },
  {
    name: 'reviews by Or and Not',
    run: (manager, n) =>
      manager.findBy(Review, {
        rating: Or(LessThan(2), MoreThan(4)),
        text: Not(`Review ${n}`),
      }),
  },
  {
    name: 'orders by a range of decimals and dates',
    run: (manager, n) =>
      manager.findBy(Order, {
        total: MoreThanOrEqual(`${n}0.00`),
        placedAt: LessThanOrEqual(new Date(Date.UTC(2024, 2, 28))),
      }),
  },
  {
    name: 'users by either of two conditions',
    run: (manager, n) =>
      manager.find(User, {
        where: [{ active: false }, { score: n, name: { last: 'Beech' } }],
      }),
  },
  {
    name: 'cities by an embedded column',
    run: (manager, n) =>
      manager.findBy(City, { location: { latitude: MoreThan(35 + 4 * n) } }),
  },
  {
    name: 'cities by a Raw condition',
    run: (manager, n) =>
      manager.findBy(City, {
        population: Raw(column => `${column} > :least`, {
          least: 200_000 * n,
        }),
      }),
  },
  {
    name: 'users withDeleted',
    ordered: true,
    run: manager =>
      manager.find(User, { withDeleted: true, order: { id: 'ASC' } }),
  },
  {
    name: 'reviews withDeleted and their authors',
    run: manager =>
      manager.find(Review, { withDeleted: true, relations: { author: true } }),
  },
  {
    name: 'users by score, descending',
    ordered: true,
    run: (manager, n) =>
      manager.find(User, { order: { score: 'DESC', id: 'ASC' }, take: n + 1 }),
  },
  {
    name: 'reviews ordered by a column of their author',
    ordered: true,
    run: manager =>
      manager.find(Review, {
        relations: { author: true },
        order: { author: { score: 'DESC' }, id: 'ASC' },
      }),
  },
  {
    name: 'single columns of users',
    run: manager =>
      manager.find(User, { select: { id: true, name: { first: true } } }),
  },
  {
    name: 'single columns of a relation',
    run: manager =>
      manager.find(Country, {
        select: { code: true, region: { name: true } },
        relations: { region: true },
      }),
  },
  {
    name: 'countries with cities and region',
    run: (manager, n) =>
      manager.find(Country, {
        where: { code: chosen(COUNTRY_CODES, n) },
        relations: { cities: true, region: true },
      }),
  },
  {
    name: 'countries with languages',
    run: manager => manager.find(Country, { relations: { languages: true } }),
  },
  {
    name: 'a language with its countries',
    run: (manager, n) =>
      manager.findOne(Language, {
        where: { code: chosen(['fra', 'gsw', 'spa', 'jpn'], n) },
        relations: { countries: true },
      }),
  },
  {
    name: 'countries of a language',
    run: (manager, n) =>
      manager.findBy(Country, {
        languages: { code: chosen(['fra', 'gsw', 'spa', 'jpn'], n) },
      }),
  },
  {
    name: 'airlines by the name of an alliance',
    run: manager =>
      manager.findBy(Airline, { alliances: { name: Like('S%') } }),
  },
  {
    name: 'an alliance with airlines and their fleet',
    run: (manager, n) =>
      manager.findOne(Alliance, {
        where: { id: n + 1 },
        relations: { airlines: { fleet: true } },
      }),
  },
  {
    name: 'flags with bytes (an EntitySchema)',
    run: manager => manager.find(Flag),
  },
  {
    name: 'a profile with its user',
    run: (manager, n) =>
      manager.findOne(Profile, {
        where: { id: n + 1 },
        relations: { user: true },
      }),
  },
  {
    name: 'a user with profile, orders and reports',
    run: (manager, n) =>
      manager.findOne(User, {
        where: { id: n + 1 },
        relations: { profile: true, orders: true, reports: true },
      }),
  },
  {
    name: 'reports of reports (self-reference)',
    run: manager =>
      manager.find(User, { relations: { reports: { reports: true } } }),
  },
  {
    name: 'an airport with its eager city',
    run: (manager, n) =>
      manager.findOneBy(Airport, { code: chosen(AIRPORT_CODES, n) }),
  },
  {
    name: 'airports without their eager city',
    run: manager => manager.find(Airport, { loadEagerRelations: false }),
  },
  {
    name: 'flights four levels deep',
    run: (manager, n) =>
      manager.find(Flight, {
        where: { airlineId: n + 1 },
        relations: { airline: { country: { region: true } }, target: true },
      }),
  },
  {
    name: 'an order with lines, flights and payments',
    run: (manager, n) =>
      manager.findOne(Order, {
        where: { id: n + 1 },
        relations: { lines: { flight: true }, payments: true },
      }),
  },
  {
    name: 'users with orders, each relation by a query',
    run: manager =>
      manager.find(User, {
        relations: { orders: { payments: true }, profile: true },
        relationLoadStrategy: 'query',
      }),
  },
  {
    name: 'reviews with tags, by a query',
    run: (manager, n) =>
      manager.find(Review, {
        where: { rating: MoreThan(n) },
        relations: { tags: true, city: true },
        relationLoadStrategy: 'query',
      }),
  },
  {
    name: 'reviews of a city by its country',
    run: (manager, n) =>
      manager.findBy(Review, {
        city: { country: { code: chosen(COUNTRY_CODES, n) } },
      }),
  },
  {
    name: 'articles with comments and replies',
    run: (manager, n) =>
      manager.findOne(Article, {
        where: { id: chosen(ARTICLE_IDS, n) },
        relations: {
          comments: { replies: true },
          category: true,
          author: true,
        },
      }),
  },
  {
    name: 'payments of all kinds',
    run: manager => manager.find(Payment),
  },
  {
    name: 'card payments (child of single-table inheritance)',
    run: manager => manager.find(CardPayment, { relations: { order: true } }),
  },
  {
    name: 'transfers of some cents',
    run: (manager, n) =>
      manager.findBy(TransferPayment, { cents: MoreThan(100 * n) }),
  },
  {
    name: 'loadRelationIds of a review',
    run: (manager, n) =>
      manager.findOne(Review, { where: { id: n + 1 }, loadRelationIds: true }),
  },
  {
    name: 'loadRelationIds of all airlines',
    run: manager =>
      manager.find(Airline, {
        loadRelationIds: { relations: ['alliances', 'country'] },
      }),
  },
  {
    name: 'a view',
    ordered: true,
    run: manager => manager.find(CountryStatistics, { order: { code: 'ASC' } }),
  },
  {
    name: 'a row of a view',
    run: (manager, n) =>
      manager.findOneBy(CountryStatistics, { code: chosen(COUNTRY_CODES, n) }),
  },
  {
    name: 'regions with their countries',
    run: manager =>
      manager.find(Region, { relations: { countries: true, parent: true } }),
  },
];
