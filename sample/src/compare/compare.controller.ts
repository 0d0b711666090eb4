import { Controller, Get, NotFoundException, Query } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { CacheKeyed } from 'nestjs-alkey';
import { In, Repository } from 'typeorm';
import { City } from '../entities/city.entity.js';
import { Country } from '../entities/country.entity.js';
import { cityIds } from './city-ids.pipe.js';

@Controller('compare')
export class CompareController {
  constructor(
    @InjectRepository(City) private readonly cities: Repository<City>,
    @InjectRepository(Country) private readonly countries: Repository<Country>,
  ) {}

  // Which countries it reads is not known before the cities are: no ref could name them.
  @Get()
  @CacheKeyed({ query: ['cities'] })
  async compare(@Query('cities', cityIds) ids: readonly number[]) {
    const cities = await this.cities.findBy({ id: In(ids) });
    const missing = ids.find(id => !cities.some(city => city.id === id));
    if (missing !== undefined) {
      throw new NotFoundException(`No city has the id ${missing}`);
    }
    const codes = new Set(cities.map(({ countryCode }) => countryCode));
    const countries = await this.countries.findBy({ code: In([...codes]) });
    const largestFirst = cities.toSorted(
      (one, other) => other.population - one.population,
    );
    return largestFirst.map(({ countryCode, ...city }) => ({
      ...city,
      country: countries.find(({ code }) => code === countryCode),
    }));
  }
}
