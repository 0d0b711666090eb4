import { Injectable, Logger } from '@nestjs/common';
import { type CacheSource } from '../core/events.js';
import { type Identifier } from '../core/identifiers/identifier.js';
import { type BypassReason } from '../core/responses/cacheability.js';
import { AlkeyEvents } from './alkey-events.js';
import { OncePerText } from './once-per-text.js';

/** Tells of what passes the cache by; where a declaration is missing, once in the log. */
@Injectable()
export class BypassReports {
  private readonly logger = new Logger('Alkey');
  private readonly told = new OncePerText();

  constructor(private readonly events: AlkeyEvents) {}

  /** `why`: of a read that nobody understands, what stands in the way. */
  report(
    source: CacheSource,
    name: string,
    reason: BypassReason,
    identifiers: readonly Identifier[],
    why?: string,
  ): void {
    this.events.emit('bypass', { source, name, reason, identifiers });
    if (reason === 'credentials') {
      this.warnOnce(
        name,
        `${name} is not cached for requests with credentials (Authorization, Cookie or a user), because its scope is 'anonymous'; ` +
          'in GraphQL a context without a `req` counts as one of them. ' +
          "Give @CacheKeyed a `scope`: 'shared' where its answer is the same for all, or a function that says whose it is. Logged once for each handler.",
      );
    } else if (reason === 'unknown-read' && why !== undefined) {
      this.warnOnce(
        `${name} ${why}`,
        `Nobody knows what a statement of ${name} reads (${why}), so that its answer is not cached. ` +
          'Name what it depends on: refs in @CacheKeyed, or among the parts of `wrap`. Logged once for each reason.',
      );
    }
  }

  private warnOnce(what: string, message: string): void {
    this.told.run(what, () => this.logger.warn(message));
  }
}
