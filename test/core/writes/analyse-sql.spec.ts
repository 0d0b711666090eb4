import { describe, expect, it } from '@jest/globals';

import { analyseSql } from '../../../lib/core/writes/analyse-sql.js';
import { type Dialect } from '../../../lib/core/writes/statement.js';
import { analysisText } from '../../support/analysis-text.js';

type Examples = readonly (readonly [sql: string, analysis: string])[];

function examples(title: string, dialects: readonly Dialect[], rows: Examples) {
  describe.each(dialects)(`${title} in %s`, dialect => {
    it.each([...rows])('%s: %s', (sql, analysis) => {
      expect(analysisText(sql, dialect)).toBe(analysis);
    });
  });
}

const everywhere = ['postgres', 'mysql', 'sqlite'] as const;

examples('reads', everywhere, [
  ['', ''],
  [' \n', ''],
  ['-- nothing', ''],
  [';;', ''],
  ['SELECT 1', '-'],
  ['select * from a where b = 1', '-'],
  ["SELECT 'DELETE FROM users; DROP TABLE users'", '-'],
  ['SELECT 1 /* ; DELETE FROM users */', '-'],
  ['SELECT 1 -- ; DELETE FROM users', '-'],
  ['SELECT 1; SELECT 2;', '- / -'],
  ['(SELECT 1) UNION (SELECT 2)', '-'],
  ['VALUES (1)', '-'],
  ['WITH a AS (SELECT 1) SELECT * FROM a', '-'],
  ['WITH a(x) AS (SELECT 1), b AS (SELECT 2) SELECT * FROM a, b', '-'],
  ['WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT 2 FROM a) SELECT 1', '-'],
  ['EXPLAIN SELECT 1', '-'],
  ['EXPLAIN DELETE FROM users', '-'],
  ['SELECT deleted, "update", (insert_at) FROM t', '-'],
  ['SELECT replace(a, 1, 2), (replace(a, 1, 2)) FROM t', '-'],
]);

examples('INSERT', everywhere, [
  ['INSERT INTO t (a, b) VALUES (1, NULL)', 'insert t(a,b)(1,null)'],
  ['INSERT INTO t VALUES (1), (2)', 'insert t(1)(2)'],
  ["INSERT INTO s.t (a) VALUES ('x')", "insert s.t(a)('x')"],
  ['INSERT INTO t (a) VALUES (now())', 'insert t(a)(expr)'],
  ['INSERT INTO t (a) SELECT 1', 'insert t(a)*'],
  ['INSERT INTO t SELECT * FROM u', 'insert t*'],
  ['INSERT INTO t (SELECT * FROM u)', 'insert t*'],
  ['INSERT INTO t (a, b) VALUES (1)', 'insert t(a,b)*'],
  ['INSERT INTO t (a) VALUES (1) UNION SELECT 2', 'insert t(a)*'],
  ['INSERT INTO t (a) VALUES (1) RETURNING a', 'insert t(a)(1) returning a'],
  [
    'INSERT INTO t (a) VALUES (1); DELETE FROM u',
    'insert t(a)(1) / delete u[*]',
  ],
]);

examples(
  'INSERT',
  ['postgres', 'sqlite'],
  [
    ['INSERT INTO t DEFAULT VALUES', 'insert t()()'],
    ['INSERT INTO t AS x (a) VALUES (1)', 'insert t(a)(1)'],
    [
      'INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING',
      'insert t(a)(1) ignore',
    ],
    [
      'INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO NOTHING RETURNING *',
      'insert t(a)(1) ignore(a) returning *',
    ],
    [
      'INSERT INTO t (a, b) VALUES (1, 2) ON CONFLICT (a) DO UPDATE SET b = EXCLUDED.b, c = 3 WHERE t.b > 1 RETURNING a',
      'insert t(a,b)(1,2) update(a) set b=expr,c=3 returning a',
    ],
    [
      'INSERT INTO t (a) VALUES (1) ON CONFLICT (lower(a)) DO UPDATE SET (b, c) = (1, 2)',
      'insert t(a)(1) update set b=1,c=2',
    ],
    [
      'INSERT INTO t SELECT * FROM u JOIN v ON true WHERE true ON CONFLICT (id) DO UPDATE SET a = 1',
      'insert t* update(id) set a=1',
    ],
    ['WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c', 'insert t*'],
  ],
);

