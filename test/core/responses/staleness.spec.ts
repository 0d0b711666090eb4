import { describe, expect, it } from '@jest/globals';
import { NotFoundException, ServiceUnavailableException } from '@nestjs/common';
import { EntityNotFoundError } from 'typeorm';
import {
  isOutage,
  statusOfError,
} from '../../../lib/core/responses/staleness.js';

describe('isOutage', () => {
  it.each([
    [200, false],
    [404, false],
    [499, false],
    [500, true],
    [501, false],
    [502, true],
    [503, true],
    [504, true],
    [505, false],
  ])('of %i is %p', (status, answer) => {
    expect(isOutage(status)).toBe(answer);
  });
});

describe('statusOfError', () => {
  it.each<[string, unknown, number]>([
    ['an error', new Error('down'), 500],
    ['a text', 'down', 500],
    ['null', null, 500],
    ['a Nest exception', new NotFoundException(), 404],
    ['another one', new ServiceUnavailableException(), 503],
    ['an error with a status', { status: 410 }, 410],
    ['an error with a statusCode', { statusCode: 429 }, 429],
    ['an error with a status that is none', { status: 'down' }, 500],
    ['an error with a status of success', { status: 200 }, 500],
    ['a row that is not there', new EntityNotFoundError('users', {}), 404],
  ])('of %s', (_, error, status) => {
    expect(statusOfError(error)).toBe(status);
  });
});
