import { type IncomingMessage, ServerResponse } from 'node:http';

/** The methods of a response that fail, or go nowhere, once it is sent. */
const METHODS = [
  'appendHeader',
  'end',
  'flushHeaders',
  'getHeader',
  'getHeaderNames',
  'getHeaders',
  'hasHeader',
  'removeHeader',
  'setHeader',
  'setHeaders',
  'write',
  'writeHead',
] as const;

/** A response that no client gets: what it is told can be read from it. */
export function detachedResponse(request: IncomingMessage): ServerResponse {
  return new ServerResponse(request);
}

/**
 * Makes a response that was sent one that no client gets, so that a handler that was handed it can
 * run: Node refuses headers after the last byte.
 */
export function detach(sent: ServerResponse): void {
  const detached = detachedResponse(sent.req);
  for (const name of METHODS) {
    Object.defineProperty(sent, name, {
      configurable: true,
      writable: true,
      value: detached[name].bind(detached),
    });
  }
  Object.defineProperty(sent, 'headersSent', {
    configurable: true,
    get: () => detached.headersSent,
  });
}

/** Resolves when a response is sent, or its client is gone. */
export function closed(response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    if (response.closed) resolve();
    else response.once('close', resolve);
  });
}
