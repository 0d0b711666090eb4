import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { AlkeyEvents, row } from 'nestjs-alkey';
import { Gate } from '../support/gate.js';
import { Membership, Order, User } from '../support/shop.js';
import { startApp, type StartedApp } from '../support/start-app.js';
import { describeOnStores, storeAnswers } from '../support/stores.js';

function never(): Promise<never> {
  return Promise.reject(new Error('It ran.'));
}

describeOnStores('wrap without refs', options => {
  let app: StartedApp;
  let place: readonly unknown[];
  let places = 0;
  beforeAll(async () => {
    app = await startApp({ database: { type: 'sqljs' }, alkey: options() });
    await storeAnswers(app.keys);
  });
  beforeEach(async () => {
    places += 1;
    place = ['place', places];
    await app.dataSource.manager.clear(Membership);
    await app.dataSource.manager.deleteAll(Order);
    await app.dataSource.manager.deleteAll(User);
    await app.dataSource.manager.insert(User, { id: 1, name: 'Ada' });
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
  });

  const name = async (): Promise<unknown> =>
    (await app.dataSource.manager.findOneByOrFail(User, { id: 1 })).name;

  it('keeps a value until what was read for it is written', async () => {
    expect(await app.keys.wrap(place, name)).toBe('Ada');
    await app.dataSource.manager.insert(User, { id: 2, name: 'Bob' });
    expect(await app.keys.wrap(place, never)).toBe('Ada');
    await app.dataSource.manager.update(User, 1, { name: 'Ann' });
    expect(await app.keys.wrap(place, name)).toBe('Ann');
  });

  it('keeps a value for which nothing was read whatever is written', async () => {
    await app.keys.wrap(place, async () => 'rates');
    await app.dataSource.manager.update(User, 1, { name: 'Ann' });
    expect(await app.keys.wrap(place, never)).toBe('rates');
  });

  it('depends on what is declared while it is made', async () => {
    await app.keys.wrap(place, async () => {
      await app.keys.dependsOn(row(User, 1));
      return 'from elsewhere';
    });
    expect(await app.keys.wrap(place, never)).toBe('from elsewhere');
    await app.keys.invalidate(row(User, 1));
    expect(await app.keys.wrap(place, async () => 'new')).toBe('new');
  });

  it('depends on what the values within it do, whether they are found or made', async () => {
    const inner = [...place, 'inner'];
    await app.keys.wrap(inner, name);
    const outer = (): Promise<unknown> =>
      app.keys.wrap(place, async () => [await app.keys.wrap(inner, name)]);
    expect(await outer()).toEqual(['Ada']);
    await app.dataSource.manager.update(User, 1, { name: 'Ann' });
    expect(await outer()).toEqual(['Ann']);
    expect(await app.keys.wrap(place, never)).toEqual(['Ann']);
  });

  it('lives no longer than the values within it', async () => {
    const stored: number[] = [];
    const stop = app.app
      .get(AlkeyEvents)
      .on('stored', ({ ttlMs }) => stored.push(ttlMs));
    const inner = [...place, 'inner'];
    const outer = (): Promise<unknown> =>
      app.keys.wrap(place, () => app.keys.wrap(inner, name, { ttlMs: 60_000 }));
    await outer();
    await app.keys.wrap([...place, 'found'], () =>
      app.keys.wrap(inner, never, { ttlMs: 60_000 }),
    );
    stop();
    const [made, around, found = 0] = stored;
    expect([made, around]).toEqual([60_000, 60_000]);
    expect(found).toBeLessThanOrEqual(60_000);
  });

  it('shares one run, and gives nobody what was read before he asked', async () => {
    const gate = new Gate();
    let runs = 0;
    const slowly = async (): Promise<unknown> => {
      runs += 1;
      const found = await name();
      if (runs === 1) await gate.pass();
      return found;
    };
    const early = app.keys.wrap(place, slowly);
    await gate.reached(1);
    await app.dataSource.manager.update(User, 1, { name: 'Ann' });
    const late = [app.keys.wrap(place, slowly), app.keys.wrap(place, slowly)];
    gate.open();
    expect(await early).toBe('Ada');
    expect(await Promise.all(late)).toEqual(['Ann', 'Ann']);
    expect(runs).toBe(2);
  });

  it('keeps nothing that was read in a transaction of the caller', async () => {
    const reasons: string[] = [];
    const stop = app.app
      .get(AlkeyEvents)
      .on('bypass', ({ reason }) => reasons.push(reason));
    await app.dataSource.transaction(async manager => {
      await manager.update(User, 1, { name: 'Eve' });
      await app.keys.wrap(place, () => manager.find(User));
    });
    stop();
    expect(reasons).toEqual(['transaction']);
  });

  it('runs by itself within its own run, where waiting would never end', async () => {
    const value = await app.keys.wrap(place, () =>
      app.keys.wrap(place, async () => 'inner'),
    );
    expect(value).toBe('inner');
  });
});
