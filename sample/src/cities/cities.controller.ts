import { Body, Controller, Get, Param, Patch } from '@nestjs/common';
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

  @Get(':id')
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
