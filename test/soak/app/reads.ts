import { Inject, Injectable } from '@nestjs/common';
import { DataSource, In } from 'typeorm';
import { Blink, Item, Note, type Versions } from './entities.js';

/** What the routes answer, read from the database: its queries say that no query cache may answer them. */
@Injectable()
export class Reads {
  /** What each query says of itself. */
  protected readonly setting: { readonly cache?: boolean } = { cache: false };

  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** An item with its child. */
  async item(id: number): Promise<Versions> {
    const item = await this.dataSource
      .getRepository(Item)
      .findOne({ ...this.setting, where: { id }, relations: { notes: true } });
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
      await this.dataSource.getRepository(Item).find(this.setting),
    );
  }

  /** An item, and another one with its child. */
  async pair(first: number, second: number): Promise<Versions> {
    const { manager } = this.dataSource;
    const items = await manager.find(Item, {
      ...this.setting,
      where: { id: In([first, second]) },
    });
    const notes = await manager.find(Note, {
      ...this.setting,
      where: { id: second },
    });
    return {
      ...versions('items', [first, second], items),
      ...versions('notes', [second], notes),
    };
  }

  async blink(id: number): Promise<Versions> {
    const blink = await this.dataSource
      .getRepository(Blink)
      .findOne({ ...this.setting, where: { id } });
    return versions('blinks', [id], blink ? [blink] : []);
  }

  /** All that are there at the moment. */
  async blinks(): Promise<Versions> {
    return versions(
      'blinks',
      [],
      await this.dataSource.getRepository(Blink).find(this.setting),
    );
  }
}

/** The same by queries that the query cache may answer. */
@Injectable()
export class CachedReads extends Reads {
  protected override readonly setting = {};
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
