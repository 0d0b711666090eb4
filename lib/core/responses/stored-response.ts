import { type Identifier } from '../identifiers/identifier.js';
import { type Fingerprint, isFingerprint } from '../keys/cache-key.js';

/**
 * What is given back: text that is sent as it is, or the bytes of that text, or, for those who want the
 * value itself, how it is encoded.
 */
export type StoredBody =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly utf8: Buffer }
  | StoredValue;

/** What `encodeValue` made of a value. */
export interface StoredValue {
  readonly kind: 'value';
  readonly encoded: string;
}

export type StoredHeader = readonly [
  name: string,
  value: string | readonly string[],
];

/** What an answer is made of. */
export interface AnswerParts {
  /** 0 for what has no status, outside HTTP. */
  readonly status: number;
  /** Those that the handler set, in its order; an empty list: it took this one away. */
  readonly headers: readonly StoredHeader[];
  readonly body: StoredBody;
}

export interface StoredResponse extends AnswerParts {
  /** Of the tokens under which it was made. */
  readonly fingerprint: Fingerprint;
  /** Milliseconds since 1970. */
  readonly storedAt: number;
  /** What the fingerprint was made of, where the route does not say it and the handler found out. */
  readonly identifiers?: readonly Identifier[];
}

/** Raised whenever this program could misread what another one stored. */
export const RESPONSE_FORMAT = 1;

const PREFIX = `${RESPONSE_FORMAT} `;
const FINGERPRINT_END = PREFIX.length + 22;

/**
 * `1 <fingerprint> <JSON of the rest>`, a line feed, and the body as it is: large bodies are
 * neither escaped nor parsed.
 */
export function encodeResponse(response: StoredResponse): string {
  const { fingerprint, status, headers, body, storedAt, identifiers } =
    response;
  const kind = body.kind === 'bytes' ? 'text' : body.kind;
  const rest = [kind, status, storedAt, headers];
  const json = JSON.stringify(
    identifiers === undefined ? rest : [...rest, identifiers],
  );
  return `${PREFIX}${fingerprint} ${json}\n${textOf(body)}`;
}

/** What a body is as text. */
export function textOf(body: StoredBody): string {
  switch (body.kind) {
    case 'text':
      return body.text;
    case 'bytes':
      return body.utf8.toString();
    case 'value':
      return body.encoded;
  }
}

/** How many bytes a body is. */
export function byteLengthOf(body: StoredBody): number {
  return body.kind === 'bytes'
    ? body.utf8.length
    : Buffer.byteLength(textOf(body));
}

/** The response with its text as bytes: they are made once, however often they are sent. */
export function withBytes(response: StoredResponse): StoredResponse {
  const { body } = response;
  if (body.kind !== 'text') return response;
  // Not `Buffer.from`, which would keep a whole page of its pool for each small text.
  const utf8 = Buffer.allocUnsafeSlow(Buffer.byteLength(body.text));
  utf8.write(body.text);
  return { ...response, body: { kind: 'bytes', utf8 } };
}

/** Reads the fingerprint alone; `undefined` where the text is of another format. */
export function fingerprintOfEncoded(text: string): Fingerprint | undefined {
  if (!text.startsWith(PREFIX) || text[FINGERPRINT_END] !== ' ') {
    return undefined;
  }
  const fingerprint = text.slice(PREFIX.length, FINGERPRINT_END);
  return isFingerprint(fingerprint) ? fingerprint : undefined;
}

/** `undefined` for whatever {@link encodeResponse} of this format did not write; never throws. */
export function decodeResponse(text: string): StoredResponse | undefined {
  const fingerprint = fingerprintOfEncoded(text);
  const lineEnd = text.indexOf('\n');
  if (fingerprint === undefined || lineEnd === -1) return undefined;
  const rest = parse(text.slice(FINGERPRINT_END + 1, lineEnd));
  if (!Array.isArray(rest)) return undefined;
  const [kind, status, storedAt, headers, identifiers] = rest as unknown[];
  const content = text.slice(lineEnd + 1);
  if (
    (kind !== 'text' && kind !== 'value') ||
    !Number.isInteger(status) ||
    !Number.isInteger(storedAt) ||
    !isHeaders(headers) ||
    !(identifiers === undefined || isTexts<Identifier>(identifiers))
  ) {
    return undefined;
  }
  return {
    fingerprint,
    status: status as number,
    headers,
    body:
      kind === 'text' ? { kind, text: content } : { kind, encoded: content },
    storedAt: storedAt as number,
    ...(identifiers && { identifiers }),
  };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isHeaders(value: unknown): value is StoredHeader[] {
  return (
    Array.isArray(value) &&
    value.every(
      header =>
        Array.isArray(header) &&
        header.length === 2 &&
        typeof header[0] === 'string' &&
        (typeof header[1] === 'string' || isTexts(header[1])),
    )
  );
}

function isTexts<Text extends string>(value: unknown): value is Text[] {
  return Array.isArray(value) && value.every(text => typeof text === 'string');
}
