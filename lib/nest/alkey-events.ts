import { channel } from 'node:diagnostics_channel';
import { Injectable, Logger } from '@nestjs/common';
import {
  ALKEY_EVENT_NAMES,
  type AlkeyEventMap,
  type AlkeyEventName,
  EventHub,
} from '../core/events.js';

const channels = new Map(
  ALKEY_EVENT_NAMES.map(name => [name, channel(`alkey:${name}`)]),
);

/**
 * What the cache does, as it happens: `events.on('miss', …)`. The same events are published on
 * `node:diagnostics_channel` under `alkey:miss` and so on, for all applications of the process.
 */
@Injectable()
export class AlkeyEvents extends EventHub {
  constructor() {
    const logger = new Logger('Alkey');
    super((error, name) =>
      logger.error(
        `A listener of the event "${name}" failed; its later failures are not logged.`,
        error,
      ),
    );
  }

  override hasListeners(name: AlkeyEventName): boolean {
    return (
      super.hasListeners(name) || Boolean(channels.get(name)?.hasSubscribers)
    );
  }

  override emit<Name extends AlkeyEventName>(
    name: Name,
    event: AlkeyEventMap[Name],
  ): void {
    super.emit(name, event);
    channels.get(name)?.publish(event);
  }
}
