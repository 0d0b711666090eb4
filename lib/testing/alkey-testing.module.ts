import { type DynamicModule, Module } from '@nestjs/common';
import { GuardedTokenStore } from '../core/tokens/guarded-token-store.js';
import { systemClock, systemTimers } from '../core/tokens/timers.js';
import { TokenStore } from '../core/tokens/token-store.js';
import { AlkeyEvents } from '../nest/alkey-events.js';
import { AlkeyModule } from '../nest/alkey.module.js';
import { type AlkeyModuleExtras } from '../nest/alkey.module-definition.js';
import {
  type AlkeyModuleOptions,
  type ResolvedOptions,
} from '../nest/alkey.options.js';
import { ALKEY_OPTIONS } from '../nest/injection-tokens.js';

/** What `AlkeyModule.forRoot()` takes, without Redis. */
export interface AlkeyTestingOptions
  extends Omit<AlkeyModuleOptions, 'redis'>, AlkeyModuleExtras {
  /** Keeps the tokens, guarded as Redis is: a `FaultyTokenStore`. @default a sound one in memory */
  readonly tokenStore?: TokenStore;
}

/**
 * `AlkeyModule` for tests: in memory whatever `REDIS_URL` says, and without a line in the log. An
 * application has it in place of `AlkeyModule`, and injects and observes all the same.
 */
@Module({})
export class AlkeyTestingModule {
  static forRoot({
    tokenStore,
    ...options
  }: AlkeyTestingOptions = {}): DynamicModule {
    const module = AlkeyModule.forRoot({ ...options, redis: false });
    return tokenStore
      ? {
          ...module,
          providers: [...(module.providers ?? []), guarded(tokenStore)],
        }
      : module;
  }
}

/** Takes the place of the store that the module would make. */
function guarded(store: TokenStore) {
  return {
    provide: TokenStore,
    inject: [ALKEY_OPTIONS, AlkeyEvents],
    useFactory: ({ storeTimeoutMs }: ResolvedOptions, events: AlkeyEvents) =>
      new GuardedTokenStore({
        store,
        storeTimeoutMs,
        clock: systemClock,
        timers: systemTimers,
        onEvent: event => {
          if (event.type !== 'store-error') return;
          const { operation, identifiers, error } = event;
          events.emit('store-error', { operation, identifiers, error });
        },
      }),
  };
}
