import {
  Controller,
  Get,
  NotFoundException,
  Param,
  Query,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { CacheKeyed, rowOf } from 'nestjs-alkey';
import { Repository } from 'typeorm';
import { City } from '../entities/city.entity.js';
import { Country } from '../entities/country.entity.js';
import { countryCode } from '../input/country-code.pipe.js';
import { WholeNumberPipe } from '../input/whole-number.pipe.js';

const page = new WholeNumberPipe({ from: 1, to: 100_000, otherwise: 1 });
const limit = new WholeNumberPipe({ from: 1, to: 100, otherwise: 20 });

@Controller('countries')
export class CountriesController {
  constructor(
    @InjectRepository(Country) private readonly countries: Repository<Country>,
    @InjectRepository(City) private readonly cities: Repository<City>,
  ) {}

  @Get()
  @CacheKeyed()
  all() {
    return this.countries.find({ order: { name: 'ASC' } });
  }

  // It reads cities, so without a ref a write to any city of the world would outdate it. A city that is written
  // touches its country's row, and no other country's.
  @Get(':code')
  @CacheKeyed(rowOf(Country, 'code'))
  async one(@Param('code', countryCode) code: string) {
    const country = await this.find(code);
    const population = await this.cities.sum('population', {
      countryCode: code,
    });
    return {
      ...country,
      cities: await this.cities.countBy({ countryCode: code }),
      population: Number(population ?? 0),
    };
  }

  @Get(':code/cities')
  @CacheKeyed(rowOf(Country, 'code'), { query: ['page', 'limit'] })
  async citiesOf(
    @Param('code', countryCode) code: string,
    @Query('page', page) pageNumber: number,
    @Query('limit', limit) pageSize: number,
  ) {
    const country = await this.find(code);
    const [cities, total] = await this.cities.findAndCount({
      where: { countryCode: code },
      order: { population: 'DESC', id: 'ASC' },
      skip: (pageNumber - 1) * pageSize,
      take: pageSize,
    });
    return {
      country: country.name,
      page: pageNumber,
      limit: pageSize,
      total,
      cities,
    };
  }

  private async find(code: string): Promise<Country> {
    const country = await this.countries.findOneBy({ code });
    if (!country)
      throw new NotFoundException(`No country has the code ${code}`);
    return country;
  }
}
