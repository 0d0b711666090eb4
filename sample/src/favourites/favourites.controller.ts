import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  UseGuards,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { CacheKeyed, rowOf } from 'nestjs-alkey';
import { In, Repository } from 'typeorm';
import { CitiesService } from '../cities/cities.service.js';
import { City } from '../entities/city.entity.js';
import { Favourite } from '../entities/favourite.entity.js';
import { User } from '../entities/user.entity.js';
import { rowId } from '../input/whole-number.pipe.js';
import { BearerGuard, signedInId } from '../users/bearer.guard.js';
import { UserId } from '../users/user-id.decorator.js';
import { newFavourite, type NewFavourite } from './new-favourite.pipe.js';

@Controller('me/favourites')
@UseGuards(BearerGuard)
export class FavouritesController {
  constructor(
    @InjectRepository(Favourite)
    private readonly favourites: Repository<Favourite>,
    @InjectRepository(City) private readonly cities: Repository<City>,
    private readonly citiesService: CitiesService,
  ) {}

  // One answer for each user. A favourite touches its user's row, so that of another user keeps it.
  @Get()
  @CacheKeyed(rowOf(User, signedInId), City, { scope: signedInId })
  async mine(@UserId() userId: number) {
    const favourites = await this.favourites.findBy({ userId });
    return this.cities.find({
      where: { id: In(favourites.map(({ cityId }) => cityId)) },
      order: { name: 'ASC', id: 'ASC' },
    });
  }

  @Post()
  async add(
    @UserId() userId: number,
    @Body(newFavourite) { cityId }: NewFavourite,
  ) {
    await this.citiesService.find(cityId);
    return this.favourites.save({ userId, cityId });
  }

  @Delete(':cityId')
  @HttpCode(204)
  async remove(
    @UserId() userId: number,
    @Param('cityId', rowId) cityId: number,
  ) {
    await this.favourites.delete({ userId, cityId });
  }
}
