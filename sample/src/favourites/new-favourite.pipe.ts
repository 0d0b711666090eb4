import { type PipeTransform } from '@nestjs/common';
import { type Favourite } from '../entities/favourite.entity.js';
import { fieldsOf, wholeNumber } from '../input/fields.js';

export type NewFavourite = Pick<Favourite, 'cityId'>;

/** What `POST /me/favourites` needs: the id of a city. */
export const newFavourite: PipeTransform<unknown, NewFavourite> = {
  transform(body) {
    const { cityId } = fieldsOf(body, ['cityId']);
    return { cityId: wholeNumber('cityId', cityId, 1, 2 ** 31 - 1) };
  },
};
