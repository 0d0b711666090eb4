import { Between } from 'typeorm';

/** Users of a list, and those that are counted. */
const MANY = 100;

const manyFrom = id => ({ id: Between(id, id + MANY - 1) });

/** What is asked; `read` asks for something else with each `id`, of which there are `MANY` after the last. */
export const QUESTIONS = [
  {
    title: 'findOneBy() by key',
    read: (users, id) => users.findOneBy({ id }),
  },
  {
    title: 'find() of one user with 10 orders, joined',
    read: (users, id) =>
      users.find({
        where: { id },
        relations: { orders: true },
        order: { orders: { id: 'ASC' } },
      }),
  },
  {
    title: `find() of ${MANY} users`,
    read: (users, id) =>
      users.find({ where: manyFrom(id), order: { id: 'ASC' } }),
  },
  {
    title: `countBy() of ${MANY} users`,
    read: (users, id) => users.countBy(manyFrom(id)),
  },
];