examples(
  'INSERT',
  ['postgres'],
  [
    [
      'INSERT INTO t (id) OVERRIDING SYSTEM VALUE VALUES ($1), (DEFAULT)',
      'insert t(id)(?0)(default)',
    ],
    [
      'INSERT INTO t (a) VALUES (1) ON CONFLICT ON CONSTRAINT pk DO UPDATE SET a = 2',
      'insert t(a)(1) update set a=2',
    ],
    ['INSERT INTO t (a[1], b.c) VALUES (1, 2)', 'insert t(a,b)(1,2)'],
    ['INSERT INTO t TABLE u', 'insert t*'],
    [
      'INSERT INTO t WITH d AS (DELETE FROM u WHERE id = 1 RETURNING *) SELECT * FROM d',
      'delete u[id=1] insert t*',
    ],
    ['COPY t FROM STDIN', 'insert t*'],
    ["COPY s.t (a, b) FROM '/f' WITH (FORMAT csv)", 'insert s.t(a,b)*'],
    ['COPY t TO STDOUT', '-'],
    ['COPY (SELECT 1) TO STDOUT', '-'],
    ['COPY (DELETE FROM t RETURNING *) TO STDOUT', 'delete t[*] returning *'],
  ],
);

examples(
  'INSERT',
  ['mysql'],
  [
    ['INSERT t VALUES (1)', 'insert t(1)'],
    ['INSERT INTO t () VALUES ()', 'insert t()()'],
    ['INSERT INTO t VALUES ()', 'insert t()()'],
    ['INSERT INTO t VALUE (1)', 'insert t(1)'],
    ['INSERT INTO t (a) VALUES ROW(1), ROW(2)', 'insert t(a)(1)(2)'],
    [
      'INSERT LOW_PRIORITY IGNORE INTO t (a) VALUES (?)',
      'insert t(a)(?0) ignore',
    ],
    ['INSERT INTO t SET a = 1, t.b = ?', 'insert t(a,b)(1,?0)'],
    [
      'INSERT INTO t SET a = 1 ON DUPLICATE KEY UPDATE b = VALUES(b), c = 2',
      'insert t(a)(1) update set b=expr,c=2',
    ],
    [
      'INSERT INTO t (a) VALUES (1) AS new(x) ON DUPLICATE KEY UPDATE a = new.x',
      'insert t(a)(1) update set a=expr',
    ],
    ['INSERT INTO t (a) VALUES ?', 'insert t(a)*'],
    ['INSERT INTO t SET ?', 'opaque t'],
    ['INSERT INTO ?? (a) VALUES (1)', '!'],
    ['INSERT INTO t PARTITION (p0) (a) VALUES (1)', 'insert t(a)(1)'],
    ['REPLACE INTO t (a) VALUES (1)', 'insert t(a)(1) replace'],
    ['REPLACE t SET a = 1', 'insert t(a)(1) replace'],
    ['REPLACE DELAYED INTO t SELECT 1', 'insert t* replace'],
    [
      "LOAD DATA LOCAL INFILE 'f' INTO TABLE s.t FIELDS TERMINATED BY ','",
      'insert s.t* ignore',
    ],
    ["LOAD DATA INFILE 'f' REPLACE INTO TABLE t", 'insert t* replace'],
    ["LOAD XML INFILE 'f' INTO TABLE t", 'insert t*'],
  ],
);

examples(
  'INSERT',
  ['sqlite'],
  [
    ['INSERT OR REPLACE INTO t (a) VALUES (1)', 'insert t(a)(1) replace'],
    ['INSERT OR IGNORE INTO t (a) VALUES (1)', 'insert t(a)(1) ignore'],
    ['INSERT OR ABORT INTO t (a) VALUES (1)', 'insert t(a)(1)'],
    ['REPLACE INTO t VALUES (?, ?)', 'insert t(?0,?1) replace'],
    ["INSERT INTO 't' ('a') VALUES (1)", 'insert t(a)(1)'],
    [
      'INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO NOTHING ON CONFLICT DO UPDATE SET b = 1',
      'insert t(a)(1) update set b=1',
    ],
  ],
);

