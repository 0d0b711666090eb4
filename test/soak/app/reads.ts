import { Inject, Injectable } from '@nestjs/common';
import { DataSource, In } from 'typeorm';
import { Blink, Item, Note, type Versions } from './entities.js';

/** What the routes answer, read from the database. */
@Injectable()
export class Reads {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** An item with its child. */
  async item(id: number): Promise<Versions> {
    const item = await this.dataSource
      .getRepository(Item)
      .findOne({ where: { id }, relations: { notes: true } });
    return {
      ...versions('items', [id], item ? [item] : []),
      ...versions('notes', [id], item?.notes ?? []),
    };
  }

  /** All items, without their children. */
  async items(): Promise<Versions> {
    return versions(
      'items',
      [],
      await this.dataSource.getRepository(Item).find(),
    );
  }

  /** An item, and another one with its child. */
  async pair(first: number, second: number): Promise<Versions> {
    const { manager } = this.dataSource;
    const items = await manager.findBy(Item, { id: In([first, second]) });
    const notes = await manager.findBy(Note, { id: second });
    return {
      ...versions('items', [first, second], items),
      ...versions('notes', [second], notes),
    };
  }

  async blink(id: number): Promise<Versions> {
    const blink = await this.dataSource.getRepository(Blink).findOneBy({ id });
    return versions('blinks', [id], blink ? [blink] : []);
  }

  /** All that are there at the moment. */
  async blinks(): Promise<Versions> {
    return versions(
      'blinks',
      [],
      await this.dataSource.getRepository(Blink).find(),
    );
  }
}

function versions(
  table: string,
  expected: readonly number[],
  rows: readonly { readonly id: number; readonly version: number }[],
): Versions {
  return Object.fromEntries([
    ...expected.map(id => [`${table}#${id}`, null]),
    ...rows.map(({ id, version }) => [`${table}#${id}`, version]),
  ]) as Versions;
}
