import { IsNull } from 'typeorm';
import { City, Country, Flag, Language, Region } from '../entities/atlas.js';
import { Aircraft, Airline, Airport, Alliance } from '../entities/aviation.js';
import {
  CardPayment,
  Membership,
  Order,
  Profile,
  Review,
  Tag,
  TransferPayment,
  User,
} from '../entities/people.js';
import { Article, Category, Comment, Setting } from '../entities/writing.js';
import { chosen } from '../read.js';
import {
  AIRCRAFT_IDS,
  AIRPORT_CODES,
  ARTICLE_IDS,
  CITY_IDS,
  COUNTRY_CODES,
  SETTING_KEYS,
} from '../seed.js';
import { change, type Write } from '../write.js';

/** `save`, `remove` and their like, with cascades, relations and trees. */
export const SAVES: readonly Write[] = [
  {
    name: 'save a new user',
    async run(manager, n) {
      await manager.save(User, {
        email: `${chosen(['new', 'other'], n)}@example.org`,
        name: { first: 'New', last: 'Beech' },
        score: n,
      });
    },
  },
  {
    name: 'save a changed user',
    async run(manager, n) {
      const user = await manager.findOneBy(User, { id: n + 1 });
      await change(manager, user, each => (each.score += 1));
    },
  },
  {
    name: 'save an unchanged user',
    async run(manager, n) {
      const user = await manager.findOneBy(User, { id: n + 1 });
      await change(manager, user, () => undefined);
    },
  },
  {
    name: 'save a part of a user',
    async run(manager, n) {
      await manager.save(User, { id: n + 1, active: n % 2 === 0 });
    },
  },
  {
    name: 'save back what a user was',
    async run(manager, n) {
      await manager.save(User, { id: n + 1, score: 1, name: { first: 'Ada' } });
    },
  },
  {
    name: 'save a user under another manager',
    async run(manager, n) {
      const boss = await manager.findOneBy(User, { id: 2 });
      await manager.save(User, { id: n + 1, manager: n === 1 ? null : boss });
    },
  },
  {
    name: 'save a user with another home (lazy)',
    async run(manager, n) {
      const user = await manager.findOneBy(User, { id: n + 1 });
      const id = chosen(CITY_IDS, n + 2);
      const city = await manager.findOneBy(City, { id });
      await change(manager, user, each => (each.home = Promise.resolve(city)));
    },
  },
  {
    name: 'save an order with new lines (cascade)',
    async run(manager, n) {
      await manager.save(Order, {
        total: `${n}5.00`,
        user: { id: n + 1 },
        lines: [{ quantity: n }, { quantity: 7 }],
      });
    },
  },
  {
    name: 'save an order without its first line (orphan)',
    async run(manager, n) {
      const order = await manager.findOneBy(Order, { id: n + 1 });
      await change(manager, order, each => each.lines.shift());
    },
  },
  {
    name: 'save an order of another user',
    async run(manager, n) {
      await manager.save(Order, { id: n + 1, user: { id: 5 - n } });
    },
  },
  {
    name: 'save a profile with a new user (cascade)',
    async run(manager, n) {
      await manager.save(Profile, {
        bio: 'new',
        user: { email: `profiled-${n}@example.org`, score: n },
      });
    },
  },
  {
    name: 'save a profile of another user',
    async run(manager, n) {
      await manager.save(Profile, {
        id: 1,
        preferences: { n },
        user: { id: n + 1 },
      });
    },
  },
  {
    name: 'save a review with one tag more (many-to-many)',
    async run(manager, n) {
      const review = await manager.findOne(Review, {
        where: { id: n + 1 },
        relations: { tags: true },
      });
      const tag = await manager.findOneBy(Tag, { id: 1 });
      await change(manager, review, ({ tags }) => tag && tags.push(tag));
    },
  },
  {
    name: 'save a review without tags (many-to-many)',
    async run(manager, n) {
      const review = await manager.findOne(Review, {
        where: { id: n + 1 },
        relations: { tags: true },
      });
      await change(manager, review, each => (each.tags = []));
    },
  },
  {
    name: 'save a new review with a new tag (cascade)',
    async run(manager, n) {
      await manager.save(Review, {
        rating: n + 1,
        text: `Tagged ${n}`,
        author: { id: n + 1 },
        city: { id: chosen(CITY_IDS, n) },
        tags: [{ label: `tag ${n}` }],
      });
    },
  },
  {
    name: 'save a changed review (version, date)',
    async run(manager, n) {
      await manager.save(Review, {
        id: n + 1,
        text: `Review ${n + 1}`,
        rating: n,
      });
    },
  },
  {
    name: 'save an airline with other alliances',
    async run(manager, n) {
      const airline = await manager.findOneBy(Airline, { id: n + 1 });
      const alliance = await manager.findOneBy(Alliance, { id: 3 });
      await change(manager, airline, each => {
        each.alliances = alliance && n % 2 ? [alliance] : [];
      });
    },
  },
  {
    name: 'save an airline with a new aircraft (cascade)',
    async run(manager, n) {
      const airline = await manager.findOne(Airline, {
        where: { id: n + 1 },
        relations: { fleet: true },
      });
      const aircraft = manager.create(Aircraft, { model: 'New', seats: n });
      await change(manager, airline, ({ fleet }) => fleet.push(aircraft));
    },
  },
  {
    name: 'save a country with another language (default join table)',
    async run(manager, n) {
      const country = await manager.findOne(Country, {
        where: { code: chosen(COUNTRY_CODES, n) },
        relations: { languages: true },
      });
      const language = manager.create(Language, {
        code: `q${n}a`,
        name: `Constructed ${n}`,
      });
      await change(manager, country, each => each.languages.push(language));
    },
  },
  {
    name: 'save a country in another region',
    async run(manager, n) {
      const country = await manager.findOneBy(Country, {
        code: chosen(COUNTRY_CODES, n),
      });
      const region = await manager.findOneBy(Region, { id: n + 2 });
      await change(manager, country, each => (each.region = region));
    },
  },
  {
    name: 'save bytes',
    async run(manager, n) {
      const flag = await manager.findOneBy(Flag, { id: n + 1 });
      await change(manager, flag, each => {
        each.image = n % 2 ? null : Buffer.from([n, 255, 128]);
      });
    },
  },
  {
    name: 'save several new rows at once',
    async run(manager, n) {
      await manager.save([
        manager.create(Tag, { label: `several ${n}` }),
        manager.create(Alliance, { name: `Several ${n}` }),
        manager.create(Setting, { key: 'new', value: `several ${n}` }),
      ]);
    },
  },
  {
    name: 'save many in chunks',
    async run(manager, n) {
      const rows = [0, 1, 2, 3].map(index => ({
        userId: index + 1,
        allianceId: 3,
        miles: n * index,
      }));
      await manager.save(Membership, rows, { chunk: 2 });
    },
  },
  {
    name: 'save without a transaction',
    async run(manager, n) {
      const options = { transaction: false };
      await manager.save(User, { id: n + 1, score: 5 + n }, options);
    },
  },
  {
    name: 'save without listeners and reload',
    async run(manager, n) {
      const options = { listeners: false, reload: false };
      await manager.save(
        City,
        { id: chosen(CITY_IDS, n), population: n },
        options,
      );
    },
  },
  {
    name: 'save a card payment (child of single-table inheritance)',
    async run(manager, n) {
      await manager.save(CardPayment, {
        cents: 5 * n,
        lastDigits: `000${n}`,
        order: { id: n + 1 },
      });
    },
  },
  {
    name: 'save a changed transfer',
    async run(manager, n) {
      const transfer = await manager.findOneBy(TransferPayment, { id: n + 1 });
      await change(manager, transfer, each => (each.cents += 100));
    },
  },
  {
    name: 'save a comment with replies of an article',
    async run(manager, n) {
      const article = { id: chosen(ARTICLE_IDS, n) };
      const comment = await manager.save(Comment, { text: 'New', article });
      await manager.save(Comment, { text: 'Re', article, repliedTo: comment });
    },
  },
  {
    name: 'save an article with other keywords and category',
    async run(manager, n) {
      await manager.save(Article, {
        id: chosen(ARTICLE_IDS, n),
        keywords: n ? [`k${n}`] : null,
        category: { id: n + 1 },
      });
    },
  },
  {
    name: 'save an airport of another city (eager)',
    async run(manager, n) {
      await manager.save(Airport, {
        code: chosen(AIRPORT_CODES, n),
        city: { id: chosen(CITY_IDS, n + 1) },
      });
    },
  },
  {
    name: 'save a setting',
    async run(manager, n) {
      await manager.save(Setting, {
        key: chosen([...SETTING_KEYS, 'new'], n),
        value: `saved ${n}`,
      });
    },
  },
  {
    name: 'add a node to the closure table',
    async run(manager, n) {
      const parent = await manager.findOneBy(Region, { id: n + 1 });
      if (!parent) return;
      const node = manager.create(Region, { name: `Region ${n}`, parent });
      await manager.save(node);
    },
  },
  {
    name: 'move a node of the closure table',
    async run(manager, n) {
      const [first, second] = await manager.find(Region, {
        where: { parent: IsNull() },
        order: { id: 'ASC' },
      });
      const node = await manager.findOneBy(Region, { id: n + 2 });
      if (!node || node.id === first?.id || node.id === second?.id) return;
      await change(manager, node, each => (each.parent = second ?? null));
    },
  },
  {
    name: 'add a node to the materialized path',
    async run(manager, n) {
      const parent = await manager.findOneBy(Category, { id: n + 1 });
      if (!parent) return;
      await manager.save(
        manager.create(Category, { name: `Category ${n}`, parent }),
      );
    },
  },
  {
    name: 'move a node of the materialized path',
    async run(manager, n) {
      const node = await manager.findOneBy(Category, { id: 4 });
      const parent = await manager.findOneBy(Category, { id: 1 + (n % 3) });
      await change(manager, node, each => (each.parent = parent));
    },
  },
  {
    name: 'remove a leaf of the materialized path',
    async run(manager, n) {
      const node = await manager.findOneBy(Category, { id: n + 3 });
      if (node) await manager.remove(node);
    },
  },
  {
    name: 'remove an order and its lines (cascade of the database)',
    async run(manager, n) {
      const order = await manager.findOneBy(Order, { id: n + 1 });
      if (order) await manager.remove(order);
    },
  },
  {
    name: 'remove several comments',
    async run(manager, n) {
      const comments = await manager.find(Comment, {
        order: { id: 'ASC' },
        skip: n,
        take: 2,
      });
      await manager.remove(comments);
    },
  },
  {
    name: 'remove an aircraft',
    async run(manager, n) {
      const id = chosen(AIRCRAFT_IDS, n);
      const aircraft = await manager.findOneBy(Aircraft, { id });
      if (aircraft) await manager.remove(aircraft);
    },
  },
  {
    name: 'softRemove a review',
    async run(manager, n) {
      const review = await manager.findOneBy(Review, { id: n + 1 });
      if (review) await manager.softRemove(review);
    },
  },
  {
    name: 'recover a review',
    async run(manager, n) {
      const review = await manager.findOne(Review, {
        where: { id: n + 1 },
        withDeleted: true,
      });
      if (review) await manager.recover(review);
    },
  },
];
