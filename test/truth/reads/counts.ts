import { In, MoreThan, Not } from 'typeorm';
import { City, Country } from '../entities/atlas.js';
import { Aircraft, Airline, Flight } from '../entities/aviation.js';
import {
  CardPayment,
  Order,
  OrderLine,
  Review,
  User,
} from '../entities/people.js';
import { CountryStatistics, Setting } from '../entities/writing.js';
import { chosen, type Read } from '../read.js';
import { COUNTRY_CODES } from '../seed.js';

/** Counts, existence, aggregates and pages. */
export const COUNTS: readonly Read[] = [
  { name: 'count of users', run: manager => manager.count(User) },
  {
    name: 'count of users, deleted ones too',
    run: manager => manager.count(User, { withDeleted: true }),
  },
  {
    name: 'count of cities of a country',
    run: (manager, n) =>
      manager.countBy(City, { country: { code: chosen(COUNTRY_CODES, n) } }),
  },
  { name: 'count of settings', run: manager => manager.count(Setting) },
  {
    name: 'count of card payments',
    run: manager => manager.count(CardPayment),
  },
  {
    name: 'count in a view',
    run: manager => manager.countBy(CountryStatistics, { cities: MoreThan(5) }),
  },
  {
    name: 'whether a user exists',
    run: (manager, n) => manager.existsBy(User, { id: n + 3 }),
  },
  {
    name: 'whether a review by an author exists',
    run: (manager, n) =>
      manager.exists(Review, { where: { author: { id: n + 1 } } }),
  },
  {
    name: 'sum of scores',
    run: manager => manager.sum(User, 'score', { active: true }),
  },
  {
    name: 'sum of seats of an airline',
    run: (manager, n) => manager.sum(Flight, 'seats', { airlineId: n + 1 }),
  },
  {
    name: 'average rating of an author',
    run: (manager, n) =>
      manager.average(Review, 'rating', { author: { id: n + 1 } }),
  },
  {
    name: 'least population',
    run: (manager, n) =>
      manager.minimum(City, 'population', {
        countryCode: Not(chosen(COUNTRY_CODES, n)),
      }),
  },
  {
    name: 'most seats',
    run: manager => manager.maximum(Aircraft, 'seats'),
  },
  {
    name: 'largest quantity of an empty set',
    run: manager => manager.maximum(OrderLine, 'quantity', { id: In([]) }),
  },
  {
    name: 'a page of reviews and their count',
    run: (manager, n) =>
      manager.findAndCount(Review, { order: { id: 'ASC' }, skip: n, take: 2 }),
  },
  {
    name: 'a page of users with their orders and count',
    run: (manager, n) =>
      manager.findAndCount(User, {
        relations: { orders: true },
        order: { id: 'ASC' },
        skip: n,
        take: 2,
      }),
  },
  {
    name: 'findAndCountBy of orders',
    run: (manager, n) => manager.findAndCountBy(Order, { user: { id: n + 1 } }),
  },
  {
    name: 'a page of countries with cities',
    ordered: true,
    run: (manager, n) =>
      manager.find(Country, {
        relations: { cities: true, languages: true },
        order: { name: 'ASC' },
        skip: n,
        take: 2,
      }),
  },
  {
    name: 'an offset beyond the last airline',
    run: (manager, n) =>
      manager.find(Airline, {
        order: { id: 'ASC' },
        skip: 3 + n,
        take: 5,
      }),
  },
];
