import { type ServerResponse } from 'node:http';
import { type HeaderValue } from '../core/responses/cache-control.js';
import {
  type CommonRequest,
  Exchange,
  headerMap,
  isWrapped,
} from './any-exchange.js';
import { closed, detach } from './detached-response.js';
import { type HeaderMap, type HttpExchange } from './http-exchange.js';
import { sentAsFile } from './sent-as-file.js';

export interface ExpressResponse extends ServerResponse {
  readonly app: { get(setting: string): unknown };
}

export class ExpressExchange extends Exchange implements HttpExchange {
  constructor(
    request: CommonRequest,
    private readonly response: ExpressResponse,
  ) {
    super(request);
  }

  status(): number {
    return this.response.statusCode;
  }

  setStatus(status: number): void {
    this.response.statusCode = status;
  }

  responseHeaders(): HeaderMap {
    return headerMap(this.response.getHeaders());
  }

  responseHeader(name: string): HeaderValue {
    return this.response.getHeader(name);
  }

  setHeader(name: string, value: string | readonly string[]): void {
    this.response.setHeader(name, value);
  }

  removeHeader(name: string): void {
    this.response.removeHeader(name);
  }

  isSent(): boolean {
    return this.response.headersSent;
  }

  closed(): Promise<void> {
    return closed(this.response);
  }

  detach(): void {
    detach(this.response);
  }

  jsonText(value: unknown): string | undefined {
    if (this.seesValues()) return undefined;
    const { app } = this.response;
    // What res.json() reads; `escape` is Express's own way to write `<`, so it is left to it.
    if (app.get('json escape')) return undefined;
    return JSON.stringify(
      value,
      app.get('json replacer') as undefined,
      app.get('json spaces') as undefined,
    );
  }

  asBody(utf8: Buffer): unknown {
    return this.seesValues() || isWrapped(this.response)
      ? undefined
      : sentAsFile(utf8);
  }

  /** Whether somebody replaced what sends, for this response, the application or one around it. */
  private seesValues(): boolean {
    let holder: object | null = this.response;
    // Where Express has its own.
    while (holder && !Object.hasOwn(holder, 'sendFile')) {
      if (replacesMethods(holder)) return true;
      holder = Object.getPrototypeOf(holder) as object | null;
    }
    return false;
  }
}

function replacesMethods(response: object): boolean {
  return Object.hasOwn(response, 'json') || Object.hasOwn(response, 'send');
}
