import { Controller, Get, Header, Param } from '@nestjs/common';
import { CacheKeyService } from 'nestjs-alkey';
import { rowId } from '../input/whole-number.pipe.js';
import { ReviewsService } from '../reviews/reviews.service.js';
import { render } from '../views.js';
import { CitiesService } from './cities.service.js';

@Controller('cities')
export class CityPageController {
  constructor(
    private readonly cities: CitiesService,
    private readonly reviews: ReviewsService,
    private readonly keys: CacheKeyService,
  ) {}

  @Get(':id/page')
  @Header('content-type', 'text/html; charset=utf-8')
  async page(@Param('id', rowId) id: number): Promise<string> {
    const city = await this.cities.find(id);
    const reviews = await this.keys.wrap([city, 'reviews-fragment'], () =>
      this.renderReviews(id),
    );
    return render('city', { city, reviews });
  }

  // Takes the id, not the city: that was read before the key was, and may be older.
  private async renderReviews(cityId: number): Promise<string> {
    const renderedAt = new Date().toISOString();
    return render('reviews', {
      renderedAt,
      ...(await this.reviews.of(cityId)),
    });
  }
}
