import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * A stretch of wire between a client and a server on this machine that becomes slow, or is cut
 * without a word to either end.
 */
export class FailingProxy {
  #delayMs = 0;
  #isCut = false;
  /** How often it was mended. */
  #mended = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server;

  private constructor(port: number) {
    this.#server = createServer(client => {
      const server = connect(port, '127.0.0.1');
      const openedAt = this.#mended;
      const isWhole = () => !this.#isCut && openedAt === this.#mended;
      const pairs: readonly [Socket, Socket][] = [
        [client, server],
        [server, client],
      ];
      for (const [from, to] of pairs) {
        this.#sockets.add(from);
        from.setNoDelay(true);
        from.on('data', chunk => {
          setTimeout(() => {
            if (isWhole()) to.write(chunk);
          }, this.#delayMs).unref();
        });
        from.on('error', () => undefined);
        from.on('close', () => {
          if (isWhole()) to.destroy();
        });
      }
    });
  }

  static async open(port: number): Promise<FailingProxy> {
    const proxy = new FailingProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Whatever is sent from now on, in either direction, arrives that much later. */
  slowDown(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** From now on connections are accepted, and what is sent on them is lost. */
  cut(): void {
    this.#isCut = true;
  }

  /** As good as new for connections to come; those from before stay as dead as they were. */
  mend(): void {
    this.#delayMs = 0;
    this.#isCut = false;
    this.#mended += 1;
  }

  /** Ends the connections there are, as a server does that is gone. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#sockets.clear();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
