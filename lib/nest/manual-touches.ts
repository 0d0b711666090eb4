import { Injectable } from '@nestjs/common';
import { type Identifier } from '../core/identifiers/identifier.js';
import { TokenStore } from '../core/tokens/token-store.js';
import { AlkeyEvents } from './alkey-events.js';

/** Changes tokens because the program asks for it. */
@Injectable()
export class ManualTouches {
  constructor(
    private readonly store: TokenStore,
    private readonly events: AlkeyEvents,
  ) {}

  /** Outdates what depends on any of these. Does not reject where the store is away: it is told later. */
  async touch(identifiers: readonly Identifier[]): Promise<void> {
    if (identifiers.length === 0) return;
    this.events.emit('touched', { identifiers, cause: 'manual' });
    try {
      await this.store.replace(identifiers);
    } catch {
      // The store has reported it and remembers what it could not replace.
    }
  }
}
