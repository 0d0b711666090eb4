import { describe, expect, it } from '@jest/globals';
import { type Cache, createCache } from 'cache-manager';
import { type ValueSerializer } from 'nestjs-alkey';
import { startApp, type StartedApp } from '../support/start-app.js';

class Money {
  constructor(readonly cents: number) {}
}

/** Writes amounts as text, refuses functions, and reads nothing but its own format. */
const serializer = (format: string): ValueSerializer => ({
  serialize: value => {
    if (typeof value === 'function') throw new TypeError('a function');
    return `${format}:${value instanceof Money ? value.cents : JSON.stringify(value)}`;
  },
  deserialize: text => {
    if (!text.startsWith(`${format}:`)) throw new Error('of another format');
    return new Money(Number(text.slice(format.length + 1)));
  },
});
const start = (cache: Cache, own?: ValueSerializer) =>
  startApp({
    database: { type: 'sqljs' },
    alkey: { cache, serializer: own },
  });
const wrapped = async (
  app: StartedApp,
  value: unknown,
  name = 'amount',
): Promise<unknown> => app.keys.wrap([name], async () => value);

const refuse = (): never => {
  throw new Error('asked');
};

describe('a serializer', () => {
  it('makes the text that is stored, and the value of it', async () => {
    const cache = createCache();
    await using app = await start(cache, serializer('a'));
    await wrapped(app, new Money(5));
    const kept = await wrapped(app, new Money(6));
    expect(kept).toEqual(new Money(5));
    expect(kept).toBeInstanceOf(Money);
  });

  it.each([
    ['another one', serializer('b')],
    ['none', undefined],
  ])('finds nothing that %s wrote, and fails for nothing', async (_, other) => {
    const cache = createCache();
    {
      await using app = await start(cache, other);
      await wrapped(app, new Money(5));
    }
    {
      await using app = await start(cache, serializer('a'));
      expect(await wrapped(app, new Money(6))).toEqual(new Money(6));
    }
    await using app = await start(cache, other);
    expect(await wrapped(app, new Money(7))).toEqual(new Money(7));
  });

  it('that fails, or answers no text, is an error that says so', async () => {
    await using app = await start(createCache(), serializer('a'));
    await expect(wrapped(app, () => 1)).rejects.toMatchObject({
      code: 'ALKEY_UNENCODABLE_VALUE',
      message: expect.stringContaining(
        'the `serializer` failed: TypeError: a function.',
      ),
      cause: expect.any(TypeError),
    });
    await using json = await start(createCache(), {
      serialize: JSON.stringify,
      deserialize: text => JSON.parse(text) as unknown,
    });
    await expect(wrapped(json, undefined)).rejects.toThrow(
      'expected the `serializer` to answer a text, got `undefined`',
    );
  });

  it('does not change what is kept of HTTP answers', async () => {
    await using app = await start(createCache(), {
      serialize: refuse,
      deserialize: refuse,
    });
    await app.get('/users');
    expect((await app.get('/users')).cacheStatus).toMatch(/^alkey; hit/);
  });
});
