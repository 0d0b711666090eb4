import { Injectable } from '@nestjs/common';
import { lastValueFrom } from 'rxjs';
import { type Recorded, type KnownTokens } from '../core/reads/recording.js';
import { Recorder } from './recorder.js';
import { type Visit, type Wanted } from './route-visit.js';
import { UndeclaredReads } from './undeclared-reads.js';

/** What a handler answered, and what that depends on, or why it may not be kept. */
export interface Handled {
  readonly value: unknown;
  readonly under:
    | Extract<Recorded, { readonly reason: string }>
    | (Pick<Wanted, 'fingerprint' | 'dependencies' | 'identifiers'> & {
        readonly reason?: undefined;
        /** How long what it is made of lives, in milliseconds. */
        readonly ttlMs: number;
      });
}

const NOTHING_KNOWN: KnownTokens = new Map();

/** Runs handlers, and finds out what they read where somebody wants to know. */
@Injectable()
export class HandlerRuns {
  constructor(
    private readonly recorder: Recorder,
    private readonly undeclared: UndeclaredReads,
  ) {}

  /** Runs a handler whose decorator says what its answer depends on. */
  async run({ plan, next }: Visit, declared: Wanted): Promise<Handled> {
    const value = await this.undeclared.check(
      plan.name,
      declared.dependencies,
      () => lastValueFrom(next.handle()),
    );
    return { value, under: { ...declared, ttlMs: Infinity } };
  }

  /** Runs a handler and takes down what it reads. */
  async record(
    { next }: Visit,
    known: KnownTokens = NOTHING_KNOWN,
  ): Promise<Handled> {
    const { value, recorded } = await this.recorder.record(
      () => lastValueFrom(next.handle()),
      known,
    );
    return { value, under: recorded };
  }
}
