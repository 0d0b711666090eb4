import { type Dependency } from '../identifiers/dependency.js';
import { type Identifier } from '../identifiers/identifier.js';
import { type Schema } from '../identifiers/schema.js';
import { type BypassReason } from '../responses/cacheability.js';
import { type Held, type Token } from '../tokens/token.js';
import { type ReadDependencies } from './sql-reads.js';

/** A statement whose reads are told. */
export type ToldRead = Extract<ReadDependencies, { readonly kind: 'told' }>;

/** Hears of what a piece of a program reads. */
export interface ReadObserver {
  /** Nothing that it hears from now on counts. */
  readonly closed: boolean;
  /** Whether tokens are to be read for it before data is. */
  readonly wantsTokens: boolean;

  /** Those of `identifiers` whose tokens it has to be told before their data is read. */
  unknownOf(identifiers: readonly Identifier[]): readonly Identifier[];

  /** These were the tokens at a moment before now; the first that it hears for an identifier counts. */
  learn(
    identifiers: readonly Identifier[],
    tokens: readonly (Token | Held)[],
  ): void;

  /** A statement was answered, with as many rows; `undefined`: nobody counted them. */
  sawRead(read: ToldRead, rowCount: number | undefined, schema: Schema): void;

  /** Something else counts for the answer. */
  dependsOn(dependencies: readonly Dependency[]): void;

  /** What was found lives for so many milliseconds at most, and so does what is made of it. */
  livesFor(ms: number): void;

  /** `transaction` begins, and the token of everything was this one before. */
  sawBegin(transaction: object, everything: Token | Held): void;

  /**
   * Whether what a transaction reads now is no older than the tokens that are known: `everything` is
   * that token as it is now.
   */
  maySee(transaction: object, everything: Token | Held): boolean;

  /** What was read or done is nothing that an answer may be kept for. */
  refuse(reason: BypassReason, why?: string): void;
}
