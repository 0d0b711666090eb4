import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { EVERYTHING } from '../../../lib/core/identifiers/identifier.js';
import { fingerprintOf } from '../../../lib/core/keys/cache-key.js';
import {
  decodeResponse,
  encodeResponse,
  fingerprintOfEncoded,
  type StoredResponse,
} from '../../../lib/core/responses/stored-response.js';

const response: StoredResponse = {
  fingerprint: fingerprintOf([], []),
  status: 200,
  headers: [
    ['content-type', 'text/plain; charset=utf-8'],
    ['link', ['</a>', '</b>']],
  ],
  body: { kind: 'text', text: 'one\ntwo "three" \\' },
  storedAt: 1_700_000_000_000,
};

describe('encodeResponse', () => {
  it('comes back as it was', () => {
    const text = fc.string({ unit: 'binary' });
    const anyResponse: fc.Arbitrary<StoredResponse> = fc.record(
      {
        fingerprint: fc.constant(response.fingerprint),
        status: fc.integer({ min: 0, max: 599 }),
        headers: fc.array(fc.tuple(text, fc.oneof(text, fc.array(text)))),
        body: fc.oneof(
          fc.record({ kind: fc.constant('text' as const), text }),
          fc.record({ kind: fc.constant('value' as const), encoded: text }),
        ),
        storedAt: fc.nat(),
        identifiers: fc.array(fc.constant(EVERYTHING)),
      },
      {
        requiredKeys: ['fingerprint', 'status', 'headers', 'body', 'storedAt'],
      },
    );
    fc.assert(
      fc.property(anyResponse, one => {
        const encoded = encodeResponse(one);
        expect(decodeResponse(encoded)).toEqual(one);
        expect(fingerprintOfEncoded(encoded)).toBe(one.fingerprint);
      }),
    );
  });

  it('leaves the body as it is', () => {
    expect(encodeResponse(response).endsWith('\none\ntwo "three" \\')).toBe(
      true,
    );
  });
});

describe('decodeResponse', () => {
  const encoded = encodeResponse(response);
  const head = encoded.slice(0, 25);

  it.each([
    ['nothing', ''],
    ['another format', encoded.replace('1', '2')],
    ['a cut fingerprint', encoded.slice(0, 20)],
    ['no body line', encoded.slice(0, encoded.indexOf('\n'))],
    ['half a head', `${head}["text",200\nbody`],
    ['a head that is no list', `${head}{}\nbody`],
    ['another kind', `${head}["file",200,0,[]]\nbody`],
    ['a status that is text', `${head}["text","200",0,[]]\nbody`],
    ['no time', `${head}["text",200,null,[]]\nbody`],
    ['headers that are none', `${head}["text",200,0,[["a"]]]\nbody`],
    ['a header of numbers', `${head}["text",200,0,[["a",1]]]\nbody`],
    ['identifiers that are none', `${head}["text",200,0,[],[1]]\nbody`],
    [
      'another fingerprint',
      encoded.replace(response.fingerprint, '!'.repeat(22)),
    ],
  ])('takes %s for a miss', (_, text) => {
    expect(decodeResponse(text)).toBeUndefined();
  });

  it('takes any text at all without throwing', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(encoded.length), (text, at) => {
        expect(() => decodeResponse(text)).not.toThrow();
        expect(() => decodeResponse(encoded.slice(0, at) + text)).not.toThrow();
      }),
    );
  });
});

describe('fingerprintOfEncoded', () => {
  it('reads nothing behind the fingerprint', () => {
    expect(
      fingerprintOfEncoded(`${encodeResponse(response).slice(0, 25)}…`),
    ).toBe(response.fingerprint);
  });

  it.each(['', '1', '2 '.padEnd(30, 'a'), `1 ${'é'.repeat(22)} `])(
    'finds none in %j',
    text => {
      expect(fingerprintOfEncoded(text)).toBeUndefined();
    },
  );
});
