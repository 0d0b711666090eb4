import {
  type ArgumentMetadata,
  BadRequestException,
  type PipeTransform,
} from '@nestjs/common';

interface Range {
  readonly from: number;
  readonly to: number;
  /** What a missing parameter means; without it, a missing one is refused. */
  readonly otherwise?: number;
}

/** A whole number within a range, out of a route or query parameter. */
export class WholeNumberPipe implements PipeTransform<unknown, number> {
  constructor(private readonly range: Range) {}

  transform(value: unknown, { data: name }: ArgumentMetadata): number {
    const { from, to, otherwise } = this.range;
    if (value === undefined && otherwise !== undefined) return otherwise;
    const number =
      typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : NaN;
    if (number >= from && number <= to) return number;
    throw new BadRequestException(
      `${name} must be a whole number from ${from} to ${to}`,
    );
  }
}

/** The id of a city or of a review: what fits into the database's `integer`. */
export const rowId = new WholeNumberPipe({ from: 1, to: 2 ** 31 - 1 });
