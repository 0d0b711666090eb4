import { type Readable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';

/** What sends bytes as they are, with their length. */
interface Sender {
  send(bytes: Buffer): unknown;
}

/**
 * Hands bytes to Express through Nest, which would make JSON of a Buffer: a file whose stream is there
 * as a whole, and is sent at once.
 */
export function sentAsFile(bytes: Buffer): StreamableFile {
  return new StreamableFile(new WholeStream(bytes) as unknown as Readable);
}

/** As much of a readable stream as Nest asks of a file's. */
class WholeStream {
  readonly readableEnded = true;
  readonly readableObjectMode = false;

  constructor(private readonly bytes: Buffer) {}

  once(): this {
    return this;
  }

  on(): this {
    return this;
  }

  destroy(): this {
    return this;
  }

  pipe<Response extends Sender>(response: Response): Response {
    response.send(this.bytes);
    return response;
  }
}
