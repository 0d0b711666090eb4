import { type ServerResponse } from 'node:http';
import { type HeaderMap } from './http-exchange.js';

export interface CommonRequest {
  readonly method: string;
  readonly originalUrl?: string;
  readonly url: string;
  readonly protocol?: string;
  readonly host?: string;
  readonly hostname?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>> & {
    readonly host?: string | undefined;
  };
  readonly user?: unknown;
  /** Fastify's: middleware leaves the user there. */
  readonly raw?: { readonly user?: unknown };
}

/** What the frameworks have in common. */
export abstract class Exchange {
  readonly method: string;
  readonly path: string;
  readonly rawQuery: string;

  constructor(protected readonly request: CommonRequest) {
    this.method = request.method;
    const { url: inner } = request;
    const url = request.originalUrl ?? inner;
    const mark = url.indexOf('?');
    const path = mark === -1 ? url : url.slice(0, mark);
    // A middleware that rewrites the address may do so by what the address does not tell.
    this.path = inner === url ? path : `${path} ${inner}`;
    this.rawQuery = mark === -1 ? '' : url.slice(mark + 1);
  }

  get scheme(): string {
    return this.request.protocol ?? '';
  }

  get authority(): string {
    const { host, hostname, headers } = this.request;
    return host ?? headers.host ?? hostname ?? '';
  }

  get parameters(): Readonly<Record<string, unknown>> {
    return this.request.params ?? {};
  }

  get credentials(): boolean {
    const { headers, user, raw } = this.request;
    return (
      headers.authorization !== undefined ||
      headers.cookie !== undefined ||
      (user ?? raw?.user ?? undefined) !== undefined
    );
  }

  get hasBody(): boolean {
    const { headers } = this.request;
    return (
      headers['transfer-encoding'] !== undefined ||
      !['0', undefined].includes(headers['content-length'] as string)
    );
  }

  requestHeader(name: string): string | readonly string[] | undefined {
    return this.request.headers[name];
  }

  reset(headers: HeaderMap, status: number): void {
    for (const name of this.responseHeaders().keys()) this.removeHeader(name);
    for (const [name, value] of headers) this.setHeader(name, value);
    this.setStatus(status);
  }

  abstract responseHeaders(): HeaderMap;
  abstract setHeader(name: string, value: string | readonly string[]): void;
  abstract removeHeader(name: string): void;
  abstract setStatus(status: number): void;
}

export function headerMap(
  headers: Readonly<Record<string, number | string | string[] | undefined>>,
): HeaderMap {
  const map = new Map<string, string | readonly string[]>();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    map.set(
      name.toLowerCase(),
      typeof value === 'number' ? String(value) : value,
    );
  }
  return map;
}

/**
 * Whether somebody wrapped what a response is written with. What is written that way may be changed in
 * place, so it must be nobody else's.
 */
export function isWrapped(response: ServerResponse): boolean {
  return Object.hasOwn(response, 'write') || Object.hasOwn(response, 'end');
}
