import { Injectable } from '@nestjs/common';
import { type Identifier } from '../core/identifiers/identifier.js';
import { type Fingerprint, fingerprintOf } from '../core/keys/cache-key.js';
import { type KnownTokens } from '../core/reads/recording.js';
import { type StoredResponse } from '../core/responses/stored-response.js';
import { type Token } from '../core/tokens/token.js';
import { ResponseStore } from './response-store.js';
import { TokenReader } from './token-reader.js';

/** An answer that says itself what it depends on, and the tokens that were found to stand. */
export interface RecordedAnswer {
  readonly kind: 'found';
  readonly response: StoredResponse;
  readonly identifiers: readonly Identifier[];
  readonly tokens: readonly Token[];
}

/** What is there of an answer whose handler is recorded. */
export type FoundRecorded =
  | RecordedAnswer
  | {
      readonly kind: 'absent';
      readonly outdated: boolean;
      /** The newest outdated one, where it was asked for. */
      readonly stale: StoredResponse | undefined;
      /** The tokens that were read on the way. */
      readonly known: KnownTokens;
    }
  | {
      readonly kind: 'held' | 'store-unavailable';
      readonly identifiers: readonly Identifier[];
    };

/** Finds answers by what they say that they depend on. */
@Injectable()
export class RecordedAnswers {
  constructor(
    private readonly reader: TokenReader,
    private readonly responses: ResponseStore,
  ) {}

  /**
   * The answer in `slot` whose tokens all stand. `except`: its tokens were just found not to. Never
   * rejects.
   */
  async find(
    slot: string,
    {
      orStale = false,
      except,
    }: {
      readonly orStale?: boolean;
      readonly except?: Fingerprint | undefined;
    } = {},
  ): Promise<FoundRecorded> {
    const known = new Map<Identifier, Token>();
    let current: RecordedAnswer | undefined;
    let refused:
      Exclude<FoundRecorded, { readonly kind: 'found' | 'absent' }> | undefined;
    const isCurrent = async (response: StoredResponse): Promise<boolean> => {
      const { identifiers, fingerprint } = response;
      if (!identifiers || fingerprint === except) return false;
      const reading = await this.reader.read(identifiers);
      if (reading.kind !== 'tokens') {
        refused = { kind: reading.kind, identifiers };
        return false;
      }
      const { tokens } = reading;
      if (fingerprintOf(identifiers, tokens) !== fingerprint) {
        for (const [index, identifier] of identifiers.entries()) {
          const token = tokens[index];
          // The one that was read first.
          if (token !== undefined && !known.has(identifier)) {
            known.set(identifier, token);
          }
        }
        return false;
      }
      current = { kind: 'found', response, identifiers, tokens };
      return true;
    };
    const { outdated, stale } = await this.responses.lookUpListed(
      slot,
      isCurrent,
      orStale,
    );
    return current ?? refused ?? { kind: 'absent', outdated, stale, known };
  }
}
