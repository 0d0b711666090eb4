import { type ModuleMetadata, type Type } from '@nestjs/common';

/** Where a candidate's process finds what it needs. */
export interface Surroundings {
  readonly postgres: string;
  /** A database of Redis that no other candidate uses. */
  readonly redis: string;
}

export interface Candidate {
  readonly imports?: ModuleMetadata['imports'];
  readonly controller: Type;
}

/** How long whatever is stored lives at most: nothing ends by itself while it is measured. */
export const TTL_MS = 86_400_000;
