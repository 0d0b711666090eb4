import { type PipeTransform } from '@nestjs/common';
import { type Review } from '../entities/review.entity.js';
import { fieldsOf, filledText, wholeNumber } from '../input/fields.js';

export type NewReview = Pick<Review, 'rating' | 'author' | 'text'>;

/** What `POST /cities/:id/reviews` needs: all three fields. */
export const newReview: PipeTransform<unknown, NewReview> = {
  transform(body) {
    const { rating, author, text } = fieldsOf(body, [
      'rating',
      'author',
      'text',
    ]);
    return {
      rating: wholeNumber('rating', rating, 1, 5),
      author: filledText('author', author, 80),
      text: filledText('text', text, 2000),
    };
  },
};
