import { describe, expect, it } from '@jest/globals';
import { type AlkeyEventName, EventHub } from '../../lib/core/events.js';
import { EVERYTHING } from '../../lib/core/identifiers/identifier.js';

const touched = { identifiers: [EVERYTHING], cause: 'manual' } as const;
const held = { identifiers: [EVERYTHING], leaseMs: 30_000 };

function openHub() {
  const errors: [unknown, AlkeyEventName][] = [];
  const hub = new EventHub((error, name) => errors.push([error, name]));
  return { hub, errors };
}

describe('EventHub', () => {
  it('hands an event to the listeners of its name, in their order', () => {
    const { hub } = openHub();
    const heard: unknown[] = [];
    hub.on('touched', event => heard.push(['first', event]));
    hub.on('touched', event => heard.push(['second', event]));
    hub.on('held', event => heard.push(['held', event]));
    hub.emit('touched', touched);
    expect(heard).toEqual([
      ['first', touched],
      ['second', touched],
    ]);
  });

  it('stops at the unsubscription, and only for that subscription', () => {
    const { hub } = openHub();
    let calls = 0;
    const listener = (): void => {
      calls++;
    };
    const stop = hub.on('touched', listener);
    hub.on('touched', listener);
    stop();
    stop();
    hub.emit('touched', touched);
    expect(calls).toBe(1);
  });

  it('says whether anybody listens', () => {
    const { hub } = openHub();
    expect(hub.hasListeners('held')).toBe(false);
    const stop = hub.on('held', () => undefined);
    expect(hub.hasListeners('held')).toBe(true);
    expect(hub.hasListeners('touched')).toBe(false);
    stop();
    expect(hub.hasListeners('held')).toBe(false);
  });

  it('goes on after a listener that throws', () => {
    const { hub, errors } = openHub();
    const failure = new Error('listener');
    const heard: unknown[] = [];
    hub.on('held', () => {
      throw failure;
    });
    hub.on('held', event => heard.push(event));
    hub.emit('held', held);
    expect(heard).toEqual([held]);
    expect(errors).toEqual([[failure, 'held']]);
  });

  it('reports a listener that always throws once', () => {
    const { hub, errors } = openHub();
    let calls = 0;
    hub.on('held', () => {
      throw new Error(`call ${++calls}`);
    });
    hub.emit('held', held);
    hub.emit('held', held);
    expect(calls).toBe(2);
    expect(errors).toEqual([[new Error('call 1'), 'held']]);
  });

  it('reports the rejection of an asynchronous listener', async () => {
    const { hub, errors } = openHub();
    const failure = new Error('later');
    hub.on('held', () => Promise.reject(failure));
    hub.emit('held', held);
    await new Promise(resolve => setImmediate(resolve));
    expect(errors).toEqual([[failure, 'held']]);
  });

  it('finishes an emit with the listeners it began with', () => {
    const { hub } = openHub();
    const heard: string[] = [];
    const stopFirst = hub.on('held', () => {
      heard.push('first');
      stopFirst();
      hub.on('held', () => heard.push('late'));
    });
    hub.on('held', () => heard.push('second'));
    hub.emit('held', held);
    expect(heard).toEqual(['first', 'second']);
    hub.emit('held', held);
    expect(heard).toEqual(['first', 'second', 'second', 'late']);
  });
});