examples('UPDATE', everywhere, [
  ['UPDATE t SET a = 1', 'update t[*] set a=1'],
  ['UPDATE t SET a = 1 WHERE id = 2', 'update t[id=2] set a=1'],
  [
    'UPDATE t AS x SET a = a + 1, b = NULL WHERE x.id = 2',
    'update t[id=2] set a=expr,b=null',
  ],
  [
    'UPDATE s.t SET a = (SELECT max(a) FROM u), b = 1 WHERE id = 2',
    'update s.t[id=2] set a=expr,b=1',
  ],
  ['UPDATE t SET', 'opaque t'],
  ['UPDATE t SET a', 'opaque t'],
  ['UPDATE', '!'],
  ['UPDATE t', 'opaque t'],
]);

examples(
  'UPDATE',
  ['postgres', 'sqlite'],
  [
    ['UPDATE t SET (a, b) = (1, 2) WHERE id = 1', 'update t[id=1] set a=1,b=2'],
    ['UPDATE t SET (a, b) = (SELECT 1, 2)', 'update t[*] set a=expr,b=expr'],
    ['UPDATE t SET a = 1 FROM u WHERE t.id = 1', 'update t[*] set a=1'],
    [
      'UPDATE t SET a = 1 WHERE id = 1 RETURNING *',
      'update t[id=1] set a=1 returning *',
    ],
    [
      'WITH c AS (SELECT 1) UPDATE t SET a = 1 WHERE id = 1',
      'update t[id=1] set a=1',
    ],
  ],
);

examples(
  'UPDATE',
  ['postgres'],
  [
    ['UPDATE ONLY t SET a = 1', 'update t[*] set a=1'],
    ['UPDATE ONLY (t) SET a = 1', 'update t[*] set a=1'],
    ['UPDATE t * SET a = 1', 'update t[*] set a=1'],
    ['UPDATE T SET A = 1', 'update t[*] set a=1'],
    ['UPDATE "T" SET "A" = 1', 'update T[*] set A=1'],
    ['UPDATE "a""b" SET c = 1', 'update a"b[*] set c=1'],
    ['UPDATE U&"d\\0061ta" SET c = 1', 'update data[*] set c=1'],
    ['UPDATE U&"d!0061ta" UESCAPE \'!\' SET c = 1', 'opaque d!0061ta / !'],
    ['UPDATE t SET a[1] = 1, b.c = 2', 'update t[*] set a=expr,b=expr'],
    ['UPDATE t SET (a, b) = ROW(1, 2)', 'update t[*] set a=1,b=2'],
    [
      'UPDATE t SET a = x IS DISTINCT FROM y, b = 2 WHERE id = 1',
      'update t[id=1] set a=expr,b=2',
    ],
    ['UPDATE t SET a = 1 WHERE CURRENT OF c', 'update t[*] set a=1'],
    [
      'WITH d AS (DELETE FROM a WHERE id = 1 RETURNING *), i AS (INSERT INTO b (x) VALUES (1)) UPDATE t SET a = 1',
      'delete a[id=1] insert b(x)(1) update t[*] set a=1',
    ],
    [
      'WITH a AS (WITH b AS (SELECT 1) DELETE FROM t RETURNING *) SELECT * FROM a',
      'delete t[*]',
    ],
    [
      'WITH RECURSIVE a(n) AS NOT MATERIALIZED (SELECT 1) SEARCH DEPTH FIRST BY n SET o DELETE FROM t',
      'delete t[*]',
    ],
    [
      'MERGE INTO s.t AS x USING u ON x.id = u.id WHEN MATCHED THEN DELETE',
      'opaque s.t',
    ],
  ],
);

