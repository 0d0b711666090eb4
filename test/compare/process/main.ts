// One process of an application that caches notes. It gets its orders from the scenario that
// started it, as messages, and answers each by its number.
import 'reflect-metadata';
import {
  type ComparedCache,
  NOTES,
  type Surroundings,
} from './compared-cache.js';
import { type GatePoint, Gates } from './gates.js';

export type CacheName =
  | 'bentocache'
  | 'cacheable'
  | 'nest-cache-manager'
  | 'alkey-strict'
  | 'alkey-commit';

export type Order =
  | { readonly do: 'read'; readonly id: number }
  /** Writes the text, and tells the cache if that is the application's to do. */
  | { readonly do: 'write'; readonly id: number; readonly text: string }
  /** The same, the cache told within a transaction that is then rolled back. */
  | { readonly do: 'rollBack'; readonly id: number; readonly text: string }
  | { readonly do: 'close' | 'open'; readonly point: GatePoint };

/** What a read answered, and whether the database was asked for it. */
export interface Reading {
  readonly text: string;
  readonly isLoaded: boolean;
}

export type Message =
  | { readonly kind: 'ready' }
  | { readonly kind: 'reached'; readonly point: GatePoint }
  | { readonly kind: 'done'; readonly order: number; readonly answer?: Reading }
  | {
      readonly kind: 'failed';
      readonly order: number;
      readonly reason: string;
    };

class RollBack extends Error {}

// Loaded one by one, because a process needs one only.
const OPEN: Readonly<
  Record<CacheName, (around: Surroundings) => Promise<ComparedCache>>
> = {
  bentocache: async around =>
    (await import('./caches/bentocache.js')).openBentocache(around),
  cacheable: async around =>
    (await import('./caches/cacheable.js')).openCacheable(around),
  'nest-cache-manager': async around =>
    (await import('./caches/nest-cache-manager.js')).openNestCacheManager(
      around,
    ),
  'alkey-strict': async around =>
    (await import('./caches/alkey.js')).openAlkey(around, 'strict'),
  'alkey-commit': async around =>
    (await import('./caches/alkey.js')).openAlkey(around, 'commit'),
};

const { cache: name, around } = JSON.parse(process.env['COMPARED'] ?? '{}') as {
  readonly cache: CacheName;
  readonly around: Surroundings;
};
const tell = (message: Message) => void process.send?.(message);
const gates = new Gates(point => tell({ kind: 'reached', point }));
gates.guardCommits();
const cache = await OPEN[name](around);

process.on('message', ({ order, ...what }: Order & { order: number }) => {
  obey(what).then(
    answer => tell({ kind: 'done', order, ...(answer && { answer }) }),
    error => tell({ kind: 'failed', order, reason: String(error) }),
  );
});
// The scenario has ended, however it did.
process.on('disconnect', () => process.exit());
tell({ kind: 'ready' });

async function obey(order: Order): Promise<Reading | undefined> {
  switch (order.do) {
    case 'read':
      return read(order.id);
    case 'write':
      await cache.dataSource.transaction(manager =>
        manager.update(NOTES, order.id, { text: order.text }),
      );
      await cache.invalidate?.(order.id);
      return;
    case 'rollBack':
      await cache.dataSource
        .transaction(async manager => {
          await manager.update(NOTES, order.id, { text: order.text });
          await cache.invalidate?.(order.id);
          throw new RollBack();
        })
        .catch(error => {
          if (!(error instanceof RollBack)) throw error;
        });
      return;
    default:
      gates[order.do](order.point);
  }
}

async function read(id: number): Promise<Reading> {
  let isLoaded = false;
  const text = await cache.read(id, async () => {
    isLoaded = true;
    const note = await cache.dataSource
      .getRepository(NOTES)
      .findOneByOrFail({ id });
    await gates.pass('loaded');
    return note.text;
  });
  return { text, isLoaded };
}
