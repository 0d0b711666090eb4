import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AlkeyModule } from 'nestjs-alkey';
import { CitiesController } from './cities/cities.controller.js';
import { CitiesService } from './cities/cities.service.js';
import { CityPageController } from './cities/city-page.controller.js';
import { CompareController } from './compare/compare.controller.js';
import { CountriesController } from './countries/countries.controller.js';
import { AtlasLoader } from './database/atlas-loader.js';
import { databaseOptions } from './database/database-options.js';
import { City } from './entities/city.entity.js';
import { Country } from './entities/country.entity.js';
import { Favourite } from './entities/favourite.entity.js';
import { Review } from './entities/review.entity.js';
import { FavouritesController } from './favourites/favourites.controller.js';
import { ReviewsController } from './reviews/reviews.controller.js';
import { ReviewsService } from './reviews/reviews.service.js';
import { AtlasReport } from './stats/atlas-report.js';
import { StatsController } from './stats/stats.controller.js';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({ useFactory: databaseOptions }),
    TypeOrmModule.forFeature([Country, City, Review, Favourite]),
    AlkeyModule.forRoot({
      // The atlas is public: whoever asks gets the same answer. A user's favourites say otherwise.
      scope: 'shared',
      // Each page, review and favourite looks a city up by its id first.
      queries: { City: { ops: ['get'] } },
    }),
  ],
  controllers: [
    CountriesController,
    CitiesController,
    CityPageController,
    CompareController,
    ReviewsController,
    StatsController,
    FavouritesController,
  ],
  providers: [AtlasLoader, CitiesService, ReviewsService, AtlasReport],
})
export class AppModule {}
