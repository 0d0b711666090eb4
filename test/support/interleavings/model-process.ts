import { randomBytes } from 'node:crypto';
import { type Writable } from 'node:stream';
import { Controller, Get, StreamableFile } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { Test } from '@nestjs/testing';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { defer, lastValueFrom } from 'rxjs';
import { type DataSource } from 'typeorm';
import { GuardedTokenStore } from '../../../lib/core/tokens/guarded-token-store.js';
import { NearTokenStore } from '../../../lib/core/tokens/near-token-store.js';
import { TokenStore } from '../../../lib/core/tokens/token-store.js';
import { WriteAnnouncer } from '../../../lib/core/writes/write-announcer.js';
import { AlkeyModule } from '../../../lib/nest/alkey.module.js';
import { CacheKeyed } from '../../../lib/nest/cache-keyed.decorator.js';
import { CacheKeyService } from '../../../lib/nest/cache-key.service.js';
import { ALKEY_CACHE } from '../../../lib/nest/injection-tokens.js';
import { RouteResponses } from '../../../lib/nest/route-responses.js';
import { FaultyTokenStore } from '../../../lib/testing/faulty-token-store.js';
import { EntityCatalog } from '../../../lib/typeorm/entity-catalog.js';
import { coreSchema } from '../core-schema.js';
import {
  ModelConnection,
  type ModelDatabase,
  type Resource,
} from './model-database.js';
import { ScheduledTokenStore } from './scheduled-token-store.js';
import { Life, type Steps } from './steps.js';
import { type ToldChanges } from './told-changes.js';

/** By what an answer is asked for. */
export type Way = 'wrap' | 'route';

export interface ModelProcessOptions {
  readonly name: string;
  readonly steps: Steps;
  readonly database: ModelDatabase;
  /** The token store that all processes share. */
  readonly tokens: TokenStore;
  /** By what it is told of changes, where it keeps copies of tokens near. */
  readonly near?: { readonly told: ToldChanges; readonly maxAgeMs: number };
  /** The response store that all processes share. */
  readonly responses: Map<string, unknown>;
  readonly consistency: 'strict' | 'commit';
  readonly onStoreFailure: 'serve' | 'abort';
  readonly leaseMs: number;
  /** Every so many calls of the shared response store fail; 0: none. */
  readonly responseFaultEach: number;
}

/** No answer of a response store is given up: real time does not count in a story. */
const NEVER_LATE_MS = 60_000;

const schema = coreSchema(['users']);

@Controller('users')
class UsersController {
  @Get()
  @CacheKeyed('alkey:users#*', { scope: 'shared' })
  all(): void {}

  @Get(':id')
  @CacheKeyed('alkey:users#:id', { scope: 'shared' })
  one(): void {}
}

/** The library as it runs in one process, between stores and a database whose steps are scheduled. */
export class ModelProcess {
  readonly life: Life;
  readonly faulty: FaultyTokenStore;
  /** How often a handler ran. */
  runs = 0;
  readonly #options: ModelProcessOptions;
  readonly #wire: ScheduledTokenStore;
  readonly #announcer: WriteAnnouncer;
  readonly #store: TokenStore;
  #keys: CacheKeyService | undefined;
  #routes: RouteResponses | undefined;

  static async start(options: ModelProcessOptions): Promise<ModelProcess> {
    const process = new ModelProcess(options);
    await process.#start();
    return process;
  }

