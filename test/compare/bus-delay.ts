import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** How Redis begins what it delivers to a subscriber. */
const PUBLISHED = '$7\r\nmessage\r\n';

/** A way to Redis on which published messages can be kept back, and nothing else. */
export class BusDelay {
  private kept: (() => void)[] | undefined;
  private readonly sockets = new Set<Socket>();
  private readonly server;

  private constructor(redis: URL) {
    this.server = createServer(client => {
      const upstream = connect(Number(redis.port), redis.hostname);
      client.pipe(upstream);
      upstream.on('data', chunk => {
        const deliver = () => void client.write(chunk);
        if (this.kept && chunk.includes(PUBLISHED)) this.kept.push(deliver);
        else deliver();
      });
      for (const socket of [client, upstream]) {
        this.sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          client.destroy();
          upstream.destroy();
        });
      }
    });
  }

  static async open(redis: string): Promise<BusDelay> {
    const delay = new BusDelay(new URL(redis));
    delay.server.listen(0, '127.0.0.1');
    await once(delay.server, 'listening');
    return delay;
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return `redis://127.0.0.1:${port}`;
  }

  keepBack(): void {
    this.kept = [];
  }

  deliver(): void {
    const kept = this.kept ?? [];
    this.kept = undefined;
    for (const deliver of kept) deliver();
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}
