import { type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { City } from '../entities/city.entity.js';
import { Country } from '../entities/country.entity.js';
import { Favourite } from '../entities/favourite.entity.js';
import { Review } from '../entities/review.entity.js';
import { User } from '../entities/user.entity.js';

/** PostgreSQL where `DATABASE_URL` names one, otherwise SQLite in memory. */
export function databaseOptions(): TypeOrmModuleOptions {
  const schema = {
    entities: [Country, City, Review, User, Favourite],
    synchronize: true,
  };
  const url = process.env['DATABASE_URL'];
  return url
    ? { ...schema, type: 'postgres', url, retryAttempts: 2 }
    : { ...schema, type: 'sqljs' };
}
