import {
  Body,
  Controller,
  Inject,
  Injectable,
  Param,
  Post,
} from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Blink, Item, Note } from './entities.js';

/** Told of every write after its commit, before its caller: where keys are deleted by hand. */
@Injectable()
export class AfterCommit {
  outdate(_rows: readonly string[]): Promise<void> {
    return Promise.resolve();
  }
}

interface Order {
  /** Rows, in ascending order, so that transactions wait for each other and never in a circle. */
  readonly ids: readonly number[];
  readonly stamp: string;
}

type Way = (dataSource: DataSource, order: Order) => Promise<readonly string[]>;

const first = ({ ids }: Order): number => ids[0] ?? 0;
const items = ({ ids }: Order): string[] => ids.map(id => `items#${id}`);

async function updateAll(
  manager: EntityManager,
  { ids, stamp }: Order,
): Promise<void> {
  for (const id of ids) await manager.update(Item, id, { stamp });
}

/** Ways to write, by name; each answers the rows whose versions it made larger by one or more. */
const WAYS: Readonly<Record<string, Way>> = {
  save: async (dataSource, order) => {
    const id = first(order);
    await dataSource.manager.save(Item, { id, stamp: order.stamp });
    return [`items#${id}`];
  },
  update: async (dataSource, order) => {
    await dataSource.manager.update(Item, first(order), {
      stamp: order.stamp,
    });
    return [`items#${first(order)}`];
  },
  'update-child': async (dataSource, order) => {
    await dataSource.manager.update(Note, first(order), {
      stamp: order.stamp,
    });
    return [`notes#${first(order)}`];
  },
  raw: async (dataSource, order) => {
    await dataSource.query(
      'UPDATE items SET version = version + 1, stamp = $2 WHERE id = $1',
      [first(order), order.stamp],
    );
    return [`items#${first(order)}`];
  },
  bulk: async (dataSource, order) => {
    await dataSource
      .createQueryBuilder()
      .update(Item)
      .set({ stamp: order.stamp })
      .where(
        'id IN (SELECT id FROM items WHERE id = ANY(:ids) ORDER BY id FOR UPDATE)',
        {
          ids: order.ids,
        },
      )
      .execute();
    return items(order);
  },
  transaction: async (dataSource, order) => {
    await dataSource.transaction(async manager => {
      await updateAll(manager, order);
      await manager.save(Note, { id: first(order), stamp: order.stamp });
    });
    return [...items(order), `notes#${first(order)}`];
  },
  'query-runner': async (dataSource, order) => {
    const runner = dataSource.createQueryRunner();
    try {
      await runner.startTransaction();
      await updateAll(runner.manager, order);
      await runner.commitTransaction();
    } catch (error) {
      if (runner.isTransactionActive) await runner.rollbackTransaction();
      throw error;
    } finally {
      await runner.release();
    }
    return items(order);
  },
  savepoint: async (dataSource, order) => {
    await dataSource.transaction(async manager => {
      await updateAll(manager, order);
      await rolledBack(() =>
        manager.transaction(nested =>
          updateAndFail(nested, Note, first(order), order.stamp),
        ),
      );
    });
    return items(order);
  },
  rollback: async (dataSource, order) => {
    await rolledBack(() =>
      dataSource.transaction(manager =>
        updateAndFail(manager, Item, first(order), order.stamp),
      ),
    );
    return [];
  },
  'insert-blink': async (dataSource, order) => {
    await dataSource.manager.insert(Blink, {
      id: first(order),
      stamp: order.stamp,
    });
    return [`blinks#${first(order)}`];
  },
  'save-blink': async (dataSource, order) => {
    await dataSource.manager.save(Blink, {
      id: first(order),
      stamp: order.stamp,
    });
    return [`blinks#${first(order)}`];
  },
  'delete-blink': async (dataSource, order) => {
    await dataSource.manager.delete(Blink, first(order));
    return [`blinks#${first(order)}`];
  },
  'remove-blink': async (dataSource, order) => {
    const repository = dataSource.getRepository(Blink);
    await repository.remove(
      await repository.findOneByOrFail({ id: first(order) }),
    );
    return [`blinks#${first(order)}`];
  },
};

class RolledBack extends Error {}

async function updateAndFail(
  manager: EntityManager,
  entity: typeof Item | typeof Note,
  id: number,
  stamp: string,
): Promise<void> {
  await manager.update(entity, id, { stamp });
  throw new RolledBack();
}

async function rolledBack(transaction: () => Promise<void>): Promise<void> {
  try {
    await transaction();
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error;
  }
}

@Controller('writes')
export class WritesController {
  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(AfterCommit) private readonly afterCommit: AfterCommit,
  ) {}

  @Post(':way')
  async write(
    @Param('way') way: string,
    @Body() order: Order,
  ): Promise<readonly string[]> {
    const rows = await WAYS[way]!(this.dataSource, order);
    await this.afterCommit.outdate(rows);
    return rows;
  }
}
