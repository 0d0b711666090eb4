import { describe, expect, it } from '@jest/globals';
import { onRow } from '../../lib/core/identifiers/dependency.js';
import {
  rowIdentifier,
  tableId,
  tableIdentifier,
} from '../../lib/core/identifiers/identifier.js';
import { composeKey, fingerprintOf } from '../../lib/core/keys/cache-key.js';
import { encodeCanonical } from '../../lib/core/keys/canonical-encoding.js';
import { UnreadKey } from '../../lib/core/keys/unread-key.js';
import { resourceKey } from '../../lib/core/responses/resource.js';
import { encodeResponse } from '../../lib/core/responses/stored-response.js';
import { encodeValue } from '../../lib/core/responses/stored-value.js';
import { type Token } from '../../lib/core/tokens/token.js';

const KEY_REMEDY =
  'key format changed: raise KEY_FORMAT in lib/core/keys/cache-key.ts, note in the change log that every key misses once, and pin the received text';
const FINGERPRINT_REMEDY =
  'fingerprint format changed: raise RESPONSE_FORMAT in lib/core/responses/stored-response.ts, note in the change log that every response misses once, and pin the received text';
const RESOURCE_REMEDY =
  'resource key format changed: raise RESOURCE_FORMAT in lib/core/responses/resource.ts, note in the change log that every response misses once, and pin the received text';
const VALUE_REMEDY =
  'stored value format changed: take a new letter for TAGGED_VALUE in lib/core/responses/stored-value.ts, note in the change log that stored values miss once, and pin the received text';
const RESPONSE_REMEDY =
  'stored response format changed: raise RESPONSE_FORMAT in lib/core/responses/stored-response.ts, note in the change log that every response misses once, and pin the received text';

/** Empty where the text is the pinned one; otherwise what to do, and the text to pin. */
function change(received: string, pinned: string, remedy: string): string {
  return received === pinned ? '' : `${remedy}\nreceived: ${received}`;
}

const users = tableId('users');
const user1 = rowIdentifier(users, ['1']);
const anyUser = tableIdentifier(users);
const tokens = ['AAAAAAAAAAAAAAAA', 'chosen "by hand"'] as Token[];

class Account {
  id = 1;
}

// Every kind of value, in an order that encodings have to undo.
const everything = [
  undefined,
  null,
  true,
  false,
  -0,
  1.5,
  1e21,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  12345678901234567890n,
  'é "\ud800',
  new Date(1_700_000_000_000),
  new Date(Number.NaN),
  Object.assign([], { 1: 'after a hole', length: 4 }),
  { b: 1, a: undefined },
  Object.assign(Object.create(null), { z: 1 }) as unknown,
  new Map<unknown, unknown>([
    ['b', 1],
    [{ a: 1 }, 2],
  ]),
  new Set(['b', 'a']),
  Buffer.from('bytes'),
  Uint16Array.of(1, 258),
  Uint8Array.of(1, 2).buffer,
  new URL('https://example.org/é?q=1'),
  /a\/b/gi,
];

