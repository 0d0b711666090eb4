import { Injectable, NotFoundException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Review } from '../entities/review.entity.js';
import { type NewReview } from './new-review.pipe.js';

const SHOWN = 50;

@Injectable()
export class ReviewsService {
  constructor(
    @InjectRepository(Review) private readonly reviews: Repository<Review>,
  ) {}

  /** A city's newest reviews, and the count and mean rating of all it has. */
  async of(cityId: number) {
    const reviews = await this.reviews.find({
      where: { cityId },
      order: { id: 'DESC' },
      take: SHOWN,
    });
    const count = await this.reviews.countBy({ cityId });
    const mean = await this.reviews.average('rating', { cityId });
    return {
      rating: { count, mean: mean === null ? null : Number(mean) },
      reviews,
    };
  }

  add(cityId: number, review: NewReview): Promise<Review> {
    return this.reviews.save({ ...review, cityId });
  }

  async remove(id: number): Promise<void> {
    const review = await this.reviews.findOneBy({ id });
    if (!review) throw new NotFoundException(`No review has the id ${id}`);
    await this.reviews.remove(review);
  }
}
