import { randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import { SOAK_ENTITIES, type Versions } from './app/entities.js';

/** Applications call themselves so, with their number. */
export const APPLICATION = 'alkey-soak';

/** The tables of a run, in a database of its own, and what the harness does behind Alkey's back. */
export class SoakDatabase {
  private constructor(
    readonly url: string,
    private readonly own: DataSource,
    private readonly server: DataSource,
    private readonly name: string,
  ) {}

  static async create(serverUrl: string, items: number): Promise<SoakDatabase> {
    const name = `alkey_soak_${randomBytes(6).toString('hex')}`;
    const server = new DataSource({ type: 'postgres', url: serverUrl });
    await server.initialize();
    await server.query(`CREATE DATABASE ${name}`);
    const url = new URL(serverUrl);
    url.pathname = `/${name}`;
    const own = new DataSource({
      type: 'postgres',
      url: url.href,
      entities: SOAK_ENTITIES,
      synchronize: true,
    });
    await own.initialize();
    for (const sql of SETUP)
      await own.query(sql, sql.includes('$1') ? [items] : []);
    return new SoakDatabase(url.href, own, server, name);
  }

  /** The versions that are committed now. */
  async versions(): Promise<Versions> {
    const rows =
      await this.own.query<
        readonly { readonly row: string; readonly version: number }[]
      >(VERSIONS);
    return Object.fromEntries(rows.map(({ row, version }) => [row, version]));
  }

  /** Lets every commit that writes items take this long, from now on. */
  async slowCommits(seconds: number): Promise<void> {
    await this.own.query('UPDATE commit_delay SET seconds = $1', [seconds]);
  }

  /** Ends a connection of an application while it commits; answers whether one was found. */
  async terminateCommit(): Promise<boolean> {
    const ended = await this.own.query<readonly unknown[]>(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
       AND application_name LIKE $1 AND wait_event = 'PgSleep' LIMIT 1`,
      [`${APPLICATION}%`],
    );
    return ended.length > 0;
  }

  /** Ends all connections of the applications. */
  async terminateAll(): Promise<void> {
    await this.own.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE $1',
      [`${APPLICATION}%`],
    );
  }

  async drop(): Promise<void> {
    await this.own.destroy();
    await this.server.query(`DROP DATABASE ${this.name} WITH (FORCE)`);
    await this.server.destroy();
  }
}

const SETUP = [
  `INSERT INTO items (id, stamp, version) SELECT id, '', 1 FROM generate_series(1, $1) id`,
  `INSERT INTO notes (id, stamp, version, "itemId") SELECT id, '', 1, id FROM items`,
  'CREATE TABLE commit_delay (seconds float8)',
  'INSERT INTO commit_delay VALUES (0)',
  `CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS $$
   DECLARE delay float8 := (SELECT max(seconds) FROM commit_delay);
   BEGIN IF delay > 0 THEN PERFORM pg_sleep(delay); END IF; RETURN NULL; END $$`,
  `CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON items DEFERRABLE INITIALLY DEFERRED
   FOR EACH ROW EXECUTE FUNCTION take_time()`,
];

const VERSIONS = `
  SELECT 'items#' || id AS row, version FROM items
  UNION ALL SELECT 'notes#' || id, version FROM notes
  UNION ALL SELECT 'blinks#' || id, version FROM blinks`;
