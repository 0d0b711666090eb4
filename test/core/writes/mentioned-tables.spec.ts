import { describe, expect, it } from '@jest/globals';

import { analyseSql } from '../../../lib/core/writes/analyse-sql.js';
import { mentionedTables } from '../../../lib/core/writes/mentioned-tables.js';
import { type Dialect } from '../../../lib/core/writes/statement.js';
import { tableText } from '../../support/analysis-text.js';

const everywhere: Dialect[] = ['postgres', 'mysql', 'sqlite'];

const mentioned = (sql: string, dialect: Dialect): string =>
  mentionedTables(sql, dialect).map(tableText).join(' ');

describe.each(everywhere)('the tables that a text of %s mentions', dialect => {
  it.each([
    ['SELECT 1', ''],
    ['SELECT a, b.c, d(e) FROM t', 't'],
    ['SELECT * FROM a, b AS x, s.c y, d WHERE e IN (f, g)', 'a b s.c d'],
    ['SELECT * FROM a JOIN b ON a.i = b.i LEFT JOIN c USING (i), d', 'a b c d'],
    ['SELECT * FROM a CROSS JOIN (b JOIN c ON 1 = 1), d', 'a b c d'],
    ['SELECT * FROM (a, b), (SELECT x, y FROM c) z, d', 'a b c d'],
    ['SELECT (SELECT max(x) FROM a), y FROM b ORDER BY y, z', 'b a'],
    [
      'SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b, c) AND d IN (SELECT e FROM f)',
      'a b c f',
    ],
    ['SELECT * FROM a UNION SELECT * FROM b EXCEPT (SELECT * FROM c)', 'a b c'],
    ['SELECT * FROM a GROUP BY b, c HAVING d > 1 ORDER BY e, f LIMIT 1', 'a'],
    ["SELECT 'FROM b' /* FROM c */ FROM a -- , d", 'a'],
    ['SELECT * FROM a; SELECT * FROM b', 'a b'],
    ['SELECT extract(year FROM b), trim(c FROM d) FROM a', 'a'],
    ['SELECT substring((SELECT x FROM b) FROM 1) FROM a', 'b a'],
    ['SELECT a.x IS DISTINCT FROM a.y, z FROM a', 'a'],
    ['SELECT * FROM a FOR UPDATE', 'a'],
    // CTEs
    ['WITH c AS (SELECT * FROM a) SELECT * FROM c, b', 'a b'],
    ['WITH c AS (SELECT * FROM c) SELECT * FROM c', 'c'],
    [
      'WITH RECURSIVE c AS (SELECT 1 UNION SELECT x FROM c, a) SELECT * FROM c',
      'a',
    ],
    [
      'WITH c AS (SELECT * FROM a), d AS (SELECT * FROM c, e) SELECT * FROM d',
      'a e',
    ],
    ['WITH d AS (SELECT * FROM c), c AS (SELECT 1) SELECT * FROM d', 'c'],
    ['SELECT * FROM (WITH c AS (SELECT 1) SELECT * FROM c) x, c', 'c'],
    ['WITH c AS (SELECT 1) SELECT * FROM s.c', 's.c'],
    ['WITH c (x, y) AS (SELECT 1, 2 FROM a) SELECT x, y FROM c', 'a'],
    ['INSERT INTO t SELECT * FROM a', 't a'],
    ['UPDATE t SET x = 1, y = 2 WHERE i IN (SELECT j FROM a)', 't a'],
    ['DELETE FROM t WHERE i IN (SELECT j FROM a)', 't a'],
  ])('%s: %s', (sql, tables) => {
    const found = mentioned(sql, dialect).split(' ').toSorted();
    expect(found).toEqual(tables.split(' ').toSorted());
  });
});

