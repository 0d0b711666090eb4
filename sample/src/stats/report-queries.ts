/** Per country: how many cities, and how many people in them. */
export const CITIES_PER_COUNTRY = `
  SELECT country.code, country.name, country.region,
         COUNT(city.id) AS cities,
         COALESCE(SUM(city.population), 0) AS population
    FROM countries country
    LEFT JOIN cities city ON city."countryCode" = country.code
   GROUP BY country.code, country.name, country.region
   ORDER BY population DESC, country.code`;

/** The three largest cities of each country. */
export const LARGEST_CITIES = `
  SELECT id, name, population, "countryCode"
    FROM (SELECT id, name, population, "countryCode",
                 ROW_NUMBER() OVER (PARTITION BY "countryCode"
                                    ORDER BY population DESC, id) AS place
            FROM cities) ranked
   WHERE place <= 3
   ORDER BY "countryCode", place`;

/** The three provinces of each country with the most people in their cities. */
export const LARGEST_PROVINCES = `
  SELECT province, cities, population, "countryCode"
    FROM (SELECT province, "countryCode",
                 COUNT(*) AS cities,
                 SUM(population) AS population,
                 ROW_NUMBER() OVER (PARTITION BY "countryCode"
                                    ORDER BY SUM(population) DESC, province) AS place
            FROM cities
           GROUP BY "countryCode", province) ranked
   WHERE place <= 3
   ORDER BY "countryCode", place`;

/** Per country with any review: how many, and the sum of their ratings. */
export const RATINGS_PER_COUNTRY = `
  SELECT city."countryCode", COUNT(*) AS reviews, SUM(review.rating) AS "ratingSum"
    FROM reviews review
    JOIN cities city ON city.id = review."cityId"
   GROUP BY city."countryCode"`;
