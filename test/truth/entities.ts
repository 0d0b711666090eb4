import { type DataSourceOptions } from 'typeorm';
import { type TestDatabase } from '../support/databases.js';
import {
  City,
  Country,
  flagSchema,
  Language,
  Region,
} from './entities/atlas.js';
import {
  Aircraft,
  Airline,
  Airport,
  Alliance,
  Flight,
} from './entities/aviation.js';
import {
  CardPayment,
  Membership,
  Order,
  OrderLine,
  Payment,
  Profile,
  Review,
  Tag,
  TransferPayment,
  User,
} from './entities/people.js';
import {
  Article,
  Category,
  Comment,
  CountryStatistics,
  Setting,
} from './entities/writing.js';

/** Everything that programs read and write. */
export function worldEntities(
  database: TestDatabase['name'],
): NonNullable<DataSourceOptions['entities']> {
  return [
    Region,
    Country,
    Language,
    City,
    flagSchema(database),
    Airline,
    Alliance,
    Aircraft,
    Airport,
    Flight,
    User,
    Profile,
    Tag,
    Review,
    Order,
    OrderLine,
    Payment,
    CardPayment,
    TransferPayment,
    Membership,
    Category,
    Article,
    Comment,
    Setting,
    CountryStatistics,
  ];
}
