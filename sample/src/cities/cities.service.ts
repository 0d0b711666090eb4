import { Injectable, NotFoundException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { City } from '../entities/city.entity.js';
import { type CityChanges } from './city-changes.pipe.js';

@Injectable()
export class CitiesService {
  constructor(
    @InjectRepository(City) private readonly cities: Repository<City>,
  ) {}

  /** The city with its country. */
  async find(id: number): Promise<City> {
    const city = await this.cities.findOne({
      where: { id },
      relations: { country: true },
    });
    if (!city) throw new NotFoundException(`No city has the id ${id}`);
    return city;
  }

  async change(id: number, changes: CityChanges): Promise<City> {
    const city = await this.find(id);
    return this.cities.save(Object.assign(city, changes));
  }
}
