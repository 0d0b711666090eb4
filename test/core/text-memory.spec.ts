import { describe, expect, it } from '@jest/globals';

import {
  TextMemory,
  type TextMemoryLimits,
} from '../../lib/core/text-memory.js';

/** Each meaning is an object of its own, so that one that is kept is told from one found out anew. */
function memory(limits?: TextMemoryLimits): TextMemory<object> {
  return new TextMemory(text => ({ text }), limits);
}

describe('TextMemory', () => {
  it('answers with the same meaning while it is kept', () => {
    const cache = memory();
    const first = cache.get('DELETE FROM t');
    expect(first).toEqual({ text: 'DELETE FROM t' });
    expect(cache.get('DELETE FROM t')).toBe(first);
  });

  it('keeps no more texts than it may', () => {
    const cache = memory({ maxEntries: 10 });
    for (let at = 0; at < 100; at += 1) {
      cache.get(`SELECT ${at}`);
      expect(cache.size).toBeLessThanOrEqual(10);
    }
    expect(cache.size).toBeGreaterThanOrEqual(5);
  });

  it('keeps no more characters than it may', () => {
    const cache = memory({ maxTotalLength: 1000 });
    const texts = Array.from(
      { length: 50 },
      (_, at) => `SELECT '${String(at).padStart(90, 'x')}'`,
    );
    for (const text of texts) cache.get(text);
    expect(cache.size).toBeLessThanOrEqual(1000 / 100);
    expect(cache.size).toBeGreaterThan(0);
  });

  it('does not keep a long text', () => {
    const cache = memory({ maxTextLength: 20 });
    const long = `SELECT '${'x'.repeat(20)}'`;
    expect(cache.get(long)).not.toBe(cache.get(long));
    expect(cache.size).toBe(0);
  });

  it('keeps nothing where it may keep fewer than two texts', () => {
    const cache = memory({ maxEntries: 1 });
    cache.get('SELECT 1');
    expect(cache.size).toBe(0);
  });

  it('keeps a text that is asked for again and again', () => {
    const cache = memory({ maxEntries: 10 });
    const hot = cache.get('SELECT 1 AS hot');
    for (let at = 0; at < 100; at += 1) {
      cache.get(`SELECT ${at}`);
      expect(cache.get('SELECT 1 AS hot')).toBe(hot);
    }
  });
});
