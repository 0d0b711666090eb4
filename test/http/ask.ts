import { request } from 'node:http';

/** A response as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface RawRequest {
  readonly method?: string;
  /** A list sends the header once for each of its values. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  /** Gives the request up. */
  readonly signal?: AbortSignal;
}

/** Sends a request as it is: nothing is added to its headers, and its path is not normalised. */
export function ask(
  url: string,
  path: string,
  { method = 'GET', headers = {}, body, signal }: RawRequest = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        hostname,
        port,
        path,
        method,
        headers,
        agent: false,
        ...(signal && { signal }),
      },
      response => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const OURS = new Set(['no-cache', 'private, no-cache', 'undefined']);

/**
 * What of an answer must be the same with and without a cache: all but the validator that Express makes
 * of the body, and what is said to caches on the way where the handler says nothing.
 */
export function essence({ status, headers, body }: RawAnswer): unknown {
  const { etag } = headers as { readonly etag?: string };
  const {
    date,
    etag: whole,
    vary,
    'cache-status': cacheStatus,
    'cache-control': cacheControl,
    ...others
  } = headers;
  void [date, whole, vary, cacheStatus];
  const kept = {
    ...others,
    ...(etag === undefined || etag.startsWith('W/') ? {} : { etag }),
    ...(OURS.has(String(cacheControl)) ? {} : { cacheControl }),
  };
  return { status, headers: kept, body: body.toString('latin1') };
}
