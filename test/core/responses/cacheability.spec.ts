import { describe, expect, it } from '@jest/globals';
import {
  mayStore,
  maySelect,
  type OutcomeFacts,
  type RequestFacts,
} from '../../../lib/core/responses/cacheability.js';

const request: RequestFacts = {
  method: 'GET',
  scope: 'anonymous',
  credentials: false,
  principal: undefined,
};

describe('maySelect', () => {
  it.each<[string, Partial<RequestFacts>]>([
    ['an anonymous GET', {}],
    ['an anonymous HEAD', { method: 'HEAD' }],
    [
      'a shared answer with credentials',
      { scope: 'shared', credentials: true },
    ],
    [
      "a principal's own answer",
      { scope: 'principal', credentials: true, principal: 7 },
    ],
    ['the principal 0', { scope: 'principal', principal: 0 }],
    ['the principal ""', { scope: 'principal', principal: '' }],
  ])('looks up %s', (_, facts) => {
    expect(maySelect({ ...request, ...facts })).toEqual({ use: true });
  });

  it.each<[string, Partial<RequestFacts>]>([
    ['method', { method: 'POST' }],
    ['method', { method: 'QUERY' }],
    ['method', { method: 'get' }],
    ['credentials', { credentials: true }],
    ['no-principal', { scope: 'principal' }],
    ['no-principal', { scope: 'principal', credentials: true }],
  ])('goes on for the reason %s with %j', (reason, facts) => {
    expect(maySelect({ ...request, ...facts })).toEqual({ use: false, reason });
  });
});

const outcome: OutcomeFacts = {
  method: 'GET',
  scope: 'anonymous',
  handled: false,
  streaming: false,
  status: 200,
  statuses: [200],
  setsCookie: false,
  cacheControl: undefined,
  vary: undefined,
  declaredVary: [],
  bodyBytes: 10,
  maxBodyBytes: 10,
};

describe('mayStore', () => {
  it.each<[string, Partial<OutcomeFacts>]>([
    ['a plain answer', {}],
    ['a status that the route stores', { status: 404, statuses: [200, 404] }],
    ['what may be reused for a while', { cacheControl: 'public, max-age=0' }],
    ['what asks for validation', { cacheControl: 'no-cache' }],
    [
      "a principal's private answer",
      { scope: 'principal', cacheControl: 'private' },
    ],
    [
      'what varies by a declared header',
      { vary: 'Accept-Language', declaredVary: ['accept-language'] },
    ],
    [
      'what varies by a header declared in another case',
      { vary: 'accept', declaredVary: ['Accept', 'Origin'] },
    ],
    [
      'an empty body where none may be larger',
      { bodyBytes: 0, maxBodyBytes: 0 },
    ],
  ])('stores %s', (_, facts) => {
    expect(mayStore({ ...outcome, ...facts })).toEqual({ store: true });
  });

  it.each<[string, Partial<OutcomeFacts>]>([
    ['method', { method: 'HEAD' }],
    ['response-handled', { handled: true }],
    ['stream', { streaming: true }],
    ['status', { status: 201 }],
    ['status', { status: 200, statuses: [] }],
    ['set-cookie', { setsCookie: true }],
    ['no-store', { cacheControl: 'public, No-Store' }],
    ['no-store', { cacheControl: ['public', 'no-store'] }],
    ['no-store', { cacheControl: 'must-understand, no-store' }],
    ['no-store', { scope: 'principal', cacheControl: 'private, no-store' }],
    ['private', { cacheControl: 'private' }],
    ['private', { cacheControl: 'private="x-name"' }],
    ['private', { scope: 'shared', cacheControl: 'private' }],
    ['vary', { vary: '*' }],
    ['vary', { vary: '*', declaredVary: ['*'] }],
    ['vary', { vary: 'Accept, Cookie', declaredVary: ['accept'] }],
    ['too-large', { bodyBytes: 11 }],
  ])('refuses for the reason %s with %j', (reason, facts) => {
    expect(mayStore({ ...outcome, ...facts })).toEqual({
      store: false,
      reason,
    });
  });

  it('names the first of several reasons', () => {
    expect(mayStore({ ...outcome, method: 'HEAD', setsCookie: true })).toEqual({
      store: false,
      reason: 'method',
    });
  });
});
