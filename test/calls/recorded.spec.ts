import { expect, it } from '@jest/globals';
import { AlkeyEvents, CacheKeyed, rowOf } from 'nestjs-alkey';
import { Gate } from '../support/gate.js';
import { Order, User } from '../support/shop.js';
import { startApp, type StartedApp } from '../support/start-app.js';
import { resolveField } from './resolve-field.js';

class Resolver {
  @CacheKeyed()
  recorded(): void {}

  @CacheKeyed(rowOf(Order, 'id'))
  declared(): void {}
}

/** What a resolver is answered that would answer what `handle` does. */
function ask(
  app: StartedApp,
  handle: () => Promise<unknown>,
  method: keyof Resolver = 'recorded',
): Promise<unknown> {
  const asked = { context: { req: { headers: {} } }, args: { id: 1 } };
  return resolveField(app, Resolver, method, asked, handle);
}

function start(): Promise<StartedApp> {
  return startApp({
    database: { type: 'sqljs' },
    alkey: { undeclared: 'throw' },
  });
}

it('keeps the answer of a handler without refs until what it read is written', async () => {
  await using app = await start();
  const { manager } = app.dataSource;
  await manager.insert(User, [{ name: 'Ada' }, { name: 'Bob' }]);
  const stored: string[] = [];
  app.app
    .get(AlkeyEvents)
    .on('stored', ({ identifiers }) => stored.push(...identifiers));
  const one = (): Promise<unknown> =>
    ask(app, () => manager.findOneBy(User, { id: 1 }));
  expect(await one()).toMatchObject({ name: 'Ada' });
  expect(stored).toContain('alkey:users#1');
  expect(stored).not.toContain('alkey:users#*');
  await manager.update(User, 2, { name: 'Bea' });
  expect(await ask(app, async () => 'another')).toMatchObject({ name: 'Ada' });
  await manager.update(User, 1, { name: 'Ann' });
  expect(await one()).toMatchObject({ name: 'Ann' });
});

it('does not keep what nobody understands', async () => {
  await using app = await start();
  const reasons: string[] = [];
  app.app
    .get(AlkeyEvents)
    .on('bypass', ({ source, reason }) => reasons.push(`${source} ${reason}`));
  const answered = (answer: string): Promise<unknown> =>
    ask(app, async () => {
      await app.dataSource.query('SELECT random()');
      return answer;
    });
  expect(await answered('first')).toBe('first');
  expect(await answered('second')).toBe('second');
  expect(reasons).toEqual(['call unknown-read', 'call unknown-read']);
});

it('runs a handler once for calls at the same time, and none of them gets what was read before it came', async () => {
  await using app = await start();
  const { manager } = app.dataSource;
  await manager.insert(User, { name: 'Ada' });
  const gate = new Gate();
  let runs = 0;
  const one = (): Promise<unknown> =>
    ask(app, async () => {
      runs += 1;
      const user = await manager.findOneBy(User, { id: 1 });
      if (runs === 1) await gate.pass();
      return user;
    });
  const early = one();
  await gate.reached(1);
  await manager.update(User, 1, { name: 'Ann' });
  const late = [one(), one()];
  gate.open();
  expect(await early).toMatchObject({ name: 'Ada' });
  expect(await Promise.all(late)).toMatchObject([
    { name: 'Ann' },
    { name: 'Ann' },
  ]);
  expect(runs).toBe(2);
});

it('reports what a handler reads beyond its refs', async () => {
  await using app = await start();
  const asked = ask(app, () => app.dataSource.manager.find(User), 'declared');
  await expect(asked).rejects.toMatchObject({ code: 'ALKEY_UNDECLARED_READ' });
  expect(await ask(app, async () => 'x', 'declared')).toBe('x');
});
