import { type EntityManager, type EntityTarget } from 'typeorm';

/**
 * Inserts `rows` by plain multi-row statements, `chunkSize` rows each, and calls
 * `onChunk` with the number of rows inserted so far.
 *
 * Every row must have the properties of the first one, named as their columns are.
 */
export async function insertRows<Row extends object>(
  manager: EntityManager,
  target: EntityTarget<Row>,
  rows: readonly Row[],
  chunkSize: number,
  onChunk: (inserted: number) => void = () => undefined,
): Promise<void> {
  const { driver } = manager.connection;
  const table = manager.connection.getMetadata(target).tableName;
  const columns = Object.keys(rows[0] ?? {}) as (keyof Row & string)[];
  const columnList = columns.map(column => `"${column}"`).join(', ');

  for (let start = 0; start < rows.length; start += chunkSize) {
    const chunk = rows.slice(start, start + chunkSize);
    const values = chunk.flatMap(row => columns.map(column => row[column]));
    const placeholders = values.map((_, i) => driver.createParameter('', i));
    const tuples = chunk.map((_, row) => {
      const first = row * columns.length;
      return `(${placeholders.slice(first, first + columns.length).join(', ')})`;
    });
    await manager.query(
      `INSERT INTO "${table}" (${columnList}) VALUES ${tuples.join(', ')}`,
      values,
    );
    onChunk(start + chunk.length);
  }
}
