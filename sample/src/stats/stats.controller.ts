import { Controller, Get } from '@nestjs/common';
import { CacheKeyed } from 'nestjs-alkey';
import { City } from '../entities/city.entity.js';
import { Country } from '../entities/country.entity.js';
import { Review } from '../entities/review.entity.js';
import { AtlasReport } from './atlas-report.js';

@Controller('stats')
export class StatsController {
  constructor(private readonly report: AtlasReport) {}

  @Get()
  @CacheKeyed(City, Country, Review)
  stats() {
    return this.report.make();
  }
}
