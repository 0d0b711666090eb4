import {
  afterEach,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import KeyvRedis from '@keyv/redis';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  type INestApplicationContext,
  Logger,
  type LoggerService,
  Module,
  type ModuleMetadata,
  Param,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { type Cache, createCache } from 'cache-manager';
import {
  ALKEY_CACHE,
  AlkeyModule,
  type AlkeyModuleOptions,
  CacheKey,
  CacheKeyService,
  type KeyFunction,
  row,
} from 'nestjs-alkey';
import { DataSource } from 'typeorm';
import { SHOP_ENTITIES, User } from '../support/shop.js';
import { startApp } from '../support/start-app.js';
import { inRedis } from '../support/stores.js';
import { describeWith } from '../support/suites.js';

/** What the module logs, by level. */
class RecordingLogger implements LoggerService {
  readonly lines: string[] = [];
  log = (message: unknown) => void this.lines.push(`log ${message}`);
  warn = (message: unknown) => void this.lines.push(`warn ${message}`);
  error = (message: unknown) => void this.lines.push(`error ${message}`);
}

const IN_MEMORY =
  'warn Tokens and responses are kept in memory: not shared between processes. Give `redis` or set REDIS_URL.';

@Injectable()
class Settings {
  static instances = 0;
  readonly release = 'from settings';
  constructor() {
    Settings.instances += 1;
  }
  createAlkeyOptions(): AlkeyModuleOptions {
    return { redis: false, release: this.release, ttlMs: 7 };
  }
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Injectable()
class Cards {
  constructor(@Inject(CacheKeyService) readonly keys: CacheKeyService) {}
}

@Module({ providers: [Cards], exports: [Cards] })
class CardsModule {}

let logger: RecordingLogger;
beforeEach(() => {
  logger = new RecordingLogger();
});
afterEach(() => {
  Logger.overrideLogger(false);
});

async function boot(
  imports: NonNullable<ModuleMetadata['imports']>,
): Promise<INestApplicationContext & AsyncDisposable> {
  const testing = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({
        type: 'sqljs',
        entities: SHOP_ENTITIES,
        synchronize: true,
        retryAttempts: 0,
      }),
      ...imports,
    ],
  })
    .setLogger(logger)
    .compile();
  await testing.init();
  return Object.assign(testing, {
    [Symbol.asyncDispose]: () => testing.close(),
  });
}

/** Whether a write changes a token, and a token that nothing was written for stays. */
async function observes(app: INestApplicationContext): Promise<boolean> {
  const keys = app.get(CacheKeyService, { strict: false });
  const before = await keys.token(User);
  if ((await keys.token(User)) !== before) return false;
  await app.get(DataSource).manager.insert(User, { name: 'Ada' });
  return (await keys.token(User)) !== before;
}

