import { type ExecutionContext } from '@nestjs/common';
import { type HeaderValue } from '../core/responses/cache-control.js';
import { type CommonRequest } from './any-exchange.js';
import { ExpressExchange, type ExpressResponse } from './express-exchange.js';
import { FastifyExchange, type FastifyReply } from './fastify-exchange.js';

/** Response headers by lower-case name, as they stand. */
export type HeaderMap = ReadonlyMap<string, string | readonly string[]>;

/** One request and its response; Express and Fastify differ only here. */
export interface HttpExchange {
  readonly method: string;
  readonly scheme: string;
  /** Host and port the client asked for; behind a trusted proxy those of the proxy. */
  readonly authority: string;
  /** As it was sent, without the query; what a middleware made of it, where one did. */
  readonly path: string;
  /** What stands behind the `?`, as it was sent. */
  readonly rawQuery: string;
  /** Route parameters, decoded. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Whether the request says who sends it; asked anew, since a guard or interceptor may find out. */
  readonly credentials: boolean;
  /** Whether the request has a body, which the address does not tell apart. */
  readonly hasBody: boolean;
  requestHeader(name: string): string | readonly string[] | undefined;
  status(): number;
  setStatus(status: number): void;
  responseHeaders(): HeaderMap;
  /** One of them, by its lower-case name. */
  responseHeader(name: string): HeaderValue;
  setHeader(name: string, value: string | readonly string[]): void;
  removeHeader(name: string): void;
  /** Whether the response is out of our hands. */
  isSent(): boolean;
  /** Puts headers and status back to what they were. */
  reset(headers: HeaderMap, status: number): void;
  /** Resolves when the response is sent, or its client is gone. */
  closed(): Promise<void>;
  /** Lets a handler run after that: what it sets from now on reaches no client. */
  detach(): void;
  /**
   * The JSON text that the framework would send for a value; `undefined` where it would send
   * something else than JSON, or where something has its hand on the response's own methods.
   */
  jsonText(value: unknown): string | undefined;
  /**
   * What to hand to the framework so that it sends these bytes, which are JSON, to a GET; `undefined`
   * where something is to see the text that they are.
   */
  asBody(utf8: Buffer): unknown;
}

/** The exchange that a context is about. */
export function httpExchange(context: ExecutionContext): HttpExchange {
  const http = context.switchToHttp();
  const request = http.getRequest<CommonRequest>();
  const response = http.getResponse<ExpressResponse | FastifyReply>();
  return isFastify(response)
    ? new FastifyExchange(request, response)
    : new ExpressExchange(request, response);
}

function isFastify(
  response: ExpressResponse | FastifyReply,
): response is FastifyReply {
  return 'raw' in response && 'serialize' in response;
}
