import { expect, it } from '@jest/globals';
import { User } from '../support/shop.js';
import { startApp } from '../support/start-app.js';

it('serves no answer made of what another flow rolled back on the same SQLite connection', async () => {
  await using app = await startApp({ database: { type: 'sqljs' } });
  const { id } = await app.dataSource.getRepository(User).save({ name: 'Ada' });
  const rolledBack = app.dataSource.transaction(async tx => {
    await tx.update(User, id, { name: 'dirty' });
    // SQLite itself shows it: one connection has no isolation from itself.
    expect(JSON.parse((await app.get(`/users/${id}`)).body).name).toBe('dirty');
    throw new Error('no');
  });
  await expect(rolledBack).rejects.toThrow('no');
  expect(JSON.parse((await app.get(`/users/${id}`)).body).name).toBe('Ada');
});