describe('AlkeyModule', () => {
  it('works with nothing but forRoot(), in memory, and warns of that once', async () => {
    await using app = await boot([AlkeyModule.forRoot()]);
    expect(await observes(app)).toBe(true);
    await observes(app);
    expect(logger.lines.filter(line => line === IN_MEMORY)).toHaveLength(1);
  });

  it('does not warn whoever asked for memory', async () => {
    await using app = await boot([AlkeyModule.forRoot({ redis: false })]);
    expect(await observes(app)).toBe(true);
    expect(logger.lines).not.toContain(IN_MEMORY);
  });

  it.each<[string, () => ReturnType<typeof AlkeyModule.forRootAsync>]>([
    [
      'a factory',
      () => AlkeyModule.forRootAsync({ useFactory: () => ({ redis: false }) }),
    ],
    [
      'an asynchronous factory with injected providers',
      () =>
        AlkeyModule.forRootAsync({
          imports: [SettingsModule],
          inject: [Settings],
          useFactory: async (settings: Settings) =>
            settings.createAlkeyOptions(),
        }),
    ],
    ['a class', () => AlkeyModule.forRootAsync({ useClass: Settings })],
    [
      'a provider that there is',
      () =>
        AlkeyModule.forRootAsync({
          imports: [SettingsModule],
          useExisting: Settings,
        }),
    ],
  ])('takes its options from %s', async (_, module) => {
    await using app = await boot([module()]);
    expect(await observes(app)).toBe(true);
    expect(logger.lines).not.toContain(IN_MEMORY);
  });

  it('makes no second instance of a provider that there is', async () => {
    Settings.instances = 0;
    await using app = await boot([
      AlkeyModule.forRootAsync({
        imports: [SettingsModule],
        useExisting: Settings,
      }),
    ]);
    expect(app.get(Settings, { strict: false })).toBeInstanceOf(Settings);
    expect(Settings.instances).toBe(1);
  });

  it('is there for every module', async () => {
    await using app = await boot([AlkeyModule.forRoot(), CardsModule]);
    const cards = app.get(Cards, { strict: false });
    expect(cards.keys).toBe(app.get(CacheKeyService, { strict: false }));
  });

  it.each([
    ['forRoot', () => AlkeyModule.forRoot({ redis: false, isGlobal: false })],
    [
      'forRootAsync',
      () =>
        AlkeyModule.forRootAsync({
          isGlobal: false,
          useFactory: () => ({ redis: false }),
        }),
    ],
  ])('is only there for those who import it, by %s', async (_, module) => {
    await expect(boot([module(), CardsModule])).rejects.toThrow(
      /CacheKeyService/,
    );

    @Module({ imports: [module()], providers: [Cards] })
    class OwnCardsModule {}
    await using app = await boot([OwnCardsModule]);
    expect(await observes(app)).toBe(true);
  });

  it.each([
    ['forRoot', { maxRowsPerTable: -1 }],
    ['forRoot', { nearer: false }],
  ])('fails at start, by %s with %p', async (_, options) => {
    await expect(
      boot([AlkeyModule.forRoot(options as AlkeyModuleOptions)]),
    ).rejects.toMatchObject({ code: 'ALKEY_INVALID_OPTION' });
  });

  it.each([{ ttlMs: 0 }, undefined, null])(
    'fails at start where a factory answers %p',
    async options => {
      const module = AlkeyModule.forRootAsync({
        useFactory: async () => options as unknown as AlkeyModuleOptions,
      });
      await expect(boot([module])).rejects.toMatchObject({
        code: 'ALKEY_INVALID_OPTION',
      });
    },
  );

  it('leaves the given options as they were', async () => {
    const options = Object.freeze({ redis: false as const, isGlobal: true });
    await using app = await boot([AlkeyModule.forRoot(options)]);
    expect(await observes(app)).toBe(true);
    expect(options).toEqual({ redis: false, isGlobal: true });
  });

  it('keeps responses in the cache that it is given, and lets others inject it', async () => {
    const cache = createCache();
    const set = jest.spyOn(cache.stores[0]!, 'set');
    await using app = await boot([AlkeyModule.forRoot({ cache })]);
    expect(app.get<Cache>(ALKEY_CACHE, { strict: false })).toBe(cache);
    const keys = app.get(CacheKeyService, { strict: false });
    await keys.wrap(['a'], async () => 'value');
    expect(set).toHaveBeenCalledTimes(1);
  });

  it('leaves two applications of one process alone with their own', async () => {
    await using one = await boot([AlkeyModule.forRoot()]);
    await using two = await boot([AlkeyModule.forRoot()]);
    const [keys, others] = [one, two].map(app =>
      app.get(CacheKeyService, { strict: false }),
    );
    const token = await others!.token(User);
    const key = await keys!.key(row(User, 1));
    expect(await observes(one)).toBe(true);
    expect(await others!.token(User)).toBe(token);
    expect(await keys!.key(row(User, 1))).not.toBe(key);
    await one.close();
    expect(await observes(two)).toBe(true);
  });

  it('leaves a data source that outlives it as it was', async () => {
    const app = await boot([AlkeyModule.forRoot()]);
    const dataSource = app.get(DataSource);
    const observed = dataSource.subscribers.length;
    await app.close();
    expect(dataSource.subscribers).toHaveLength(observed - 1);
  });
});

@Controller('keys')
class KeysController {
  @Get(':id')
  key(@Param('id') id: string, @CacheKey() key: KeyFunction): Promise<string> {
    return key(row(User, id), 'card');
  }
}

describe('@CacheKey()', () => {
  it.each(['express', 'fastify'] as const)(
    'hands a handler the function that composes keys, over %s',
    async adapter => {
      await using app = await startApp({
        database: { type: 'sqljs' },
        adapter,
        metadata: { controllers: [KeysController] },
      });
      const { body } = await app.get('/keys/1');
      expect(body).toBe(await app.keys.key(row(User, 1), 'card'));
      expect((await app.get('/keys/2')).body).not.toBe(body);
    },
  );
});

describeWith('REDIS_URL', 'AlkeyModule with Redis', url => {
  it('has its connection when it has started, and does not warn', async () => {
    await using app = await boot([AlkeyModule.forRoot(inRedis(url))]);
    expect(await observes(app)).toBe(true);
    expect(logger.lines.filter(line => line.startsWith('warn'))).toEqual([]);
  });

  it('takes a KeyvRedis, and leaves it open', async () => {
    const keyv = new KeyvRedis(url);
    try {
      const app = await boot([
        AlkeyModule.forRoot({ ...inRedis(url), redis: keyv }),
      ]);
      expect(await observes(app)).toBe(true);
      await app.close();
      const client = await keyv.getClient();
      expect(client.isOpen).toBe(true);
    } finally {
      await keyv.disconnect(true);
    }
  });

  it('shares tokens among applications of one namespace, and no others', async () => {
    const options = inRedis(url);
    await using one = await startApp({
      database: { type: 'sqljs' },
      alkey: options,
    });
    await using two = await startApp({
      database: { type: 'sqljs' },
      alkey: options,
    });
    await using stranger = await startApp({
      database: { type: 'sqljs' },
      alkey: inRedis(url),
    });
    const token = await one.keys.token(User);
    expect(await two.keys.token(User)).toBe(token);
    const strange = await stranger.keys.token(User);
    expect(strange).not.toBe(token);
    await one.dataSource.manager.insert(User, { name: 'Ada' });
    expect(await two.keys.token(User)).not.toBe(token);
    expect(await stranger.keys.token(User)).toBe(strange);
  });
});
