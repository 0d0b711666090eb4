import {
  type DataSource,
  type EntityManager,
  type EntityTarget,
} from 'typeorm';

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
  const columns = Object.keys(rows[0] ?? {}) as (keyof Row & string)[];
  const table = manager.connection.getMetadata(target).tableName;
  const insert = (rowCount: number) =>
    insertStatement(manager.connection.driver, table, columns, rowCount);
  const insertChunk = insert(chunkSize);

  for (let start = 0; start < rows.length; start += chunkSize) {
    const chunk = rows.slice(start, start + chunkSize);
    await manager.query(
      chunk.length === chunkSize ? insertChunk : insert(chunk.length),
      chunk.flatMap(row => columns.map(column => row[column])),
    );
    onChunk(start + chunk.length);
  }
}

function insertStatement(
  driver: DataSource['driver'],
  table: string,
  columns: readonly string[],
  rowCount: number,
): string {
  const names = columns.map(column => `"${column}"`).join(', ');
  const tuples = Array.from({ length: rowCount }, (_, row) => {
    const first = row * columns.length;
    const values = columns.map((column, index) =>
      driver.createParameter(column, first + index),
    );
    return `(${values.join(', ')})`;
  });
  return `INSERT INTO "${table}" (${names}) VALUES ${tuples.join(', ')}`;
}