examples(
  'UPDATE',
  ['mysql'],
  [
    [
      'UPDATE LOW_PRIORITY IGNORE t SET a = 1 WHERE id = ?',
      'update t[id=?0] set a=1',
    ],
    [
      'UPDATE `t` SET `a` = ?, `b` = ? WHERE `id` = ?',
      'update t[id=?2] set a=?0,b=?1',
    ],
    [
      'UPDATE t SET t.a = 1 WHERE t.id = 1 ORDER BY a LIMIT 1',
      'update t[id=1] set a=1',
    ],
    ['UPDATE t PARTITION (p) SET a = 1 WHERE id = 1', 'update t[id=1] set a=1'],
    ['UPDATE t USE INDEX (i) SET a = 1 WHERE id = 1', 'update t[id=1] set a=1'],
    ['UPDATE t SET ? WHERE id = ?', 'opaque t'],
    [
      'UPDATE t SET returning = 1, b = returning WHERE id = 1',
      'update t[id=1] set returning=1,b=expr',
    ],
    ['UPDATE a, b SET a.x = 1 WHERE a.id = 1', 'update a[*] set x=1'],
    [
      'UPDATE a JOIN b ON a.i = b.i SET x = 1',
      'update a[*] set x=1 update b[*] set x=1',
    ],
    [
      'UPDATE s.a AS p LEFT JOIN (SELECT * FROM c) q USING (i) SET p.x = 1, q.y = 2',
      'update s.a[*] set x=1,y=2 update q[*] set x=1,y=2',
    ],
    ['UPDATE (a, b) SET b.x = 1', 'update b[*] set x=1'],
    ['UPDATE a p JOIN a q SET q.x = 1', 'update a[*] set x=1'],
    ['UPDATE t FOR PORTION OF p FROM 1 TO 2 SET a = 1', 'update t[*] set a=1'],
    ["UPDATE t SET a = 'it\\'s' WHERE id = 1", 'update t[id=1] set a=expr'],
    ["UPDATE t SET a = 'x\\', b = 'y' WHERE id = 1 -- '", 'opaque t'],
  ],
);

examples(
  'UPDATE',
  ['sqlite'],
  [
    ['UPDATE OR IGNORE t SET a = 1 WHERE id = 1', 'update t[id=1] set a=1'],
    ['UPDATE t INDEXED BY i SET a = 1 WHERE id = 1', 'update t[id=1] set a=1'],
    ['UPDATE main.t NOT INDEXED SET a = 1', 'update main.t[*] set a=1'],
    ['UPDATE [my table] SET [a b] = 1', 'update my table[*] set a b=1'],
    ["UPDATE 't' SET 'a' = 1 WHERE id = 1", 'update t[id=1] set a=1'],
    [
      'UPDATE t SET a = 1 WHERE id = 1 ORDER BY a LIMIT 1',
      'update t[id=1] set a=1',
    ],
  ],
);

examples('DELETE', everywhere, [
  ['DELETE FROM t', 'delete t[*]'],
  ['DELETE FROM t WHERE id = 1', 'delete t[id=1]'],
  ['DELETE FROM s.t AS x WHERE x.id = 1', 'delete s.t[id=1]'],
  ['DELETE', '!'],
  ['DELETE FROM', '!'],
]);

examples(
  'DELETE',
  ['postgres'],
  [
    [
      'DELETE FROM ONLY t x WHERE x.id = $1 RETURNING *',
      'delete t[id=?0] returning *',
    ],
    ['DELETE FROM t USING u WHERE t.id = 1 AND u.id = 2', 'delete t[*]'],
    ['DELETE FROM t WHERE CURRENT OF c', 'delete t[*]'],
    ['TRUNCATE t', 'truncate t'],
    [
      'TRUNCATE TABLE ONLY s.t, u * RESTART IDENTITY CASCADE',
      'truncate s.t cascade truncate u cascade',
    ],
    ['TRUNCATE', '!'],
  ],
);

examples(
  'DELETE',
  ['mysql'],
  [
    ['DELETE LOW_PRIORITY QUICK IGNORE FROM t WHERE id = 1', 'delete t[id=1]'],
    ['DELETE FROM t WHERE id = 1 ORDER BY a LIMIT 1', 'delete t[id=1]'],
    ['DELETE FROM t WHERE id = 1 RETURNING id', 'delete t[id=1] returning id'],
    ['DELETE FROM t PARTITION (p) WHERE id = 1', 'delete t[id=1]'],
    [
      'DELETE a, b FROM a JOIN b JOIN c WHERE a.id = 1',
      'delete a[*] delete b[*]',
    ],
    [
      'DELETE x, y.* FROM users x LEFT JOIN s.posts AS y ON 1',
      'delete users[*] delete s.posts[*]',
    ],
    [
      'DELETE FROM x, y USING users x, posts y',
      'delete users[*] delete posts[*]',
    ],
    ['DELETE FROM s.t USING s.t JOIN u', 'delete s.t[*]'],
    ['TRUNCATE t', 'commits truncate t'],
    ['TRUNCATE TABLE s.t', 'commits truncate s.t'],
  ],
);

