import { type Readable, type Writable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';

/**
 * Hands bytes to Express through Nest, which would make JSON of a Buffer: a file whose stream is there
 * as a whole, and is written at once.
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

  destroy(): this {
    return this;
  }

  pipe(response: Writable): Writable {
    response.end(this.bytes);
    return response;
  }
}
