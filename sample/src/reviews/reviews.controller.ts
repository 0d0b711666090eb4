import {
  Body,
  Controller,
  Delete,
  HttpCode,
  Param,
  Post,
} from '@nestjs/common';
import { CitiesService } from '../cities/cities.service.js';
import { rowId } from '../input/whole-number.pipe.js';
import { newReview, type NewReview } from './new-review.pipe.js';
import { ReviewsService } from './reviews.service.js';

@Controller()
export class ReviewsController {
  constructor(
    private readonly cities: CitiesService,
    private readonly reviews: ReviewsService,
  ) {}

  @Post('cities/:id/reviews')
  async add(
    @Param('id', rowId) cityId: number,
    @Body(newReview) review: NewReview,
  ) {
    await this.cities.find(cityId);
    return this.reviews.add(cityId, review);
  }

  @Delete('reviews/:id')
  @HttpCode(204)
  remove(@Param('id', rowId) id: number) {
    return this.reviews.remove(id);
  }
}
