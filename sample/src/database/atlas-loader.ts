import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { City } from '../entities/city.entity.js';
import { Country } from '../entities/country.entity.js';
import { User } from '../entities/user.entity.js';
import { DEMO_USERS } from '../users/demo-users.js';
import { insertRows } from './insert-rows.js';
import { sourceCities, sourceCountries } from './source-data.js';

const ROWS_PER_STATEMENT = 500;

/** Fills the tables from the packages when the app starts and finds them empty. */
@Injectable()
export class AtlasLoader implements OnApplicationBootstrap {
  private readonly logger = new Logger('Atlas');

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.addUsers();
    const stored = await this.dataSource.getRepository(City).count();
    if (stored > 0) {
      this.logger.log(
        `${stored.toLocaleString('en')} cities are there already`,
      );
      return;
    }
    const startedAt = performance.now();
    const loaded = await this.load();
    const tookMs = Math.round(performance.now() - startedAt);
    this.logger.log(
      `${loaded.toLocaleString('en')} cities loaded in ${tookMs} ms`,
    );
  }

  private async addUsers(): Promise<void> {
    const users = this.dataSource.getRepository(User);
    if ((await users.count()) > 0) return;
    await users.insert([...DEMO_USERS.values()]);
  }

  private async load(): Promise<number> {
    const wanted = wantedCountries();
    const countries = sourceCountries(wanted);
    const cities = sourceCities(wanted);
    // One transaction, so that an interrupted start leaves the tables empty.
    await this.dataSource.transaction(async manager => {
      await insertRows(manager, Country, countries, ROWS_PER_STATEMENT);
      await insertRows(manager, City, cities, ROWS_PER_STATEMENT, done =>
        this.showProgress(done, cities.length),
      );
    });
    return cities.length;
  }

  private showProgress(done: number, total: number): void {
    const quarter = (rows: number) => Math.floor((4 * rows) / total);
    if (quarter(done) > quarter(done - ROWS_PER_STATEMENT)) {
      this.logger.log(`loading cities: ${Math.floor((100 * done) / total)} %`);
    }
  }
}

/** `ATLAS_COUNTRIES=FR,MC` loads these countries alone; unset, the whole world. */
function wantedCountries(): ReadonlySet<string> | undefined {
  const codes = process.env['ATLAS_COUNTRIES'];
  return codes ? new Set(codes.split(',')) : undefined;
}
