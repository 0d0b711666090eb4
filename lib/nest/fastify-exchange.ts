import { type ServerResponse } from 'node:http';
import { type HeaderValue } from '../core/responses/cache-control.js';
import {
  type CommonRequest,
  Exchange,
  headerMap,
  isWrapped,
} from './any-exchange.js';
import { closed, detachedResponse } from './detached-response.js';
import { type HeaderMap, type HttpExchange } from './http-exchange.js';

export interface FastifyReply {
  raw: ServerResponse;
  statusCode: number;
  readonly sent: boolean;
  getHeaders(): Readonly<
    Record<string, number | string | string[] | undefined>
  >;
  getHeader(name: string): HeaderValue;
  header(name: string, value: string | readonly string[]): unknown;
  removeHeader(name: string): unknown;
  serialize(value: unknown): unknown;
}

export class FastifyExchange extends Exchange implements HttpExchange {
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

  responseHeader(name: string): HeaderValue {
    return this.reply.getHeader(name);
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

  asBody(utf8: Buffer): unknown {
    return this.hooks?.onSend !== null ||
      this.seesValues() ||
      isWrapped(this.reply.raw)
      ? undefined
      : utf8;
  }

  /** Whether a `preSerialization` hook or a serializer of this reply is to see the value itself. */
  private seesValues(): boolean {
    return (
      this.hooks?.preSerialization !== null ||
      hiddenProperty(this.reply, 'fastify.reply.serializer') !== null
    );
  }

  private get hooks(): FastifyHooks | undefined {
    return hiddenProperty(this.request, 'fastify.context') as
      FastifyHooks | undefined;
  }
}

/** `null` where nobody hooked in. */
interface FastifyHooks {
  readonly preSerialization?: unknown;
  readonly onSend?: unknown;
}

const hiddenSymbols = new Map<string, symbol>();

/** What Fastify keeps under a symbol that it does not export; `undefined` where it has none such. */
function hiddenProperty(holder: object, description: string): unknown {
  const known = hiddenSymbols.get(description);
  if (known && known in holder) return Reflect.get(holder, known);
  const symbol = Object.getOwnPropertySymbols(holder).find(
    candidate => candidate.description === description,
  );
  if (symbol) hiddenSymbols.set(description, symbol);
  return symbol && Reflect.get(holder, symbol);
}
