import { Injectable, Logger } from '@nestjs/common';
import { type TokenStoreEvent } from '../core/tokens/guarded-token-store.js';
import { systemClock } from '../core/tokens/timers.js';
import { AlkeyEvents } from './alkey-events.js';

/** How often the log mentions a store that keeps failing. */
const LOG_PERIOD_MS = 10_000;

/** Says in the log and by events what becomes of the store: each failure counts, few are lines. */
@Injectable()
export class StoreLog {
  private readonly logger = new Logger('Alkey');
  private failures = 0;
  private lastLineAt = -Infinity;

  constructor(private readonly events: AlkeyEvents) {}

  /** A connection that is lost, or that could not be made again. */
  connectionFailed(error: unknown): void {
    this.count('The connection to Redis failed', error);
  }

  tokenStore(event: TokenStoreEvent): void {
    if (event.type === 'store-recovered') {
      this.logger.log(
        `The store answers again, after ${this.failures} failures.`,
      );
      this.failures = 0;
      this.lastLineAt = -Infinity;
      return;
    }
    const { operation, identifiers, error } = event;
    this.events.emit('store-error', { operation, identifiers, error });
    this.count(error.message, error.cause);
  }

  private count(message: string, cause: unknown): void {
    this.failures += 1;
    const now = systemClock();
    if (now - this.lastLineAt < LOG_PERIOD_MS) return;
    this.lastLineAt = now;
    const reason = cause instanceof Error ? ` (${cause.message})` : '';
    this.logger.warn(`${message}${reason}. Failures so far: ${this.failures}.`);
  }
}