examples(
  'DELETE',
  ['sqlite'],
  [
    ['DELETE FROM "t" INDEXED BY i WHERE "id" = ?', 'delete t[id=?0]'],
    ['DELETE FROM t WHERE id = 1 RETURNING id', 'delete t[id=1] returning id'],
    ['TRUNCATE t', '! opaque t'],
    ['MERGE INTO t USING u ON 1 WHEN MATCHED THEN DELETE', '! opaque t'],
  ],
);

examples(
  'EXPLAIN',
  ['postgres'],
  [
    ['EXPLAIN ANALYZE DELETE FROM t', 'delete t[*]'],
    ['EXPLAIN ANALYZE VERBOSE UPDATE t SET a = 1', 'update t[*] set a=1'],
    ['EXPLAIN (COSTS off, ANALYZE) DELETE FROM t', 'delete t[*]'],
    ['EXPLAIN ("analyze" true) DELETE FROM t', 'delete t[*]'],
    ['EXPLAIN (ANALYZE false) DELETE FROM t', '-'],
    ['EXPLAIN (SELECT 1)', '-'],
    ['EXPLAIN ANALYZE SELECT 1', '-'],
    ['EXPLAIN VERBOSE DELETE FROM t', '-'],
  ],
);

examples(
  'EXPLAIN',
  ['mysql'],
  [
    ['EXPLAIN FORMAT=JSON DELETE FROM t', '-'],
    ['EXPLAIN ANALYZE FORMAT=TREE SELECT 1', '-'],
    ['EXPLAIN ANALYZE DELETE FROM t', 'delete t[*]'],
    [
      'ANALYZE FORMAT=JSON UPDATE t SET a = 1 WHERE id = 1',
      'update t[id=1] set a=1',
    ],
    ['ANALYZE TABLE t', 'commits'],
    ['DESCRIBE t', '-'],
    ['DESC t a', '-'],
    ['SET STATEMENT max_statement_time = 1 FOR DELETE FROM t', 'delete t[*]'],
  ],
);

examples(
  'a SELECT that does more than read',
  ['postgres'],
  [
    ['SELECT * INTO n FROM t', 'opaque n'],
    ['SELECT * INTO TEMP TABLE n FROM t', 'opaque n'],
    ['SELECT * FROM t FOR UPDATE', 'locks'],
    ['SELECT * FROM t FOR NO KEY UPDATE SKIP LOCKED', 'locks'],
    ['SELECT * FROM t FOR SHARE OF t', 'locks'],
    ["SELECT nextval('s')", 'locks'],
    ['SELECT pg_advisory_xact_lock(1)', 'locks'],
    ['SELECT substring(a FROM 1 FOR 2) FROM t', '-'],
  ],
);

examples(
  'a SELECT that does more than read',
  ['mysql'],
  [
    ["SELECT * FROM t INTO OUTFILE 'f'", 'locks'],
    ['SELECT a INTO @x FROM t', 'locks'],
    ['SELECT * FROM t LOCK IN SHARE MODE', 'locks'],
    ['SELECT * FROM t FOR UPDATE', 'locks'],
    ["SELECT GET_LOCK('a', 1)", 'locks'],
    ['SELECT @x := 1', 'locks'],
    ['SELECT LAST_INSERT_ID()', 'locks'],
    ['TABLE t', '-'],
  ],
);

