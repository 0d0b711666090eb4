import { type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { City } from '../entities/city.entity.js';
import { Country } from '../entities/country.entity.js';
import { Review } from '../entities/review.entity.js';

/** PostgreSQL where `DATABASE_URL` names one, otherwise SQLite in memory. */
export function databaseOptions(): TypeOrmModuleOptions {
  const schema = { entities: [Country, City, Review], synchronize: true };
  const url = process.env['DATABASE_URL'];
  return url
    ? { ...schema, type: 'postgres', url, retryAttempts: 2 }
    : { ...schema, type: 'sqljs' };
}
