import { describe, expect, it } from '@jest/globals';

import { AnalysisCache } from '../../../lib/core/writes/analysis-cache.js';

describe('AnalysisCache', () => {
  it('answers with the same analysis while it is kept', () => {
    const cache = new AnalysisCache('postgres');
    const first = cache.get('DELETE FROM t');
    expect(first.statements[0]?.writes[0]?.verb).toBe('delete');
    expect(cache.get('DELETE FROM t')).toBe(first);
  });

  it('reads texts in its dialect', () => {
    const sql = 'DELETE FROM t WHERE id = 1 # OR 1';
    const filters = (['postgres', 'mysql'] as const).map(dialect => {
      const [write] =
        new AnalysisCache(dialect).get(sql).statements[0]?.writes ?? [];
      return write && 'where' in write ? write.where : 'none';
    });
    expect(filters).toEqual([
      undefined,
      [new Map([['id', [{ kind: 'number', text: '1' }]]])],
    ]);
  });

  it('keeps no more texts than it may', () => {
    const cache = new AnalysisCache('sqlite', { maxEntries: 10 });
    for (let at = 0; at < 100; at += 1) {
      cache.get(`SELECT ${at}`);
      expect(cache.size).toBeLessThanOrEqual(10);
    }
    expect(cache.size).toBeGreaterThanOrEqual(5);
  });

  it('keeps no more characters than it may', () => {
    const cache = new AnalysisCache('sqlite', { maxTotalLength: 1000 });
    const texts = Array.from(
      { length: 50 },
      (_, at) => `SELECT '${String(at).padStart(90, 'x')}'`,
    );
    for (const text of texts) cache.get(text);
    expect(cache.size).toBeLessThanOrEqual(1000 / 100);
    expect(cache.size).toBeGreaterThan(0);
  });

  it('does not keep a long text', () => {
    const cache = new AnalysisCache('sqlite', { maxTextLength: 20 });
    const long = `SELECT '${'x'.repeat(20)}'`;
    expect(cache.get(long)).not.toBe(cache.get(long));
    expect(cache.size).toBe(0);
  });

  it('keeps nothing where it may keep fewer than two texts', () => {
    const cache = new AnalysisCache('sqlite', { maxEntries: 1 });
    cache.get('SELECT 1');
    expect(cache.size).toBe(0);
  });

  it('keeps a text that is asked for again and again', () => {
    const cache = new AnalysisCache('sqlite', { maxEntries: 10 });
    const hot = cache.get('SELECT 1 AS hot');
    for (let at = 0; at < 100; at += 1) {
      cache.get(`SELECT ${at}`);
      expect(cache.get('SELECT 1 AS hot')).toBe(hot);
    }
  });
});