examples(
  'session state',
  ['postgres'],
  [
    ['SET search_path = x', 'locks'],
    ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'locks'],
    ['SET LOCAL statement_timeout = 1', 'locks'],
    ['RESET ALL', 'locks'],
    ['SHOW server_version', '-'],
    ['LOCK TABLE t IN EXCLUSIVE MODE', 'locks'],
    ['LISTEN c', 'locks'],
    ["NOTIFY c, 'x'", '-'],
    ['DISCARD ALL', 'locks'],
    ['DECLARE c CURSOR FOR SELECT * FROM t', 'locks'],
    ['FETCH 10 FROM c', 'locks'],
    ['CLOSE c', 'locks'],
    ['PREPARE p (int) AS DELETE FROM t WHERE id = $1', 'locks'],
    ['DEALLOCATE p', 'locks'],
    ['VACUUM t', '-'],
    ['ANALYZE t', '-'],
  ],
);

examples(
  'session state',
  ['mysql'],
  [
    ['SET NAMES utf8mb4', 'locks'],
    ['SET @x = 1', 'locks'],
    ['SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED', 'locks'],
    ['SET autocommit = 0', '! locks'],
    ['SET NAMES utf8, @@session.autocommit = 1', '! locks'],
    ['SET SESSION `autocommit` = 1', '! locks'],
    ["SET completion_type = 'CHAIN'", '! locks'],
    ["SET @a = 'autocommit'", 'locks'],
    ["SET PASSWORD = 'x'", 'commits locks'],
    ['SHOW TABLES', '-'],
    ['USE other', 'locks'],
    ['LOCK TABLES t WRITE', 'commits locks'],
    ['UNLOCK TABLES', 'locks'],
    ['FLUSH TABLES', 'commits'],
    ['HANDLER t OPEN', 'locks'],
    ["PREPARE p FROM 'DELETE FROM t'", 'locks'],
    ['OPTIMIZE TABLE t', 'commits'],
    ['RESET QUERY CACHE', 'commits locks'],
    ['START SLAVE', 'commits'],
  ],
);

examples(
  'session state',
  ['sqlite'],
  [
    ['PRAGMA table_info', '-'],
    ['PRAGMA foreign_keys = ON', 'locks'],
    ["ATTACH 'f' AS x", '!'],
    ['DETACH x', 'locks'],
    ['VACUUM', '-'],
  ],
);

examples(
  'definitions',
  ['postgres', 'sqlite'],
  [
    ['CREATE TABLE IF NOT EXISTS t (id int)', 'opaque t'],
    ['CREATE TEMP TABLE t AS SELECT * FROM u', 'opaque t'],
    ['CREATE VIEW v AS SELECT 1', 'opaque v'],
    ['DROP VIEW v', 'opaque v'],
    ['DROP TABLE IF EXISTS s.t', 'opaque s.t'],
    ['ALTER TABLE t ADD COLUMN a int', 'opaque t'],
    ['ALTER TABLE s.t RENAME TO u', 'opaque s.t opaque u opaque s.u'],
    ['ALTER TABLE t RENAME COLUMN a TO b', 'opaque t'],
    ['CREATE UNIQUE INDEX i ON t (a)', '-'],
    ['DROP INDEX i', '-'],
  ],
);

examples(
  'definitions',
  ['postgres'],
  [
    ['DROP TABLE a, s.b CASCADE', 'opaque a opaque s.b'],
    ['CREATE OR REPLACE RECURSIVE VIEW v (a) AS SELECT 1', 'opaque v'],
    ['CREATE MATERIALIZED VIEW v AS SELECT 1', 'opaque v'],
    ['REFRESH MATERIALIZED VIEW CONCURRENTLY s.v WITH DATA', 'opaque s.v'],
    ['ALTER TABLE ONLY t SET SCHEMA s', 'opaque t opaque s.t'],
    ['ALTER TABLE t ATTACH PARTITION p FOR VALUES IN (1)', 'opaque t opaque p'],
    ['CREATE INDEX CONCURRENTLY i ON t (a)', '-'],
    ["CREATE TYPE e AS ENUM ('a')", '-'],
    ["ALTER TYPE e RENAME VALUE 'a' TO 'b'", '!'],
    ['DROP TYPE e', '-'],
    ['DROP TYPE e CASCADE', '!'],
    ['CREATE SEQUENCE s', '-'],
    ['CREATE SCHEMA s', '-'],
    ['DROP SCHEMA s CASCADE', '!'],
    ['CREATE EXTENSION x', '!'],
    ['CREATE POLICY p ON t USING (true)', 'opaque t'],
    ['GRANT SELECT, UPDATE (a), DELETE ON t TO u', '-'],
    ["COMMENT ON TABLE t IS 'x'", '-'],
    [
      'CREATE FUNCTION f() RETURNS int AS $$ DELETE FROM t; $$ LANGUAGE sql',
      '-',
    ],
    [
      'CREATE FUNCTION f() RETURNS void BEGIN ATOMIC DELETE FROM t; SELECT 1; END; DELETE FROM u',
      '- / delete u[*]',
    ],
    [
      'CREATE FUNCTION f() RETURNS void BEGIN ATOMIC DELETE FROM t; SELECT 1',
      '! opaque t',
    ],
    [
      'CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM u; DELETE FROM v); COMMIT',
      'opaque t / commit',
    ],
    [
      'CREATE TABLE n AS WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d',
      'delete t[*] opaque n',
    ],
  ],
);

