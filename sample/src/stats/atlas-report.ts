import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import {
  CITIES_PER_COUNTRY,
  LARGEST_CITIES,
  LARGEST_PROVINCES,
  RATINGS_PER_COUNTRY,
} from './report-queries.js';

// PostgreSQL hands out counts and sums as text.
type Sum = number | string;

interface CountryRow {
  readonly code: string;
  readonly name: string;
  readonly region: string;
  readonly cities: Sum;
  readonly population: Sum;
}

interface CityRow {
  readonly id: number;
  readonly name: string;
  readonly population: number;
  readonly countryCode: string;
}

interface ProvinceRow {
  readonly countryCode: string;
  readonly province: string;
  readonly cities: Sum;
  readonly population: Sum;
}

interface RatingRow {
  readonly countryCode: string;
  readonly reviews: Sum;
  readonly ratingSum: Sum;
}

interface Totals {
  readonly cities: number;
  readonly population: number;
  readonly reviews: number;
  readonly ratingSum: number;
}

/** A report over every row there is: costly, and the same until one of them changes. */
@Injectable()
export class AtlasReport {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async make() {
    const startedAt = performance.now();
    const query = <Row>(sql: string): Promise<Row[]> =>
      this.dataSource.query(sql);
    const countries = await query<CountryRow>(CITIES_PER_COUNTRY);
    const cities = byCountry(await query<CityRow>(LARGEST_CITIES));
    const provinces = byCountry(await query<ProvinceRow>(LARGEST_PROVINCES));
    const ratings = byCountry(await query<RatingRow>(RATINGS_PER_COUNTRY));

    const lines = countries.map(country => ({
      ...country,
      cities: Number(country.cities),
      population: Number(country.population),
      reviews: Number(ratings.get(country.code)?.[0]?.reviews ?? 0),
      ratingSum: Number(ratings.get(country.code)?.[0]?.ratingSum ?? 0),
    }));
    const regions = groupBy(lines, line => line.region);
    return {
      world: summary(lines),
      regions: [...regions].map(([region, members]) => ({
        region,
        countries: members.length,
        ...summary(members),
      })),
      countries: lines.map(line => ({
        code: line.code,
        name: line.name,
        ...summary([line]),
        largestCities: (cities.get(line.code) ?? []).map(
          ({ id, name, population }) => ({ id, name, population }),
        ),
        largestProvinces: (provinces.get(line.code) ?? []).map(province => ({
          province: province.province,
          cities: Number(province.cities),
          population: Number(province.population),
        })),
      })),
      computedInMs: Math.round(performance.now() - startedAt),
    };
  }
}

function byCountry<Row extends { readonly countryCode: string }>(
  rows: readonly Row[],
): Map<string, Row[]> {
  return groupBy(rows, row => row.countryCode);
}

function groupBy<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group) group.push(row);
    else groups.set(keyOf(row), [row]);
  }
  return groups;
}

function summary(lines: readonly Totals[]) {
  const sum = (of: (line: Totals) => number) =>
    lines.reduce((total, line) => total + of(line), 0);
  const reviews = sum(line => line.reviews);
  return {
    cities: sum(line => line.cities),
    population: sum(line => line.population),
    reviews,
    meanRating: reviews === 0 ? null : sum(line => line.ratingSum) / reviews,
  };
}