describe('stored formats', () => {
  it('has the pinned canonical text', () => {
    const received = encodeCanonical(everything, 1);
    const pinned = String.raw`[untfd-0;d1.5;d1e+21;dNaN;d-Infinity;i12345678901234567890;"é \"\ud800"D1700000000000;DNaN;[_1;"after a hole"_2;]{"a"u"b"d1;}{"z"d1;}M("b"d1;{"a"d1;}d2;)S("a""b")BBuffer:Ynl0ZXM=;BUint16Array:AQACAQ==;BArrayBuffer:AQI=;L"https://example.org/%C3%A9?q=1"R"a\\/b""gi"d0;]`;
    expect(change(received, pinned, KEY_REMEDY)).toBe('');
  });

  it('has the pinned key', () => {
    const received = composeKey([
      { kind: 'literal', value: everything },
      { kind: 'ref', identifier: user1, tokens },
    ]);
    const pinned = 'alkey:key:1:2SoTSldjEQx2JT7sfb_1T2L73Gwey4CHCP9sAg-qViA';
    expect(change(received, pinned, KEY_REMEDY)).toBe('');
  });

  it('has the pinned key of rows, a table, and a value', () => {
    const [row1, row2] = [onRow(users, ['1']), onRow(users, ['ä"'])];
    const table = { identifier: anyUser, reads: [anyUser] };
    const key = new UnreadKey([row1, 'd1;', row2, '#"x"', table]);
    expect(key.identifiers).toEqual([
      'alkey:users#1',
      'alkey:users#**',
      'alkey:users#+',
      'alkey:users#%C3%A4%22',
      'alkey:users#*',
    ]);
    const received = key.under([
      ...tokens,
      'BBBBBBBBBBBBBBBB',
      '=\n',
      '_-',
    ] as Token[]);
    const pinned = 'alkey:key:1:sGXNEOHlffuxX_rDnkhyh_f57DQljBqvfaV1aMpWt0Q';
    expect(change(received, pinned, KEY_REMEDY)).toBe('');
  });

  it('has the pinned fingerprint', () => {
    const received = fingerprintOf([user1, anyUser], tokens);
    const pinned = 'GPWB3LpNSlv_CmdQPt05fH';
    expect(change(received, pinned, FINGERPRINT_REMEDY)).toBe('');
  });

  it('has the pinned resource key', () => {
    const received = resourceKey({
      route: 'UsersController.findOne',
      mode: 'http',
      release: '2024-05',
      scope: 'principal',
      query: ['page', 'filter'],
      scheme: 'https',
      authority: 'Example.org',
      path: '/users/1',
      rawQuery: 'page=2&filter[name]=%C3%A9&filter[name]=%zz&utm=x',
      vary: [
        ['Accept-Language', 'de'],
        ['X-Missing', undefined],
      ],
      variant: { tenant: 7 },
      principal: 42,
    });
    const pinned =
      'alkey:response:2:2Tbk-Oia89w4bQuqM1Y_sXr_haN5lw3viCfI1_uirRE';
    expect(change(received, pinned, RESOURCE_REMEDY)).toBe('');
  });

  it('has the pinned text of a plain value', () => {
    const encoded = encodeValue({ id: 1, tags: ['a', null] });
    const pinned = 'j{"id":1,"tags":["a",null]}';
    expect(change(textOf(encoded), pinned, VALUE_REMEDY)).toBe('');
  });

  it('has the pinned text of any other value', () => {
    const encoded = encodeValue([...everything, new Account()]);
    const pinned = String.raw`t["a",["u"],null,true,false,["d","-0"],1.5,1e+21,["d","NaN"],["d","-Infinity"],["i","12345678901234567890"],"é \"\ud800",["D",1700000000000],["D",null],["a",["_",1],"after a hole",["_",2]],["o",{"b":1,"a":["u"]}],["n",{"z":1}],["M","b",1,["o",{"a":1}],2],["S","b","a"],["b","Buffer","Ynl0ZXM="],["b","Uint16Array","AQACAQ=="],["b","ArrayBuffer","AQI="],["U","https://example.org/%C3%A9?q=1"],["R","a\\/b","gi",0],["c","Account",{"id":1}]]`;
    expect(change(textOf(encoded), pinned, VALUE_REMEDY)).toBe('');
  });

  it('has the pinned text of a response', () => {
    const received = encodeResponse({
      fingerprint: fingerprintOf([user1, anyUser], tokens),
      status: 200,
      headers: [
        ['content-type', 'text/plain; charset=utf-8'],
        ['link', ['</a>', '</b>']],
      ],
      body: { kind: 'text', text: 'one\n"two"' },
      storedAt: 1_700_000_000_000,
      identifiers: [user1],
    });
    const pinned =
      '1 GPWB3LpNSlv_CmdQPt05fH ["text",200,1700000000000,[["content-type","text/plain; charset=utf-8"],["link",["</a>","</b>"]]],["alkey:users#1"]]\none\n"two"';
    expect(change(received, pinned, RESPONSE_REMEDY)).toBe('');
  });
});

function textOf(encoded: ReturnType<typeof encodeValue>): string {
  return encoded.ok ? encoded.text : encoded.reason;
}
