import { type ExecutionContext, Injectable, Logger } from '@nestjs/common';
import { AlkeyError } from '../core/errors.js';
import { type Dependency } from '../core/identifiers/dependency.js';
import {
  type BypassReason,
  maySelect,
} from '../core/responses/cacheability.js';
import { type HandlerPlan } from './handler-plan.js';
import { OncePerText } from './once-per-text.js';

/** The answer that is asked for, by what its handler's decorator says; or why none may be kept. */
export type Selected =
  | {
      readonly reason?: undefined;
      readonly slot: string;
      readonly dependencies: readonly Dependency[];
    }
  | { readonly reason: BypassReason };

/** What the functions that a decorator was given answer. */
export interface Selectors {
  readonly principal: string | number | undefined;
  readonly variant: unknown;
}

/** What is asked, over HTTP or outside it. */
export interface Question {
  readonly method: string;
  hasCredentials(): boolean;
  /** Names the place of the answer; `undefined` where what was asked cannot be told apart. */
  slotOf(selectors: Selectors): string | undefined;
}

/** Finds out which answers are asked for. */
@Injectable()
export class AnswerSelection {
  private readonly logger = new Logger('Alkey');
  private readonly failures = new OncePerText();

  /** What an application's function throws is its own: no error. */
  async select(
    plan: HandlerPlan,
    context: ExecutionContext,
    { method, hasCredentials, slotOf }: Question,
  ): Promise<Selected> {
    try {
      const principal = plan.principal?.(context);
      const selection = maySelect({
        method,
        scope: plan.scope,
        credentials: hasCredentials(),
        principal: isSomebody(principal) ? principal : undefined,
      });
      if (!selection.use) return { reason: selection.reason };
      const dependencies = await plan.refs.resolve(context);
      if (!dependencies) return { reason: 'invalid-key' };
      const slot = slotOf({ principal, variant: plan.variant?.(context) });
      return slot === undefined
        ? { reason: 'unencodable' }
        : { slot, dependencies };
    } catch (error) {
      if (isUnencodable(error)) return { reason: 'unencodable' };
      this.failures.run(plan.name, () =>
        this.logger.warn(
          `A function given to @CacheKeyed on ${plan.name} failed, or named what cannot be depended on; ` +
            `what it fails for is not cached. Later failures are not logged. ${String(error)}`,
        ),
      );
      return { reason: 'declaration-error' };
    }
  }
}

/** Neither is a principal, though a function that is not checked may answer them for nobody. */
function isSomebody(principal: unknown): boolean {
  return principal !== null && !Number.isNaN(principal);
}

function isUnencodable(error: unknown): boolean {
  return error instanceof AlkeyError && error.code === 'ALKEY_UNENCODABLE_PART';
}
