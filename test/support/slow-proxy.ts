import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/**
 * A stretch of wire between a client and a server on this machine. It delivers answers only once the
 * client has been silent for a while, so that whatever it sends without waiting for one belongs to
 * the same round trip.
 */
export class SlowProxy {
  /** Round trips so far: requests that began after an answer had been delivered. */
  roundTrips = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server;

  private constructor(port: number, silenceMs: number) {
    this.#server = createServer(client => {
      const server = connect(port, '127.0.0.1');
      const answers: Buffer[] = [];
      let isAnswered = true;
      const timer = setTimeout(() => {
        if (answers.length === 0) return;
        isAnswered = true;
        client.write(Buffer.concat(answers.splice(0)));
      }, silenceMs);
      client.on('data', request => {
        if (isAnswered) this.roundTrips += 1;
        isAnswered = false;
        server.write(request);
        timer.refresh();
      });
      server.on('data', answer => {
        answers.push(answer);
        timer.refresh();
      });
      for (const socket of [client, server]) {
        socket.setNoDelay(true);
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          client.destroy();
          server.destroy();
        });
      }
    });
  }

  static async open(port: number, silenceMs = 100): Promise<SlowProxy> {
    const proxy = new SlowProxy(port, silenceMs);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') {
      throw new Error('Expected a TCP address.');
    }
    return address.port;
  }

  /** How many round trips `run` takes; nobody else may use the proxy meanwhile. */
  async count(run: () => Promise<unknown>): Promise<number> {
    const before = this.roundTrips;
    await run();
    return this.roundTrips - before;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
