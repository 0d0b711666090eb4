import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it } from '@jest/globals';
import {
  AlkeyEvents,
  type AlkeyEventName,
  row,
  TokenStore,
} from 'nestjs-alkey';
import { AlkeyTestingModule, FaultyTokenStore } from 'nestjs-alkey/testing';
import { Test } from '@nestjs/testing';
import { User } from '../support/shop.js';
import { startApp } from '../support/start-app.js';
import { until } from '../support/redis-servers.js';

const NAMES: readonly AlkeyEventName[] = [
  'hit',
  'miss',
  'bypass',
  'stored',
  'touched',
  'held',
  'released',
  'store-error',
];

/** Hears all events of an application, as their names and what came with them. */
function listenTo(events: AlkeyEvents) {
  const heard: (readonly [AlkeyEventName, object])[] = [];
  for (const name of NAMES) events.on(name, event => heard.push([name, event]));
  return {
    heard,
    names: () => heard.map(([name]) => name),
    clear: () => heard.splice(0),
  };
}

describe('AlkeyEvents', () => {
  it('tell of a miss and a hit of a route, and of the write between', async () => {
    await using app = await startApp({ database: { type: 'sqljs' } });
    await app.send('POST', '/users', { name: 'Ada' });
    const log = listenTo(app.app.get(AlkeyEvents));

    await app.get('/users/1');
    expect(log.clear()).toEqual([
      [
        'miss',
        expect.objectContaining({
          source: 'http',
          name: 'UsersController.one',
          collapsed: false,
        }),
      ],
      [
        'stored',
        expect.objectContaining({
          name: 'UsersController.one',
          size: expect.any(Number),
        }),
      ],
    ]);

    await app.get('/users/1');
    expect(log.clear()).toEqual([
      [
        'hit',
        expect.objectContaining({
          freshness: 'fresh',
          identifiers: expect.arrayContaining(['alkey:users#1']),
        }),
      ],
    ]);

    await app.send('PATCH', '/users/1', { name: 'Grace' });
    expect(log.names()).toEqual(['held', 'touched', 'released']);
    for (const [, event] of log.clear()) {
      expect(event).toMatchObject({
        identifiers: expect.arrayContaining(['alkey:users#1', 'alkey:users#*']),
      });
    }

    await app.get('/users/abc');
    expect(log.clear()).toEqual([
      ['bypass', expect.objectContaining({ reason: 'invalid-key' })],
    ]);
  });

  it('show neither values nor who asked for what', async () => {
    await using app = await startApp({ database: { type: 'sqljs' } });
    const log = listenTo(app.app.get(AlkeyEvents));
    await app.send('POST', '/users', { name: 'Confidential' });
    await app.get('/users?token=Confidential');
    await app.get('/users?token=Confidential');
    expect(log.names()).toContain('hit');
    expect(JSON.stringify(log.heard)).not.toContain('Confidential');
  });

  it('are published on node:diagnostics_channel as well', async () => {
    await using app = await startApp({ database: { type: 'sqljs' } });
    const published: unknown[] = [];
    const listener = (message: unknown, name: string | symbol) =>
      void published.push([name, message]);
    subscribe('alkey:touched', listener);
    try {
      await app.keys.invalidate(row(User, 1));
    } finally {
      unsubscribe('alkey:touched', listener);
    }
    await app.keys.invalidate(row(User, 2));
    expect(published).toEqual([
      [
        'alkey:touched',
        {
          cause: 'manual',
          identifiers: ['alkey:users#1', 'alkey:users#*', 'alkey:*#*'],
        },
      ],
    ]);
  });

  it('of one application do not reach the listeners of another', async () => {
    await using one = await startApp({ database: { type: 'sqljs' } });
    await using two = await startApp({ database: { type: 'sqljs' } });
    const log = listenTo(two.app.get(AlkeyEvents));
    await one.keys.invalidate(User);
    expect(log.heard).toEqual([]);
  });

  it('do not let a listener that fails reach anybody else', async () => {
    await using app = await startApp({ database: { type: 'sqljs' } });
    const events = app.app.get(AlkeyEvents);
    events.on('touched', () => {
      throw new Error('a listener');
    });
    const log = listenTo(events);
    await app.dataSource.manager.insert(User, { name: 'Ada' });
    expect(log.names()).toEqual(['held', 'touched', 'released']);
  });

  it('tell of a store that fails, without its identifiers', async () => {
    const tokenStore = new FaultyTokenStore();
    const testing = await Test.createTestingModule({
      imports: [AlkeyTestingModule.forRoot({ tokenStore })],
    }).compile();
    await testing.init();
    const log = listenTo(testing.get(AlkeyEvents));
    tokenStore.failOn('read');
    const read = testing.get(TokenStore).read(['alkey:users#1' as never]);
    await expect(read).rejects.toMatchObject({
      code: 'ALKEY_STORE_UNAVAILABLE',
    });
    await until(() => log.heard.length > 0);
    expect(log.heard).toEqual([
      [
        'store-error',
        { operation: 'read', identifiers: 1, error: expect.anything() },
      ],
    ]);
    await testing.close();
  });
});
