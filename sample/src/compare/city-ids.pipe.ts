import { BadRequestException, type PipeTransform } from '@nestjs/common';
import { wholeNumber } from '../input/fields.js';

const MOST = 10;

/** One to ten different ids of cities, with commas between them. */
export const cityIds: PipeTransform<unknown, readonly number[]> = {
  transform(value) {
    const texts = typeof value === 'string' ? value.split(',') : [];
    const ids = texts.map(text =>
      wholeNumber(
        'cities',
        /^\d+$/.test(text) ? Number(text) : text,
        1,
        2 ** 31 - 1,
      ),
    );
    const different = [...new Set(ids)];
    if (different.length > 0 && different.length <= MOST) return different;
    throw new BadRequestException(
      `cities must be one to ${MOST} ids, such as 2988507,360630`,
    );
  },
};
