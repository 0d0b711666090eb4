import { BadRequestException, type PipeTransform } from '@nestjs/common';

/** Two capital letters. Small ones are refused: `fr` is not the key of any country. */
export const countryCode: PipeTransform<string, string> = {
  transform(value) {
    if (/^[A-Z]{2}$/.test(value)) return value;
    throw new BadRequestException(
      'code must be two capital letters, such as FR',
    );
  },
};
