import { type EntityManager, type SelectQueryBuilder } from 'typeorm';
import { City, Country, Flag } from '../entities/atlas.js';
import { Airline, Flight } from '../entities/aviation.js';
import {
  CardPayment,
  FullName,
  Order,
  OrderLine,
  Payment,
  Review,
  Tag,
  User,
} from '../entities/people.js';
import { Article, Comment, CountryStatistics } from '../entities/writing.js';
import { chosen, type Read } from '../read.js';
import { CITY_IDS, COUNTRY_CODES } from '../seed.js';

function users(manager: EntityManager): SelectQueryBuilder<User> {
  return manager.createQueryBuilder(User, 'user');
}

/** Query builders. */
export const BUILDERS: readonly Read[] = [
  {
    name: 'builder: users by score',
    run: (manager, n) =>
      users(manager).where('user.score >= :n', { n }).getMany(),
  },
  {
    name: 'builder: one user',
    run: (manager, n) =>
      users(manager)
        .where({ id: n + 1 })
        .getOne(),
  },
  {
    name: 'builder: whereInIds',
    run: (manager, n) =>
      users(manager)
        .whereInIds([n, n + 1, n + 2])
        .getMany(),
  },
  {
    name: 'builder: raw rows of users',
    run: manager =>
      users(manager)
        .select('user.id', 'id')
        .addSelect('user.name.last', 'last')
        .getRawMany(),
  },
  {
    name: 'builder: a raw Buffer',
    run: (manager, n) =>
      manager
        .createQueryBuilder(Flag, 'flag')
        .select(['flag.id', 'flag.image'])
        .where('flag.id = :id', { id: n + 1 })
        .getRawOne(),
  },
  {
    name: 'builder: raw Dates',
    run: manager =>
      manager
        .createQueryBuilder(Order, 'order')
        .select('order.id', 'id')
        .addSelect('order.placedAt', 'placedAt')
        .getRawMany(),
  },
  {
    name: 'builder: raw rows and entities',
    run: (manager, n) =>
      manager
        .createQueryBuilder(Review, 'review')
        .addSelect('review.rating * 2', 'doubled')
        .where('review.rating > :n', { n })
        .getRawAndEntities(),
  },
  {
    name: 'builder: reviews by rating (groupBy)',
    ordered: true,
    run: manager =>
      manager
        .createQueryBuilder(Review, 'review')
        .select('review.rating', 'rating')
        .addSelect('COUNT(*)', 'reviews')
        .addSelect('MAX(review.version)', 'version')
        .groupBy('review.rating')
        .orderBy('review.rating')
        .getRawMany(),
  },
  {
    name: 'builder: large countries (having)',
    run: (manager, n) =>
      manager
        .createQueryBuilder(City, 'city')
        .innerJoin('city.country', 'country')
        .select('country.name', 'name')
        .addSelect('SUM(city.population)', 'inhabitants')
        .groupBy('country.name')
        .having('SUM(city.population) > :least', { least: n * 2_000_000 })
        .getRawMany(),
  },
  {
    name: 'builder: distinct last names',
    run: manager =>
      users(manager).select('user.name.last', 'last').distinct().getRawMany(),
  },
  {
    name: 'builder: count',
    run: (manager, n) =>
      users(manager).where('user.score > :n', { n }).getCount(),
  },
  {
    name: 'builder: count over a join',
    run: manager =>
      users(manager)
        .innerJoin('user.orders', 'order')
        .innerJoin('order.lines', 'line')
        .getCount(),
  },
  {
    name: 'builder: exists',
    run: (manager, n) =>
      users(manager)
        .where('user.score = :n', { n: n + 2 })
        .getExists(),
  },
  {
    name: 'builder: many and count, with a limit',
    run: (manager, n) =>
      manager
        .createQueryBuilder(City, 'city')
        .where('city.countryCode = :code', { code: chosen(COUNTRY_CODES, n) })
        .orderBy('city.id')
        .limit(3)
        .getManyAndCount(),
  },
  {
    name: 'builder: a page over two joins',
    ordered: true,
    run: (manager, n) =>
      users(manager)
        .leftJoinAndSelect('user.orders', 'order')
        .leftJoinAndSelect('order.lines', 'line')
        .orderBy('user.id')
        .skip(n)
        .take(2)
        .getMany(),
  },
  {
    name: 'builder: joins to the region of a flight',
    run: (manager, n) =>
      manager
        .createQueryBuilder(Flight, 'flight')
        .leftJoinAndSelect('flight.target', 'target')
        .leftJoinAndSelect('target.city', 'city')
        .leftJoinAndSelect('city.country', 'country')
        .leftJoinAndSelect('country.region', 'region')
        .where('flight.airlineId = :id', { id: n + 1 })
        .getMany(),
  },
  {
    name: 'builder: a join with a condition',
    run: (manager, n) =>
      manager
        .createQueryBuilder(Airline, 'airline')
        .leftJoinAndSelect('airline.fleet', 'aircraft', 'aircraft.seats > :n', {
          n: 99 + n,
        })
        .getMany(),
  },
  {
    name: 'builder: a join to an entity without a relation',
    run: manager =>
      manager
        .createQueryBuilder(Country, 'country')
        .innerJoinAndMapOne(
          'country.statistics',
          CountryStatistics,
          'statistics',
          'statistics.code = country.code',
        )
        .getMany(),
  },
  {
    name: 'builder: a subquery in WHERE',
    run: (manager, n) =>
      users(manager)
        .where(
          builder =>
            `user.id IN ${builder
              .subQuery()
              .select('review.author')
              .from(Review, 'review')
              .where('review.rating > :n')
              .getQuery()}`,
        )
        .setParameter('n', n)
        .getMany(),
  },
  {
    name: 'builder: whereExists',
    run: manager =>
      manager
        .createQueryBuilder(Tag, 'tag')
        .whereExists(
          manager
            .createQueryBuilder(Review, 'review')
            .innerJoin('review.tags', 'own')
            .where('own.id = tag.id'),
        )
        .getMany(),
  },
  {
    name: 'builder: a subquery in SELECT',
    run: manager =>
      users(manager)
        .select('user.id', 'id')
        .addSelect(
          builder =>
            builder
              .select('COUNT(*)')
              .from(Order, 'order')
              .where('order.user = user.id'),
          'orders',
        )
        .getRawMany(),
  },
  {
    name: 'builder: a subquery in FROM',
    run: (manager, n) =>
      manager
        .createQueryBuilder()
        .select('MAX(lines.total)', 'most')
        .from(
          builder =>
            builder
              .select('SUM(line.quantity)', 'total')
              .from(OrderLine, 'line')
              .where('line.quantity >= :n', { n })
              .groupBy('line.order'),
          'lines',
        )
        .getRawOne(),
  },
  {
    name: 'builder: a common table expression',
    run: (manager, n) =>
      manager
        .createQueryBuilder()
        .addCommonTableExpression(
          manager
            .createQueryBuilder(City, 'city')
            .select('city.countryCode', 'code')
            .addSelect('COUNT(*)', 'cities')
            .where('city.population > :least', { least: 300_000 * n })
            .groupBy('city.countryCode'),
          'busy',
          { columnNames: ['code', 'cities'] },
        )
        .select('busy.code', 'code')
        .addSelect('busy.cities', 'cities')
        .from('busy', 'busy')
        .getRawMany(),
  },
  {
    name: 'builder: loadRelationIdAndMap',
    run: manager =>
      users(manager)
        .loadRelationIdAndMap('user.orderIds', 'user.orders')
        .getMany(),
  },
  {
    name: 'builder: loadAllRelationIds of articles',
    run: manager =>
      manager
        .createQueryBuilder(Article, 'article')
        .loadAllRelationIds()
        .getMany(),
  },
  {
    name: 'builder: relation().of().loadMany()',
    run: (manager, n) =>
      manager
        .createQueryBuilder()
        .relation(Review, 'tags')
        .of(n + 1)
        .loadMany(),
  },
  {
    name: 'builder: relation().of().loadOne()',
    run: (manager, n) =>
      manager
        .createQueryBuilder()
        .relation(Review, 'city')
        .of(n + 1)
        .loadOne(),
  },
  {
    name: 'builder: payments by a column of a child',
    run: manager =>
      manager
        .createQueryBuilder(CardPayment, 'payment')
        .where('payment.lastDigits IS NOT NULL')
        .getMany(),
  },
  {
    name: 'builder: cents by kind',
    run: manager =>
      manager
        .createQueryBuilder(Payment, 'payment')
        .select('payment.order', 'order')
        .addSelect('SUM(payment.cents)', 'cents')
        .groupBy('payment.order')
        .getRawMany(),
  },
  {
    name: 'builder: users withDeleted',
    run: manager => users(manager).withDeleted().getMany(),
  },
  {
    name: 'builder: comments with what they reply to',
    run: manager =>
      manager
        .createQueryBuilder(Comment, 'comment')
        .leftJoinAndSelect('comment.repliedTo', 'other')
        .getMany(),
  },
  {
    name: 'lazy: the home of a user',
    run: async (manager, n) => {
      const user = await manager.findOneBy(User, { id: n + 1 });
      return user?.home;
    },
  },
  {
    name: 'lazy: reviews of a user',
    run: async (manager, n) => {
      const user = await manager.findOneBy(User, { id: n + 1 });
      return user?.reviews;
    },
  },
  {
    name: 'lazy: the home of a user, joined',
    run: (manager, n) =>
      manager.findOne(User, {
        where: { id: n + 1 },
        relations: { home: true },
      }),
  },
  {
    name: 'two reads, the second by what the first answers',
    run: async (manager, n) => {
      const city = await manager.findOneBy(City, { id: chosen(CITY_IDS, n) });
      if (!city) return 'none';
      return manager.findBy(City, { countryCode: city.countryCode });
    },
  },
  {
    name: 'an embedded object alone',
    run: async (manager, n): Promise<FullName | undefined> => {
      const user = await manager.findOneBy(User, { id: n + 1 });
      return user?.name;
    },
  },
];