describe('the tables that a text of one dialect mentions', () => {
  it.each<[Dialect, string, string]>([
    [
      'postgres',
      'SELECT * FROM ONLY a, LATERAL (SELECT * FROM b) x, c',
      'a b c',
    ],
    ['postgres', 'TABLE a', 'a'],
    [
      'postgres',
      'SELECT * FROM "Users", public."Posts" p',
      'Users public.Posts',
    ],
    ['postgres', 'SELECT * FROM unnest($1) WITH ORDINALITY, a', 'unnest a'],
    ['postgres', 'DELETE FROM a USING b, c WHERE true', 'a b c'],
    ['postgres', 'UPDATE a SET x = 1 FROM b, c', 'a b c'],
    ['postgres', 'MERGE INTO a USING (b JOIN c ON true) ON true', 'a b c'],
    ['postgres', 'SELECT DISTINCT FROM a', 'a'],
    [
      'mysql',
      'SELECT * FROM a STRAIGHT_JOIN `db`.`b` USE INDEX (i, j), c',
      'a db.b c',
    ],
    ['mysql', 'SELECT * FROM { OJ a LEFT OUTER JOIN b ON 1 }, c', 'a b c'],
    ['mysql', 'DESCRIBE a', 'a'],
    ['mysql', 'SELECT * FROM a PARTITION (p0, p1), b', 'a b'],
    ['mysql', 'UPDATE a, b SET a.x = 1, a.y = 2', 'a b'],
    ['mysql', 'SELECT * FROM "a", b', 'a b'],
    ['sqlite', "SELECT * FROM 'a', [b c] LEFT JOIN main.d", 'a b c main.d'],
    ['sqlite', "SELECT * FROM fts('x')", 'fts'],
    [
      'sqlite',
      'SELECT * FROM a WHERE x IN b AND y NOT IN main.c AND z IN "d" OR x IN f(1) OR x IN (g, h)',
      'a b main.c d f',
    ],
    ['sqlite', 'WITH c AS (SELECT 1) SELECT * FROM a WHERE x IN c', 'a'],
    [
      'mysql',
      'SELECT * FROM a USE INDEX FOR ORDER BY (i), b FORCE INDEX FOR GROUP BY (j), c IGNORE KEY FOR JOIN (k), d ORDER BY a.x, e',
      'a b c d',
    ],
    ['mysql', 'SELECT * FROM .a, .b', 'a b'],
    ['mysql', 'SELECT * FROM a JOIN b ON a.order = b.group, c', 'a b c'],
    ['postgres', 'SELECT a.from, a.x FROM a', 'a'],
  ])('%s: %s: %s', (dialect, sql, tables) => {
    expect(mentioned(sql, dialect)).toBe(tables);
  });

  it('are those of a view as TypeORM writes it', () => {
    const view = `SELECT "post"."id" AS "id", "category"."name" AS "categoryName", COUNT("tag"."id") AS "tags" FROM "post" "post" LEFT JOIN "category" "category" ON "post"."categoryId" = "category"."id" LEFT JOIN "post_tags" "pt" ON "pt"."postId"="post"."id" INNER JOIN "lab"."tag" "tag" ON "tag"."id"="pt"."tagId" WHERE "post"."status" = 'x' GROUP BY "post"."id", "category"."name"`;
    for (const dialect of ['postgres', 'sqlite'] as const) {
      expect(mentioned(view, dialect)).toBe('post category post_tags lab.tag');
    }
  });
});

describe('the mentions of a statement', () => {
  it('hold what it writes, too', () => {
    const { statements } = analyseSql(
      'SELECT * FROM a; TRUNCATE b, c; INSERT INTO d SELECT * FROM e',
      'postgres',
    );
    expect(statements.map(({ mentions }) => mentions.map(tableText))).toEqual([
      ['a'],
      ['b', 'c'],
      ['d', 'e'],
    ]);
  });

  it('are told for a plain SELECT, each time the same', () => {
    const [statement] = analyseSql('SELECT * FROM a', 'mysql').statements;
    expect(statement?.mentions).toEqual([{ name: 'a' }]);
    expect(statement?.mentions).toBe(statement?.mentions);
  });
});
