import { type EntityManager, type ObjectLiteral } from 'typeorm';

/** A write with a small argument, so that programs change the same rows again and again. */
export interface Write {
  readonly name: string;
  run(manager: EntityManager, argument: number): Promise<void>;
}

/** What a write throws to be rolled back. */
export class Rollback extends Error {}

/** Runs `work` in a transaction, or a savepoint of one, that is rolled back at its end. */
export async function rolledBack(
  manager: EntityManager,
  work: (transaction: EntityManager) => Promise<unknown>,
): Promise<void> {
  try {
    await manager.transaction(async transaction => {
      await work(transaction);
      throw new Rollback();
    });
  } catch (error) {
    if (!(error instanceof Rollback)) throw error;
  }
}

/** Names of tables and columns between `{` and `}`, quoted as this database does. */
export function raw(
  { dataSource }: EntityManager,
  parts: readonly string[],
  ...values: readonly unknown[]
): readonly [sql: string, parameters: unknown[]] {
  const { driver } = dataSource;
  const sql = parts
    .map((part, index) =>
      index < values.length
        ? part + driver.createParameter(String(index), index)
        : part,
    )
    .join('')
    .replaceAll(/\{(\w+)\}/g, (_, name: string) => driver.escape(name));
  return [sql, [...values]];
}

/** Changes a row that is loaded first; none, where it is not there. */
export async function change<Entity extends ObjectLiteral>(
  manager: EntityManager,
  entity: Entity | null | undefined,
  changes: (entity: Entity) => unknown,
): Promise<void> {
  if (!entity) return;
  await changes(entity);
  await manager.save(entity);
}