examples(
  'definitions',
  ['mysql'],
  [
    ['CREATE TABLE t (id int)', 'commits opaque t'],
    ['CREATE TEMPORARY TABLE t (id int)', 'opaque t'],
    ['CREATE TABLE t SELECT * FROM u', 'commits opaque t'],
    ['DROP TABLE a, b', 'commits opaque a opaque b'],
    ['DROP TEMPORARY TABLE t', 'opaque t'],
    ['ALTER TABLE t RENAME u', 'commits opaque t opaque u'],
    ['ALTER TABLE t RENAME KEY a TO b', 'commits opaque t'],
    [
      'ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u',
      'commits opaque t opaque p opaque u',
    ],
    [
      'RENAME TABLE a TO b, s.c TO s.d',
      'commits opaque a opaque b opaque s.c opaque s.d',
    ],
    ['CREATE INDEX i ON t (a)', 'commits'],
    [
      "CREATE DEFINER = 'root'@'localhost' SQL SECURITY DEFINER VIEW v AS SELECT 1",
      'commits opaque v',
    ],
    [
      'CREATE OR REPLACE ALGORITHM = MERGE VIEW v AS SELECT 1',
      'commits opaque v',
    ],
    ['CREATE DATABASE d', 'commits'],
    ['DROP DATABASE d', '! commits'],
    ["CREATE USER 'a'@'%'", 'commits'],
    ['GRANT ALL ON *.* TO a', 'commits'],
    [
      'CREATE TRIGGER r AFTER INSERT ON t FOR EACH ROW BEGIN IF NEW.a THEN DELETE FROM u; END IF; END; DELETE FROM v',
      'commits / delete v[*]',
    ],
    ['CREATE PROCEDURE p() BEGIN BEGIN DELETE FROM t; END; END', 'commits'],
    [
      'BEGIN NOT ATOMIC DELETE FROM t; END; DELETE FROM u',
      '! opaque t / delete u[*]',
    ],
  ],
);

examples(
  'definitions',
  ['sqlite'],
  [
    [
      'CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE u SET end = CASE WHEN 1 THEN 2 END; DELETE FROM v; END; COMMIT',
      '- / commit',
    ],
    ['CREATE VIRTUAL TABLE t USING fts5(a)', 'opaque t'],
  ],
);

examples('what may write anything', everywhere, [
  ['FROBNICATE t', '!'],
  ['"x"', '!'],
  ['42', '!'],
  [')', '!'],
  ['SELECT (1; DELETE FROM t', '! / delete t[*]'],
  ["SELECT 'not closed; DELETE FROM t", '- / !'],
  ['DELETE FROM t WHERE id = 1 AND name = "', 'delete t[id=1] / !'],
  ['FROBNICATE; DELETE FROM t', '! / delete t[*]'],
  ['FROBNICATE DELETE FROM t', '! opaque t'],
  ['WITH a AS SELECT 1', '!'],
]);

examples(
  'what may write anything',
  ['postgres'],
  [
    ['CALL p()', '!'],
    ['DO $$ BEGIN DELETE FROM t; END $$', '!'],
    ['EXECUTE p(1)', '!'],
    ['SELECT 1 /* not closed /* */', '- / !'],
    ['SELECT $a$ not closed', '- / !'],
    ['DELETE FROM a\0; DELETE FROM b', 'delete a[*] / !'],
  ],
);

