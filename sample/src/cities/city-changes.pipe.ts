import { BadRequestException, type PipeTransform } from '@nestjs/common';
import { type City } from '../entities/city.entity.js';
import { fieldsOf, filledText, wholeNumber } from '../input/fields.js';

export type CityChanges = Partial<Pick<City, 'name' | 'population'>>;

/** What `PATCH /cities/:id` may change: the name, the population, or both. */
export const cityChanges: PipeTransform<unknown, CityChanges> = {
  transform(body) {
    const { name, population } = fieldsOf(body, ['name', 'population']);
    if (name === undefined && population === undefined) {
      throw new BadRequestException('Give a name, a population, or both');
    }
    return {
      ...(name !== undefined && { name: filledText('name', name, 200) }),
      ...(population !== undefined && {
        population: wholeNumber('population', population, 0, 100_000_000),
      }),
    };
  },
};
