import { describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { until } from '../support/redis-servers.js';
import { describeWith } from '../support/suites.js';
import { type Answer, type Atlas, startAtlas } from './start-atlas.js';

// The first start decodes the cities and compiles SQLite.
jest.setTimeout(30_000);

const VADUZ = '/cities/3042030';
const ANDORRA_LA_VELLA = '/cities/3041563';
const MONACO = '/cities/2993458';
const COMPARED = '/compare?cities=3042030,2993458';

const review = (rating: number) => ({ author: 'Ada', rating, text: 'Go' });

async function cacheOf(atlas: Atlas, ...paths: readonly string[]) {
  const outcomes: string[] = [];
  for (const path of paths) outcomes.push((await atlas.get(path)).cache);
  return outcomes;
}

/** Asks until every path is a hit: just after a start Redis may not be connected yet. */
async function warm(atlas: Atlas, ...paths: readonly string[]): Promise<void> {
  await until(async () =>
    (await cacheOf(atlas, ...paths)).every(outcome => outcome === 'hit'),
  );
}

describe('the atlas', () => {
  it('answers each route from the cache the second time, with the same body', async () => {
    await using atlas = await startAtlas();
    for (const path of [
      '/countries',
      '/countries/LI',
      '/countries/LI/cities',
      VADUZ,
      '/stats',
      COMPARED,
    ]) {
      const first = await atlas.get(path);
      const second = await atlas.get(path);
      expect([path, first.cache, second.cache]).toEqual([path, 'miss', 'hit']);
      expect(second.text).toBe(first.text);
    }
  });

  it.each([
    { path: '/countries', recorded: 'alkey:countries#*' },
    {
      path: '/stats',
      recorded: 'alkey:cities#* alkey:countries#* alkey:reviews#*',
    },
    {
      path: COMPARED,
      recorded:
        'alkey:cities#2993458 alkey:cities#3042030 alkey:countries#LI alkey:countries#MC',
    },
  ])('finds out that $path reads $recorded', async ({ path, recorded }) => {
    await using atlas = await startAtlas();
    const first = await atlas.get(path);
    const second = await atlas.get(path);
    expect([first.cache, second.cache]).toEqual(['miss', 'hit']);
    expect(first.dependsOn.join(' ')).toBe(recorded);
    expect(second.dependsOn).toEqual(first.dependsOn);
  });

  it.each([
    { path: '/countries/LI', declared: 'alkey:countries#LI' },
    { path: '/countries/LI/cities', declared: 'alkey:countries#LI' },
    { path: VADUZ, declared: 'alkey:cities#3042030 alkey:countries#*' },
    {
      path: '/me/favourites',
      declared: 'alkey:cities#* alkey:users#1',
    },
  ])('is told that $path depends on $declared', async ({ path, declared }) => {
    await using atlas = await startAtlas();
    const { cache, dependsOn } = await atlas.get(path, 'ada-token');
    expect([cache, dependsOn.join(' ')]).toEqual(['miss', declared]);
  });

  it('compares cities anew when one of them or its country is written, and no other', async () => {
    await using atlas = await startAtlas();
    const { json } = await atlas.get(COMPARED);
    expect(json).toMatchObject([
      { name: 'Monaco', country: { code: 'MC' } },
      { name: 'Vaduz', country: { code: 'LI' } },
    ]);
    await atlas.send('patch', ANDORRA_LA_VELLA, { population: 1 });
    expect((await atlas.get(COMPARED)).cache).toBe('hit');
    await atlas.send('patch', VADUZ, { population: 100_000 });
    const changed = await atlas.get(COMPARED);
    expect(changed.cache).toBe('miss');
    expect(changed.json[0]).toMatchObject({ name: 'Vaduz' });
  });

  it('looks a city up without the database until it or its country is written', async () => {
    await using atlas = await startAtlas();
    const page = `${VADUZ}/page`;
    await atlas.get(page);
    expect(atlas.cachedQueries()).toEqual([]);
    await atlas.get(page);
    const first = atlas.cachedQueries().length;
    expect(first).toBeGreaterThan(0);
    expect(new Set(atlas.cachedQueries())).toEqual(new Set(['City.get']));
    await atlas.send('patch', VADUZ, { name: 'Vaduz Town' });
    const before = atlas.cachedQueries().length;
    expect((await atlas.get(page)).text).toContain('Vaduz Town');
    expect(atlas.cachedQueries()).toHaveLength(before);
  });

  it('tells a client that has the answer so, until it changes', async () => {
    await using atlas = await startAtlas();
    const { etag } = await atlas.get(VADUZ);
    expect(etag).toMatch(/^W\/"/);
    const same = await atlas.get(VADUZ, undefined, etag);
    expect([same.status, same.cache, same.text]).toEqual([304, 'hit', '']);
    await atlas.send('post', `${VADUZ}/reviews`, review(4));
    expect((await atlas.get(VADUZ, undefined, etag)).status).toBe(200);
  });

  it('shows a review at once, and is a hit again after that', async () => {
    await using atlas = await startAtlas();
    await warm(atlas, VADUZ);
    const { status, json } = await atlas.send(
      'post',
      `${VADUZ}/reviews`,
      review(4),
    );
    expect(status).toBe(201);

    const shown = await atlas.get(VADUZ);
    expect(shown.cache).toBe('miss');
    expect(shown.json.rating).toEqual({ count: 1, mean: 4 });
    expect(shown.json.reviews).toMatchObject([{ id: json.id, rating: 4 }]);
    expect((await atlas.get(VADUZ)).cache).toBe('hit');
  });

  it('takes a removed review out at once', async () => {
    await using atlas = await startAtlas();
    const { json } = await atlas.send('post', `${VADUZ}/reviews`, review(4));
    await warm(atlas, VADUZ, '/stats');

    expect((await atlas.send('delete', `/reviews/${json.id}`)).status).toBe(
      204,
    );
    const shown = await atlas.get(VADUZ);
    expect(shown.cache).toBe('miss');
    expect(shown.json.rating).toEqual({ count: 0, mean: null });
    expect((await atlas.get('/stats')).cache).toBe('miss');
  });

  it('keeps what a review does not show in', async () => {
    await using atlas = await startAtlas();
    const others = [
      ANDORRA_LA_VELLA,
      '/countries',
      '/countries/LI',
      '/countries/LI/cities',
    ];
    await warm(atlas, ...others);
    await atlas.send('post', `${VADUZ}/reviews`, review(5));
    expect(await cacheOf(atlas, ...others)).toEqual(others.map(() => 'hit'));
  });

  it('outdates what shows a changed city or counts its people', async () => {
    await using atlas = await startAtlas();
    const showing = [
      VADUZ,
      '/countries/LI',
      '/countries/LI/cities',
      '/countries/LI/cities?page=2&limit=3',
      '/stats',
    ];
    const others = [
      ANDORRA_LA_VELLA,
      '/countries',
      '/countries/AD',
      '/countries/AD/cities',
    ];
    await warm(atlas, ...showing, ...others);
    const before = await atlas.get('/countries/LI');
    const city = await atlas.get(VADUZ);

    const population = city.json.population + 1000;
    const changed = await atlas.send('patch', VADUZ, { population });
    expect(changed.json).toMatchObject({ name: 'Vaduz', population });

    expect(await cacheOf(atlas, ...showing)).toEqual(showing.map(() => 'miss'));
    expect(await cacheOf(atlas, ...showing)).toEqual(showing.map(() => 'hit'));
    expect(await cacheOf(atlas, ...others)).toEqual(others.map(() => 'hit'));
    const after = await atlas.get('/countries/LI');
    expect(after.json.population).toBe(before.json.population + 1000);
  });

  it('keeps a city that is given the values it has', async () => {
    await using atlas = await startAtlas();
    await warm(atlas, VADUZ);
    await atlas.send('patch', VADUZ, { name: 'Vaduz' });
    expect((await atlas.get(VADUZ)).cache).toBe('hit');
  });

  it('counts every review and takes the mean of them all', async () => {
    await using atlas = await startAtlas();
    const ratings = [5, 4, 2];
    for (const rating of ratings) {
      await atlas.send('post', `${VADUZ}/reviews`, review(rating));
    }
    await atlas.send('post', `${MONACO}/reviews`, review(1));

    const { json } = await atlas.get(VADUZ);
    expect(json.rating.count).toBe(3);
    expect(json.rating.mean).toBeCloseTo(11 / 3);
    expect(json.reviews.map((each: { rating: number }) => each.rating)).toEqual(
      [2, 4, 5],
    );

    const stats = (await atlas.get('/stats')).json;
    expect(stats.world).toMatchObject({ reviews: 4, meanRating: 3 });
    const liechtenstein = stats.countries.find(
      (country: { code: string }) => country.code === 'LI',
    );
    expect(liechtenstein.meanRating).toBeCloseTo(11 / 3);
  });

  it('reports the same sums as the countries themselves', async () => {
    await using atlas = await startAtlas();
    const { json: stats } = await atlas.get('/stats');
    expect(stats.countries).toHaveLength(3);
    for (const line of stats.countries) {
      const { json: country } = await atlas.get(`/countries/${line.code}`);
      expect(line).toMatchObject({
        cities: country.cities,
        population: country.population,
      });
      const { json: list } = await atlas.get(
        `/countries/${line.code}/cities?limit=3`,
      );
      expect(line.largestCities).toEqual(
        list.cities.map(
          (city: { id: number; name: string; population: number }) => ({
            id: city.id,
            name: city.name,
            population: city.population,
          }),
        ),
      );
    }
    expect(stats.world.cities).toBe(27);
  });

  it('turns pages, and counts only page and limit as another answer', async () => {
    await using atlas = await startAtlas();
    const pageTwo = await atlas.get('/countries/LI/cities?page=2&limit=4');
    expect(pageTwo.json).toMatchObject({ page: 2, limit: 4, total: 11 });
    expect(pageTwo.json.cities).toHaveLength(4);
    const all = await atlas.get('/countries/LI/cities');
    expect(pageTwo.json.cities).toEqual(all.json.cities.slice(4, 8));
    expect(
      (await atlas.get('/countries/LI/cities?limit=4&page=2&from=mail')).cache,
    ).toBe('hit');
  });

  it.each([
    { method: 'get', path: '/countries/ZZ' },
    { method: 'get', path: '/countries/ZZ/cities' },
    { method: 'get', path: '/cities/1' },
    { method: 'get', path: '/cities/1/page' },
    { method: 'get', path: '/compare?cities=3042030,1' },
    { method: 'patch', path: '/cities/1', body: { population: 1 } },
    { method: 'post', path: '/cities/1/reviews', body: review(5) },
    { method: 'delete', path: '/reviews/1' },
  ] as const)(
    'answers 404 to $method $path',
    async ({ method, path, ...rest }) => {
      await using atlas = await startAtlas();
      for (let time = 0; time < 2; time++) {
        const answer = await atlas.send(
          method,
          path,
          'body' in rest ? rest.body : undefined,
        );
        expect(answer.status).toBe(404);
        expect(answer.json.message).toMatch(/^No (country|city|review) has/);
        expect(answer.cache).not.toBe('hit');
      }
    },
  );

  it.each([
    {
      path: '/countries/li',
      message: 'code must be two capital letters, such as FR',
    },
    {
      path: '/countries/LI/cities?page=0',
      message: 'page must be a whole number from 1 to 100000',
    },
    {
      path: '/countries/LI/cities?limit=101',
      message: 'limit must be a whole number from 1 to 100',
    },
    {
      path: '/cities/abc',
      message: 'id must be a whole number from 1 to 2147483647',
    },
    {
      path: '/compare?cities=3042030,abc',
      message: 'cities must be a whole number from 1 to 2147483647',
    },
    {
      path: '/compare',
      message: 'cities must be one to 10 ids, such as 2988507,360630',
    },
    {
      path: '/cities/99999999999',
      message: 'id must be a whole number from 1 to 2147483647',
    },
  ])('answers 400 to $path: $message', async ({ path, message }) => {
    await using atlas = await startAtlas();
    const answer = await atlas.get(path);
    expect(answer.status).toBe(400);
    expect(answer.json.message).toBe(message);
  });

  it.each([
    { body: {}, message: 'Give a name, a population, or both' },
    { body: [], message: 'The body must be a JSON object' },
    {
      body: { id: 1 },
      message: 'id is not a field here; these are: name, population',
    },
    {
      body: { population: -1 },
      message: 'population must be a whole number from 0 to 100000000',
    },
  ])(
    'refuses to change a city by $body: $message',
    async ({ body, message }) => {
      await using atlas = await startAtlas();
      const answer = await atlas.send('patch', VADUZ, body);
      expect(answer.status).toBe(400);
      expect(answer.json.message).toBe(message);
    },
  );

  it.each([
    {
      body: review(6),
      message: 'rating must be a whole number from 1 to 5',
    },
    {
      body: { ...review(5), author: ' ' },
      message: 'author must be a text of 1 to 80 characters',
    },
  ])('refuses the review $body: $message', async ({ body, message }) => {
    await using atlas = await startAtlas();
    const answer = await atlas.send('post', `${VADUZ}/reviews`, body);
    expect(answer.status).toBe(400);
    expect(answer.json.message).toBe(message);
  });

  it("renders the page's reviews once until one of them or the city changes", async () => {
    await using atlas = await startAtlas();
    const page = `${VADUZ}/page`;
    const first = await atlas.get(page);
    expect(first.text).toContain('<h1>Vaduz 🇱🇮</h1>');
    expect(first.text).toContain('Nobody has reviewed this city yet.');
    expect(renderedAt(await atlas.get(page))).toBe(renderedAt(first));

    await atlas.send('post', `${MONACO}/reviews`, review(1));
    expect(renderedAt(await atlas.get(page))).toBe(renderedAt(first));

    await atlas.send('post', `${VADUZ}/reviews`, {
      ...review(5),
      author: '<Ada>',
    });
    const second = await atlas.get(page);
    expect(second.text).toContain('1 reviews, 5 of 5');
    expect(second.text).toContain('&lt;Ada&gt;');
    expect(renderedAt(second)).not.toBe(renderedAt(first));

    await atlas.send('patch', VADUZ, { name: 'Vaduz Town' });
    const third = await atlas.get(page);
    expect(third.text).toContain('<h1>Vaduz Town 🇱🇮</h1>');
    expect(renderedAt(third)).not.toBe(renderedAt(second));
  });
});

const MINE = '/me/favourites';
const ADA = 'ada-token';
const BOB = 'bob-token';

const namesIn = ({ json }: Answer): readonly string[] =>
  (json as { readonly name: string }[]).map(({ name }) => name);

const addFavourite = (atlas: Atlas, city: string, token: string) =>
  atlas.send('post', MINE, { cityId: idIn(city) }, token);

const idIn = (path: string): number => Number(path.split('/').at(-1));

describe('the favourites of a signed-in user', () => {
  it('are cached for each user alone, until that user changes them', async () => {
    await using atlas = await startAtlas();
    expect((await addFavourite(atlas, VADUZ, ADA)).status).toBe(201);
    const ada = await atlas.get(MINE, ADA);
    const bob = await atlas.get(MINE, BOB);
    expect([ada.cache, namesIn(ada)]).toEqual(['miss', ['Vaduz']]);
    expect([bob.cache, namesIn(bob)]).toEqual(['miss', []]);

    await addFavourite(atlas, MONACO, BOB);
    expect((await atlas.get(MINE, ADA)).cache).toBe('hit');
    const changed = await atlas.get(MINE, BOB);
    expect([changed.cache, namesIn(changed)]).toEqual(['miss', ['Monaco']]);

    await atlas.send('delete', `${MINE}/${idIn(VADUZ)}`, undefined, ADA);
    const emptied = await atlas.get(MINE, ADA);
    expect([emptied.cache, namesIn(emptied)]).toEqual(['miss', []]);
    expect((await atlas.get(MINE, BOB)).cache).toBe('hit');
  });

  it('are confirmed to the user who has them, and to no other', async () => {
    await using atlas = await startAtlas();
    const { etag } = await atlas.get(MINE, ADA);
    expect((await atlas.get(MINE, ADA, etag)).status).toBe(304);
    expect((await atlas.get(MINE, BOB, etag)).status).toBe(200);
    expect((await atlas.get(MINE, undefined, etag)).status).toBe(401);
  });

  it('show a changed city at once, and outdate nothing that others see of it', async () => {
    await using atlas = await startAtlas();
    await warm(atlas, VADUZ);
    await addFavourite(atlas, VADUZ, ADA);
    expect((await atlas.get(VADUZ)).cache).toBe('hit');

    await atlas.get(MINE, ADA);
    await atlas.send('patch', VADUZ, { name: 'Vaduz Town' });
    expect(namesIn(await atlas.get(MINE, ADA))).toEqual(['Vaduz Town']);
  });

  it.each([undefined, 'eve-token'])(
    'refuse the token %s, hit or not',
    async token => {
      await using atlas = await startAtlas();
      await atlas.get(MINE, ADA);
      const { status, cache } = await atlas.get(MINE, token);
      expect([status, cache]).toEqual([401, 'untouched']);
    },
  );

  it('are cities that there are', async () => {
    await using atlas = await startAtlas();
    expect((await addFavourite(atlas, '/cities/1', ADA)).status).toBe(404);
    expect((await atlas.send('post', MINE, {}, ADA)).status).toBe(400);
  });
});

function renderedAt({ text }: { readonly text: string }): string | undefined {
  return /rendered at (\S+)</.exec(text)?.[1];
}

describeWith('REDIS_URL', 'the atlas in memory, with Redis', url => {
  it('does not show the reviews that an earlier process kept in its memory', async () => {
    const settings = { REDIS_URL: url };
    {
      await using atlas = await startAtlas(settings);
      await atlas.send('post', `${VADUZ}/reviews`, review(5));
      await warm(atlas, VADUZ, '/stats');
    }
    await using atlas = await startAtlas(settings);
    const shown = await atlas.get(VADUZ);
    expect(shown.json.rating).toEqual({ count: 0, mean: null });
    expect((await atlas.get('/stats')).json.world.reviews).toBe(0);
  });
});

describeWith(
  ['POSTGRES_URL', 'REDIS_URL'],
  'the atlas on PostgreSQL, with Redis',
  (postgresUrl, redisUrl) => {
    it('shares answers between two processes, and what outdates them', async () => {
      await using database = await ownDatabase(postgresUrl);
      const settings = { DATABASE_URL: database.url, REDIS_URL: redisUrl };
      await using one = await startAtlas(settings);
      await using other = await startAtlas(settings);

      await warm(one, VADUZ, '/stats', '/countries/LI');
      expect(await cacheOf(other, VADUZ, '/stats', '/countries/LI')).toEqual([
        'hit',
        'hit',
        'hit',
      ]);

      await other.send('post', `${VADUZ}/reviews`, review(3));
      const shown = await one.get(VADUZ);
      expect(shown.cache).toBe('miss');
      expect(shown.json.rating).toEqual({ count: 1, mean: 3 });
      expect(await cacheOf(one, '/stats', '/countries/LI')).toEqual([
        'miss',
        'hit',
      ]);
    });
  },
);

/** An empty database that is dropped at the end. */
async function ownDatabase(
  serverUrl: string,
): Promise<AsyncDisposable & { readonly url: string }> {
  const name = `atlas_${randomUUID().replaceAll('-', '')}`;
  const server = new DataSource({ type: 'postgres', url: serverUrl });
  await server.initialize();
  await server.query(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = name;
  return {
    url: url.href,
    [Symbol.asyncDispose]: async () => {
      await server.query(`DROP DATABASE ${name}`);
      await server.destroy();
    },
  };
}
