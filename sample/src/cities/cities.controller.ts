import { Body, Controller, Get, Param, Patch } from '@nestjs/common';
import { CacheKeyed, rowOf } from 'nestjs-alkey';
import { Country } from '../entities/country.entity.js';
import { City } from '../entities/city.entity.js';
import { rowId } from '../input/whole-number.pipe.js';
import { ReviewsService } from '../reviews/reviews.service.js';
import { CitiesService } from './cities.service.js';
import { cityChanges, type CityChanges } from './city-changes.pipe.js';

@Controller('cities')
export class CitiesController {
  constructor(
    private readonly cities: CitiesService,
    private readonly reviews: ReviewsService,
  ) {}

  // A review touches its city's row, so that of another city keeps the answer. It names the country as well.
  @Get(':id')
  @CacheKeyed(rowOf(City, 'id'), Country)
  async one(@Param('id', rowId) id: number) {
    const city = await this.cities.find(id);
    return { ...city, ...(await this.reviews.of(id)) };
  }

  @Patch(':id')
  change(
    @Param('id', rowId) id: number,
    @Body(cityChanges) changes: CityChanges,
  ) {
    return this.cities.change(id, changes);
  }
}
