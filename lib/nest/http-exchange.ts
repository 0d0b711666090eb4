import { type ServerResponse } from 'node:http';
import { type ExecutionContext } from '@nestjs/common';
import { closed, detach, detachedResponse } from './detached-response.js';

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
}

interface CommonRequest {
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

interface ExpressResponse extends ServerResponse {
  readonly app: { get(setting: string): unknown };
}

interface FastifyReply {
  raw: ServerResponse;
  statusCode: number;
  readonly sent: boolean;
  getHeaders(): Readonly<
    Record<string, number | string | string[] | undefined>
  >;
  header(name: string, value: string | readonly string[]): unknown;
  removeHeader(name: string): unknown;
  serialize(value: unknown): unknown;
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

abstract class Exchange {
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
    return this.request.headers[name.toLowerCase()];
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

class ExpressExchange extends Exchange implements HttpExchange {
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
    const { response } = this;
    // Whoever replaced them, for this response or for the application, wants to see the value.
    const ofApp: unknown = Object.getPrototypeOf(response);
    if ([response, ofApp as object].some(replacesMethods)) return undefined;
    const { app } = response;
    // What res.json() reads; `escape` is Express's own way to write `<`, so it is left to it.
    if (app.get('json escape')) return undefined;
    return JSON.stringify(
      value,
      app.get('json replacer') as undefined,
      app.get('json spaces') as undefined,
    );
  }
}

class FastifyExchange extends Exchange implements HttpExchange {
  constructor(
    request: CommonRequest,
    private readonly reply: FastifyReply,
  ) {
    super(request);
  }

  status(): number {
    return this.reply.statusCode;
  }

  setStatus(status: number): void {
    this.reply.statusCode = status;
  }

  responseHeaders(): HeaderMap {
    return headerMap(this.reply.getHeaders());
  }

  setHeader(name: string, value: string | readonly string[]): void {
    this.reply.header(name, value);
  }

  removeHeader(name: string): void {
    this.reply.removeHeader(name);
  }

  isSent(): boolean {
    return this.reply.sent || this.reply.raw.headersSent;
  }

  closed(): Promise<void> {
    return closed(this.reply.raw);
  }

  detach(): void {
    this.reply.raw = detachedResponse(this.reply.raw.req);
  }

  jsonText(value: unknown): string | undefined {
    if (this.seesValues()) return undefined;
    const text = this.reply.serialize(value);
    return typeof text === 'string' ? text : undefined;
  }

  /** Whether a `preSerialization` hook or a serializer of this reply is to see the value itself. */
  private seesValues(): boolean {
    const hooks = hiddenProperty(this.request, 'fastify.context') as
      { readonly preSerialization?: unknown } | undefined;
    return (
      hooks?.preSerialization !== null ||
      hiddenProperty(this.reply, 'fastify.reply.serializer') !== null
    );
  }
}

/** What Fastify keeps under a symbol that it does not export; `undefined` where it has none such. */
function hiddenProperty(holder: object, description: string): unknown {
  const symbol = Object.getOwnPropertySymbols(holder).find(
    candidate => candidate.description === description,
  );
  return symbol && Reflect.get(holder, symbol);
}

function replacesMethods(response: object): boolean {
  return Object.hasOwn(response, 'json') || Object.hasOwn(response, 'send');
}

function headerMap(
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
