import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  type Dependency,
  identifiersOf,
  ON_EVERYTHING,
  onRow,
  onTable,
} from '../../../lib/core/identifiers/dependency.js';
import {
  type Identifier,
  tableId,
} from '../../../lib/core/identifiers/identifier.js';
import { composeKey, type KeyPart } from '../../../lib/core/keys/cache-key.js';
import {
  UnreadKey,
  type UnreadPart,
} from '../../../lib/core/keys/unread-key.js';
import { type Token } from '../../../lib/core/tokens/token.js';
import { coreTable } from '../../support/core-schema.js';

const users = tableId('users');
const odd = tableId('ö"\n', 'a.b', 'c/d');
const view = coreTable('totals', { reads: [users, odd] });

const anyDependency = fc.oneof(
  fc.constantFrom(ON_EVERYTHING, onTable(coreTable('users')), onTable(view)),
  fc
    .tuple(
      fc.constantFrom(users, odd),
      fc.array(fc.string({ unit: 'binary', maxLength: 2 }), {
        minLength: 1,
        maxLength: 2,
      }),
    )
    .map(([table, values]) => onRow(table, values)),
);
const anyPart: fc.Arbitrary<UnreadPart> = fc.oneof(
  fc.string({ unit: 'binary' }),
  anyDependency,
);
const anyText = fc.oneof(
  fc.constantFrom('AAAAAAAAAAAAAAAA', '"', '\\', '\n', '\ud800', '=x=y'),
  fc.string({ unit: 'binary', minLength: 1 }),
);

/** Each identifier's token: some text, made its own by what it stands for. */
function tokensOf(
  identifiers: readonly Identifier[],
  texts: readonly string[],
): readonly Token[] {
  return identifiers.map(
    (identifier, index) =>
      `${texts[index % texts.length]!}${index % 2 === 0 ? '' : identifier}` as Token,
  );
}

describe('UnreadKey', () => {
  it('is the key that is composed of the same parts with their tokens', () => {
    fc.assert(
      fc.property(
        fc.array(anyPart, { maxLength: 6 }),
        fc.array(anyText, { minLength: 1, maxLength: 4 }),
        (parts, texts) => {
          const key = new UnreadKey(parts);
          const tokens = tokensOf(key.identifiers, texts);
          const tokenOf = (identifier: Identifier): Token =>
            tokens[key.identifiers.indexOf(identifier)]!;
          const composed = parts.map((part): KeyPart =>
            typeof part === 'string'
              ? { kind: 'literal', value: part }
              : {
                  kind: 'ref',
                  identifier: part.identifier,
                  tokens: part.reads.map(tokenOf),
                },
          );
          expect(key.under(tokens)).toBe(composeKey(composed));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('reads what its parts depend on, each once, in the order in which they were named', () => {
    fc.assert(
      fc.property(fc.array(anyPart, { maxLength: 6 }), parts => {
        const dependencies = parts.filter(
          (part): part is Dependency => typeof part !== 'string',
        );
        expect(new UnreadKey(parts).identifiers).toEqual(
          identifiersOf(dependencies),
        );
      }),
    );
  });
});
