import { BadRequestException } from '@nestjs/common';

/** The JSON object a request carries, refused when it has a field not in `allowed`. */
export function fieldsOf(
  body: unknown,
  allowed: readonly string[],
): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new BadRequestException('The body must be a JSON object');
  }
  for (const field of Object.keys(body)) {
    if (!allowed.includes(field)) {
      throw new BadRequestException(
        `${field} is not a field here; these are: ${allowed.join(', ')}`,
      );
    }
  }
  return { ...body };
}

export function wholeNumber(
  name: string,
  value: unknown,
  from: number,
  to: number,
): number {
  if (Number.isInteger(value) && Number(value) >= from && Number(value) <= to) {
    return Number(value);
  }
  throw new BadRequestException(
    `${name} must be a whole number from ${from} to ${to}`,
  );
}

export function filledText(
  name: string,
  value: unknown,
  maxLength: number,
): string {
  const text = typeof value === 'string' ? value.trim() : '';
  if (text.length > 0 && text.length <= maxLength) return text;
  throw new BadRequestException(
    `${name} must be a text of 1 to ${maxLength} characters`,
  );
}