examples(
  'what may write anything',
  ['mysql'],
  [
    ['CALL p()', '!'],
    ['DO f()', '!'],
    ['EXECUTE p USING @x', '!'],
    ["XA START 'x'", '!'],
    ['SELECT 1 /* not closed', '- / !'],
    ['SELECT 1 /*! not closed', '- / !'],
    ['UPDATE ?? SET a = 1', '!'],
    ['DELETE FROM ??', '!'],
  ],
);

describe('what the driver answers', () => {
  it.each<[Dialect, string, boolean]>([
    ['postgres', 'UPDATE t SET a = 1', true],
    ['postgres', 'WITH c AS (SELECT 1) DELETE FROM t RETURNING id', true],
    ['postgres', 'MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE', true],
    ['mysql', 'REPLACE INTO t VALUES (1)', true],
    ['mysql', 'SET STATEMENT max_statement_time = 1 FOR DELETE FROM t', true],
    ['postgres', 'WITH d AS (DELETE FROM t RETURNING id) SELECT 1', false],
    ['postgres', 'WITH d AS (DELETE FROM t RETURNING id) DELETE FROM u', false],
    ['postgres', 'EXPLAIN ANALYZE DELETE FROM t', false],
    ['postgres', 'COPY (DELETE FROM t RETURNING *) TO STDOUT', false],
    ['postgres', 'SELECT 1', false],
    ['mysql', 'ANALYZE DELETE FROM t', false],
    ['mysql', 'TRUNCATE t', false],
    ['mysql', 'ALTER TABLE t ADD a int', false],
    ['mysql', 'DELETE a, b FROM a JOIN b', false],
  ])('in %s, %s: about its one write %s', (dialect, sql, expected) => {
    const [statement] = analyseSql(sql, dialect).statements;
    expect(statement?.answersForWrite).toBe(expected);
  });
});

describe('comments that only some servers execute', () => {
  it.each([
    ['SELECT /*! STRAIGHT_JOIN */ 1', '-'],
    ['INSERT /*! DELAYED */ INTO t VALUES (1)', 'opaque t'],
    ['DELETE FROM t WHERE id = 1 /*!99999 OR 1 */', 'opaque t'],
    ['SELECT 1 /*! ; DELETE FROM t */', '- / delete t[*] / ! opaque t locks'],
    [
      '/*!40000 ALTER TABLE t DISABLE KEYS */',
      'commits opaque t / ! opaque t locks',
    ],
    ['SELECT 1 /*M! FOR UPDATE */', 'locks'],
  ])('%s: %s', (sql, analysis) => {
    expect(analysisText(sql, 'mysql')).toBe(analysis);
  });
});

describe('strings whose end depends on the settings of the server', () => {
  it.each<[Dialect, string, string]>([
    [
      'mysql',
      "UPDATE t SET a = 'it\\'s', b = 'x' WHERE id = 1",
      "update t[id=1] set a=expr,b='x'",
    ],
    [
      'mysql',
      `DELETE FROM t WHERE a = "\\"; DELETE FROM u; -- "`,
      'delete t[*] / ! opaque t opaque u locks',
    ],
    [
      'postgres',
      "DELETE FROM t WHERE a = '\\'; DELETE FROM u; --'",
      'delete t[*] / delete u[*] / ! opaque t opaque u locks',
    ],
    [
      'postgres',
      "UPDATE t SET a = 'C:\\' WHERE id = 1",
      'update t[id=1] set a=expr',
    ],
    [
      'mysql',
      "DELETE FROM t WHERE a = '\\'; DELETE FROM u; - '",
      'delete t[*] / ! opaque t opaque u locks',
    ],
    [
      'mysql',
      "UPDATE t SET a = 'it\\'s' WHERE id = 1; SELECT 1",
      'update t[id=1] set a=expr / -',
    ],
  ])('in %s, %s: %s', (dialect, sql, analysis) => {
    expect(analysisText(sql, dialect)).toBe(analysis);
  });
});
