import { describe, expect, it } from '@jest/globals';
import { type INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  AlkeyEvents,
  CacheKeyService,
  type Holder,
  type Identifier,
  row,
  TokenStore,
} from 'nestjs-alkey';
import {
  AlkeyTestingModule,
  type AlkeyTestingOptions,
  expectTouched,
  expectUntouched,
  FaultyTokenStore,
} from 'nestjs-alkey/testing';
import { DataSource, type EntityManager } from 'typeorm';
import { Order, SHOP_ENTITIES, User } from '../support/shop.js';

interface Started extends AsyncDisposable {
  readonly app: INestApplicationContext;
  readonly manager: EntityManager;
  readonly keys: CacheKeyService;
}

async function start(options?: AlkeyTestingOptions): Promise<Started> {
  const app = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({
        type: 'sqljs',
        entities: SHOP_ENTITIES,
        synchronize: true,
        retryAttempts: 0,
      }),
      AlkeyTestingModule.forRoot(options),
    ],
  }).compile();
  await app.init();
  return {
    app,
    manager: app.get(DataSource).manager,
    keys: app.get(CacheKeyService),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

describe('expectTouched', () => {
  it('answers what the action does, where it touched every ref', async () => {
    await using started = await start();
    const { app, manager } = started;
    const user = await expectTouched(
      app,
      [User, 'alkey:*#*', row(User, 1)],
      () => manager.save(manager.create(User, { name: 'Ada' })),
    );
    expect(user.id).toBe(1);
  });

  it('takes one ref, and an instance whose row the action removes', async () => {
    await using started = await start();
    const { app, manager } = started;
    const user = await manager.save(manager.create(User, { name: 'Ada' }));
    await expectTouched(app, user, () => manager.remove(user));
    expect(user.id).toBeUndefined();
  });

  it('fails where a ref is as it was, and says what was touched instead', async () => {
    await using started = await start();
    const { app, manager } = started;
    await expect(
      expectTouched(app, [User, row(Order, 7), Order], () =>
        manager.insert(User, { name: 'Ada' }),
      ),
    ).rejects.toMatchObject({
      name: 'AssertionError',
      message:
        'Expected the action to touch alkey:orders#7 and alkey:orders#*. ' +
        'Touched meanwhile: alkey:users#1, alkey:users#*, alkey:*#*.',
    });
  });

  it('says where nothing was touched at all', async () => {
    await using started = await start();
    const { app } = started;
    await expect(expectTouched(app, User, () => 1)).rejects.toThrow(
      'Expected the action to touch alkey:users#*. This application touched nothing meanwhile.',
    );
  });

  it('lets the failure of the action through', async () => {
    await using started = await start();
    const { app } = started;
    const failure = new Error('of the action');
    await expect(
      expectTouched(app, User, () => {
        throw failure;
      }),
    ).rejects.toBe(failure);
  });

  it('says where a transaction is being committed', async () => {
    await using started = await start();
    const { app } = started;
    const held = ['alkey:users#*'] as Identifier[];
    await app.get(TokenStore).hold(held, 'a writer' as Holder, 30_000);
    await expect(expectTouched(app, User, () => 1)).rejects.toThrow(
      'Could not tell whether alkey:users#* is touched: before the action a transaction that writes it is being committed.',
    );
  });

  it('says where the store is away', async () => {
    const tokenStore = new FaultyTokenStore();
    await using started = await start({ tokenStore });
    const { app } = started;
    tokenStore.fault = 'down';
    await expect(expectTouched(app, User, () => 1)).rejects.toThrow(
      'before the action the token store did not answer.',
    );
  });
});

describe('expectUntouched', () => {
  it('answers what the action does, where it touched none of the refs', async () => {
    await using started = await start();
    const { app, manager } = started;
    const count = await expectUntouched(app, [User, 'alkey:*#*'], () =>
      manager.count(User),
    );
    expect(count).toBe(0);
  });

  it('fails where a ref was touched, and says what else was', async () => {
    await using started = await start();
    const { app, manager } = started;
    await expect(
      expectUntouched(app, [Order, User], () =>
        manager.insert(User, { name: 'Ada' }),
      ),
    ).rejects.toMatchObject({
      name: 'AssertionError',
      message:
        'Expected the action not to touch alkey:users#*. ' +
        'Touched meanwhile: alkey:users#1, alkey:users#*, alkey:*#*.',
    });
  });

  it('refuses what names nothing before the action runs', async () => {
    await using started = await start();
    const { app } = started;
    let ran = false;
    await expect(
      expectUntouched(app, 'users', () => {
        ran = true;
      }),
    ).rejects.toMatchObject({ code: 'ALKEY_INVALID_REF' });
    expect(ran).toBe(false);
  });
});

describe('AlkeyTestingModule', () => {
  it('keeps everything in memory whatever the environment says', async () => {
    process.env.REDIS_URL = 'redis://127.0.0.1:1';
    try {
      await using app = await start({ ttlMs: 5_000 });
      const token = await app.keys.token(User);
      expect(await app.keys.token(User)).toBe(token);
    } finally {
      delete process.env.REDIS_URL;
    }
  });

  it('refuses a wrong option as AlkeyModule does', async () => {
    await expect(start({ ttlMs: 0 })).rejects.toMatchObject({
      code: 'ALKEY_INVALID_OPTION',
    });
  });

  it.each(['down', 'mute', 'late'] as const)(
    'goes on without a cache while its store is %s',
    async fault => {
      const tokenStore = new FaultyTokenStore();
      await using app = await start({ tokenStore, storeTimeoutMs: 20 });
      tokenStore.fault = fault;
      const errors: string[] = [];
      app.app
        .get(AlkeyEvents)
        .on('store-error', ({ operation }) => errors.push(operation));
      const values = [1, 2].map(value =>
        app.keys.wrap([User, value], async () => value),
      );
      expect(await Promise.all(values)).toEqual([1, 2]);
      await app.manager.insert(User, { name: 'Ada' });
      expect(await app.manager.count(User)).toBe(1);
      expect(errors).toContain('read');
      tokenStore.fault = 'none';
    },
  );

  it("fails a commit that cannot be announced with onStoreFailure 'abort'", async () => {
    const tokenStore = new FaultyTokenStore();
    await using app = await start({ tokenStore, onStoreFailure: 'abort' });
    tokenStore.failOn('hold');
    await expect(
      app.manager.transaction(manager => manager.insert(User, { name: 'Ada' })),
    ).rejects.toMatchObject({ code: 'ALKEY_STORE_UNAVAILABLE' });
    expect(await app.manager.count(User)).toBe(0);
  });
});

describe('FaultyTokenStore', () => {
  const ids = ['alkey:users#1'] as Identifier[];

  it('does what a store in memory does', async () => {
    const store = new FaultyTokenStore();
    expect(await store.read(ids)).toEqual(await store.read(ids));
    expect(store.asked).toEqual(['read alkey:users#1', 'read alkey:users#1']);
  });

  it('fails the call that was planned, and no other', async () => {
    const store = new FaultyTokenStore();
    store.failOn('replace', 2);
    await store.replace(ids);
    await store.read(ids);
    await expect(store.replace(ids)).rejects.toThrow('The store is down.');
    await store.replace(ids);
    expect(store.asked).toHaveLength(4);
  });

  it('counts calls of any operation, and several plans at once', async () => {
    const store = new FaultyTokenStore();
    store.failOn('any', 3);
    store.failOn('read', 1);
    await expect(store.read(ids)).rejects.toThrow('down');
    await store.replace(ids);
    await expect(store.replace(ids)).rejects.toThrow('down');
    await store.replace(ids);
    expect(await store.read(ids)).toHaveLength(1);
  });

  it('does what came late when it is told to', async () => {
    const store = new FaultyTokenStore();
    const [before] = await store.read(ids);
    store.failOn('replace', 1, 'late');
    void store.replace(ids);
    expect(await store.read(ids)).toEqual([before]);
    await store.deliver();
    expect(await store.read(ids)).not.toEqual([before]);
  });
});
