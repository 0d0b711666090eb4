import { describe, expect, it } from '@jest/globals';
import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import {
  AlkeyEvents,
  AlkeyModule,
  type AlkeyModuleOptions,
  CacheKeyService,
  row,
} from 'nestjs-alkey';
import { Column, DataSource, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity('users')
class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;
}

@Entity('users')
class ReportedUser {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  total!: number;
}

/** Seeds before anybody asks, as applications do. */
@Module({})
class SeedsModule implements OnModuleInit {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  async onModuleInit(): Promise<void> {
    await this.dataSource.manager.insert(User, { name: 'seeded' });
  }
}

async function boot(options: AlkeyModuleOptions = {}) {
  const testing = await Test.createTestingModule({
    imports: [
      // Before AlkeyModule, so that only the order of hooks can put it behind.
      SeedsModule,
      TypeOrmModule.forRoot({
        type: 'sqljs',
        entities: [User],
        synchronize: true,
        retryAttempts: 0,
      }),
      TypeOrmModule.forRootAsync({
        name: 'reports',
        useFactory: () => ({
          type: 'sqljs',
          entities: [ReportedUser],
          synchronize: true,
          retryAttempts: 0,
        }),
      }),
      AlkeyModule.forRoot({ redis: false, ...options }),
    ],
  }).compile();
  const touched: string[] = [];
  testing
    .get(AlkeyEvents)
    .on('touched', event => touched.push(...event.identifiers));
  await testing.init();
  return {
    touched,
    keys: testing.get(CacheKeyService),
    users: testing.get(DataSource).manager,
    reports: testing.get<DataSource>(getDataSourceToken('reports')).manager,
    [Symbol.asyncDispose]: () => testing.close(),
  };
}

describe('data sources', () => {
  it('are all observed, each under its name', async () => {
    await using app = await boot();
    const refs = [User, ReportedUser, row(User, 2), row(ReportedUser, 1)];
    const tokens = () => Promise.all(refs.map(ref => app.keys.token(ref)));
    const before = await tokens();
    await app.reports.insert(ReportedUser, { total: 1 });
    const between = await tokens();
    expect(between.map((token, i) => token === before[i])).toEqual([
      true,
      false,
      true,
      false,
    ]);
    await app.users.insert(User, { name: 'Ada' });
    expect((await tokens()).map((token, i) => token === between[i])).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  it.each([
    ['alkey:reports/users#1', row(ReportedUser, 1)],
    ['alkey:reports/users#*', ReportedUser],
    ['alkey:users#1', row(User, 1)],
    ['alkey:users#*', User],
  ])('are told apart in %s', async (identifier, ref) => {
    await using app = await boot();
    expect(await app.keys.key(identifier)).toBe(await app.keys.key(ref));
  });

  it('are found by instances of their entities', async () => {
    await using app = await boot();
    const user = app.reports.create(ReportedUser, { id: 1, total: 1 });
    expect(await app.keys.key(user)).toBe(
      await app.keys.key('alkey:reports/users#1'),
    );
  });

  it('are all outdated at once by invalidateAll', async () => {
    await using app = await boot();
    const before = await app.keys.key(row(User, 1));
    const ofReports = await app.keys.key(row(ReportedUser, 1));
    await app.keys.invalidateAll();
    expect(await app.keys.key(row(User, 1))).not.toBe(before);
    expect(await app.keys.key(row(ReportedUser, 1))).not.toBe(ofReports);
  });

  it('are left alone unless `dataSources` names them', async () => {
    await using app = await boot({ dataSources: ['reports'] });
    const everything = await app.keys.token('alkey:*#*');
    await app.users.insert(User, { name: 'Ada' });
    expect(await app.keys.token('alkey:*#*')).toBe(everything);
    await app.reports.insert(ReportedUser, { total: 1 });
    expect(await app.keys.token('alkey:*#*')).not.toBe(everything);
    await expect(app.keys.token(User)).rejects.toMatchObject({
      code: 'ALKEY_UNKNOWN_ENTITY',
    });
    await expect(app.keys.key('alkey:users#1')).rejects.toMatchObject({
      code: 'ALKEY_UNKNOWN_TABLE',
      message: 'No entity of data source "reports" has the table "users".',
    });
  });

  it.each([
    ['report', ' Did you mean "reports"?'],
    ['elsewhere', ''],
  ])('fail the start where `dataSources` names %s', async (name, hint) => {
    await expect(
      boot({ dataSources: ['default', name] }),
    ).rejects.toMatchObject({
      code: 'ALKEY_UNKNOWN_DATA_SOURCE',
      message:
        `Nest knows no data source "${name}".${hint} It knows "default", "reports".` +
        ' Its writes would not be seen: name it in TypeOrmModule.forRoot, or leave it out of `dataSources`.',
    });
  });

  it('are observed before other modules seed them', async () => {
    await using app = await boot();
    expect(app.touched).toEqual(
      expect.arrayContaining(['alkey:users#1', 'alkey:users#*', 'alkey:*#*']),
    );
  });
});
