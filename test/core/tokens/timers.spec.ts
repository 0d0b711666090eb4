import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from '@jest/globals';
import { systemTimers } from '../../../lib/core/tokens/timers.js';

describe('systemTimers', () => {
  it('lets a process that was busy read what came in before it runs what is due', async () => {
    const order: string[] = [];
    const { port1, port2 } = new MessageChannel();
    port2.on('message', () => order.push('came in'));
    await new Promise<void>(resolve => {
      systemTimers.after(10, () => {
        order.push('due');
        resolve();
      });
      port1.postMessage('');
      const busyUntil = performance.now() + 100;
      while (performance.now() < busyUntil);
    });
    port1.close();
    expect(order).toEqual(['came in', 'due']);
  });

  it('runs nothing that was cancelled', async () => {
    const order: string[] = [];
    const cancel = systemTimers.after(5, () => order.push('due'));
    cancel();
    await sleep(20);
    expect(order).toEqual([]);
  });
});