  private constructor(options: ModelProcessOptions) {
    this.#options = options;
    const { steps, leaseMs, consistency } = options;
    const { clock, timers } = steps.time;
    this.life = new Life(options.name, steps);
    this.faulty = new FaultyTokenStore(options.tokens);
    this.#wire = new ScheduledTokenStore(this.faulty, this.life);
    this.#store = new GuardedTokenStore({
      store: this.#nearest(),
      storeTimeoutMs: 50,
      clock,
      timers,
      onEvent: () => undefined,
    });
    this.#announcer = new WriteAnnouncer(this.#store, {
      consistency,
      leaseMs,
      replicaLagMs: 0,
      randomBytes,
      timers,
      clock,
      onHeld: () => undefined,
      onReleased: () => undefined,
      onTouched: () => undefined,
    });
  }

  #nearest(): TokenStore {
    const { near, steps } = this.#options;
    if (!near) return this.#wire;
    return new NearTokenStore({
      store: this.#wire,
      maxAgeMs: near.maxAgeMs,
      clock: steps.time.clock,
      listen: listener => near.told.listen(listener),
    });
  }

  async #start(): Promise<void> {
    const { responses, responseFaultEach } = this.#options;
    const stores = [
      this.#keyv(new Map(), 'its memory', 0),
      this.#keyv(responses, 'the response store', responseFaultEach),
    ];
    const module = await Test.createTestingModule({
      imports: [
        AlkeyModule.forRoot({ redis: false, storeTimeoutMs: NEVER_LATE_MS }),
      ],
      controllers: [UsersController],
    })
      .overrideProvider(TokenStore)
      .useValue(this.#store)
      .overrideProvider(ALKEY_CACHE)
      .useValue(createCache({ stores }))
      .compile();
    module.get(EntityCatalog).add({
      name: 'default',
      dataSource: { entityMetadatas: [] } as unknown as DataSource,
      schema,
    });
    this.#keys = module.get(CacheKeyService);
    this.#routes = module.get(RouteResponses);
  }

  /** Whether it waits for no answer of the token store. */
  get isIdle(): boolean {
    return this.#wire.isIdle;
  }

  /** From now on no call of the token store goes wrong. */
  repair(): void {
    this.#wire.store = this.#options.tokens;
  }

  /** `slowness`: what a COMMIT waits for in the database. */
  connection(slowness: () => Promise<void>): ModelConnection {
    const { database, onStoreFailure } = this.#options;
    return new ModelConnection({
      life: this.life,
      database,
      announcer: this.#announcer,
      schema,
      onStoreFailure,
      slowness,
    });
  }

  /** What it answers; `handler` makes the answer, by default from the database. */
  async answer(
    resource: Resource,
    way: Way,
    handler = () => this.#select(resource),
  ): Promise<number> {
    const run = (): Promise<number> => {
      this.runs += 1;
      return handler();
    };
    if (way === 'wrap') {
      const ref = resource === 'all' ? '*' : resource;
      return this.#keys!.wrap([`alkey:users#${ref}`], run);
    }
    const answer: unknown = await lastValueFrom(
      await this.#routes!.serve(contextOf(resource), {
        handle: () => defer(run),
      }),
    );
    return Number(sentText(answer));
  }

  async #select(resource: Resource): Promise<number> {
    await this.life.step(`SELECT ${resource} reaches the database`);
    const n = this.#options.database.read(resource);
    await this.life.step(`SELECT ${resource} answers ${n}`);
    return n;
  }

  #keyv(entries: Map<string, unknown>, name: string, faultEach: number): Keyv {
    let calls = 0;
    const step = async (label: string): Promise<void> => {
      calls += 1;
      const fails = faultEach > 0 && calls % faultEach === 0;
      await this.life.sent(`${label} ${name}${fails ? ', which fails' : ''}`);
      if (fails) throw new Error(`${name} is down`);
    };
    const keyv = new Keyv({
      store: {
        get: async (key: string) => {
          await step('fetches from');
          return entries.get(key);
        },
        set: async (key: string, value: unknown) => {
          await step('stores in');
          entries.set(key, value);
        },
        delete: (key: string) => entries.delete(key),
        clear: () => entries.clear(),
      },
      useKeyPrefix: false,
      throwOnErrors: true,
    });
    keyv.on('error', () => undefined);
    return keyv;
  }
}

/** Stored as the text that is sent, or as the bytes of it, which go as a file. */
function sentText(answer: unknown): string {
  if (!(answer instanceof StreamableFile)) return String(answer);
  let sent = '';
  const end = (bytes: Buffer): void => {
    sent = bytes.toString();
  };
  answer.getStream().pipe({ end } as unknown as Writable);
  return sent;
}

function contextOf(resource: Resource): ExecutionContextHost {
  const path = resource === 'all' ? '/users' : `/users/${resource}`;
  const request = {
    method: 'GET',
    url: path,
    originalUrl: path,
    protocol: 'http',
    host: 'shop.example',
    headers: {},
    params: resource === 'all' ? {} : { id: `${resource}` },
  };
  const headers = new Map<string, unknown>();
  const response = {
    app: { get: () => undefined },
    statusCode: 200,
    headersSent: false,
    getHeaders: () => Object.fromEntries(headers),
    getHeader: (name: string) => headers.get(name.toLowerCase()),
    setHeader: (name: string, value: unknown) =>
      headers.set(name.toLowerCase(), value),
    removeHeader: (name: string) => headers.delete(name.toLowerCase()),
  };
  const { prototype } = UsersController;
  return new ExecutionContextHost(
    [request, response],
    UsersController,
    resource === 'all' ? prototype.all : prototype.one,
  );
}
