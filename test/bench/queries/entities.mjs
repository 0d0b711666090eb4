import { EntitySchema } from 'typeorm';

export const User = new EntitySchema({
  name: 'User',
  tableName: 'users',
  columns: {
    id: { type: Number, primary: true },
    name: { type: String },
    email: { type: String },
    score: { type: Number },
    // JSON has no dates, so that rows are not the same as their JSON.
    createdAt: { type: 'timestamptz' },
  },
  relations: {
    orders: { type: 'one-to-many', target: 'Order', inverseSide: 'user' },
  },
});

export const Order = new EntitySchema({
  name: 'Order',
  tableName: 'orders',
  columns: {
    id: { type: Number, primary: true },
    title: { type: String },
    userId: { type: Number },
  },
  relations: {
    user: {
      type: 'many-to-one',
      target: 'User',
      inverseSide: 'orders',
      joinColumn: { name: 'userId' },
    },
  },
  indices: [{ columns: ['userId'] }],
});

export const USERS = 20_000;
const ORDERS_EACH = 10;

/** Makes the tables, and fills them: users under the keys 1, 2, 3, … with as many orders each. */
export async function seed(dataSource) {
  await dataSource.synchronize();
  await dataSource.query(
    `INSERT INTO users SELECT n, 'User ' || n, 'user' || n || '@example.com', 0, timestamptz '2026-01-01Z' + n * interval '1 minute'
     FROM generate_series(1, ${USERS}) n`,
  );
  await dataSource.query(
    `INSERT INTO orders (id, title, "userId") SELECT n, 'Order ' || n, (n - 1) / ${ORDERS_EACH} + 1
     FROM generate_series(1, ${USERS * ORDERS_EACH}) n`,
  );
  await dataSource.query('VACUUM ANALYZE');
}
