import { describe, expect, it } from '@jest/globals';
import { type StoredResponse } from '../../lib/core/responses/stored-response.js';
import { ResponseMemory } from '../../lib/nest/response-memory.js';

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

function response(parts: Partial<StoredResponse>): StoredResponse {
  return {
    fingerprint: 'f'.repeat(22) as StoredResponse['fingerprint'],
    status: 200,
    headers: [],
    body: { kind: 'text', text: 'ä' },
    storedAt: Date.now(),
    ...parts,
  };
}

describe('the memory of responses', () => {
  it.each([
    ['bodies', { body: { kind: 'text', text: 'x'.repeat(MIB / 4) } }],
    ['values', { body: { kind: 'value', encoded: 'x'.repeat(MIB / 8) } }],
    ['headers', { headers: [['link', ['x'.repeat(MIB / 8)]]] }],
  ] as const)('is bounded by its %s', (_, parts) => {
    const memory = new ResponseMemory(MIB);
    for (let id = 0; id < 4; id += 1) {
      memory.keep(`${id}`, response(parts), HOUR_MS);
    }
    const kept = [0, 1, 2, 3].filter(id => memory.find(`${id}`));
    expect(kept).toEqual([1, 2, 3]);
  });

  it('shows Keyv the text of what it keeps, and takes the same', () => {
    const [memory, other] = [new ResponseMemory(MIB), new ResponseMemory(MIB)];
    memory.keep('a', response({}), HOUR_MS);
    other.set('a', memory.get('a')!);
    expect(other.find('a')).toEqual(memory.find('a'));
    other.set('b', { value: 'no response' });
    expect(other.get('b')).toBeUndefined();
    expect(other.delete('a')).toBe(true);
    memory.clear();
    expect([memory.get('a'), other.get('a')]).toEqual([undefined, undefined]);
  });

  it('keeps nothing for longer than it was told', () => {
    const memory = new ResponseMemory(MIB);
    memory.keep('a', response({}), 0);
    expect(memory.find('a')).toBeUndefined();
  });
});
