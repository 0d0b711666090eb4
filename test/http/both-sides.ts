import { Readable } from 'node:stream';
import {
  CACHE_MANAGER,
  CacheInterceptor,
  CacheModule,
} from '@nestjs/cache-manager';
import {
  type CanActivate,
  ClassSerializerInterceptor,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  HttpCode,
  Inject,
  NotFoundException,
  Res,
  Sse,
  StreamableFile,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { type Cache, createCache } from 'cache-manager';
import { Exclude } from 'class-transformer';
import { Keyv } from 'keyv';
import { of } from 'rxjs';
import { type DataSourceOptions } from 'typeorm';
import { CacheKeyed, type CacheKeyedOptions } from 'nestjs-alkey';
import { Gate } from '../support/gate.js';
import { Runs, User } from '../support/shop.js';
import { type AdapterName, type StartedApp } from '../support/start-app.js';
import { ask, type RawAnswer, type RawRequest } from './ask.js';
import {
  type AnyRequest,
  type AnyResponse,
  startRoutes,
} from './start-routes.js';

const MAX_BODY_BYTES = 1000;

class Account {
  @Exclude()
  readonly secret = 'secret';
}

class Doorkeeper implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<AnyRequest>();
    return headers['x-banned'] === undefined;
  }
}

const gates = { ours: new Gate(), theirs: new Gate() };
type Side = keyof typeof gates;

/** The same routes behind either interceptor; most answer the number of their run. */
function routes(
  side: Side,
  cached: (options?: CacheKeyedOptions) => MethodDecorator,
): Type {
  @Controller(side)
  class RoutesController {
    constructor(@Inject(Runs) private readonly runs: Runs) {}

    private count(route: string): number {
      return this.runs.count(`${side}/${route}`);
    }

    @Get('plain')
    @cached()
    plain(): unknown {
      return { run: this.count('plain') };
    }

    @Get('status')
    @HttpCode(202)
    @Header('X-Declared', 'yes')
    @cached({ statuses: [203] })
    status(@Res({ passthrough: true }) response: AnyResponse): unknown {
      response.status(203);
      response.header('X-Set', 'yes');
      return { run: this.count('status') };
    }

    @Get('head')
    @cached()
    head(): unknown {
      return { run: this.count('head') };
    }

    @Get('validated')
    @cached()
    validated(): unknown {
      return { run: this.count('validated') };
    }

    @Get('cookie')
    @cached()
    cookie(@Res({ passthrough: true }) response: AnyResponse): unknown {
      response.header('Set-Cookie', 'session=1');
      return { run: this.count('cookie') };
    }

    @Get('private')
    @cached()
    private(): unknown {
      return { run: this.count('private') };
    }

    @Get('varying')
    @cached({ vary: ['X-Tag'] })
    varying(): unknown {
      return { run: this.count('varying') };
    }

    @Get('hosts')
    @cached()
    hosts(): unknown {
      return { run: this.count('hosts') };
    }

    @Get('paged')
    @cached({ query: ['page', 'limit'] })
    paged(): unknown {
      return { run: this.count('paged') };
    }

    @Get('slow')
    @cached()
    async slow(): Promise<unknown> {
      const run = this.count('slow');
      await gates[side].pass();
      return { run };
    }

    @Get('file')
    @cached()
    file(): StreamableFile {
      return new StreamableFile(Buffer.from(`run ${this.count('file')}`));
    }

    @Get('stream')
    @cached()
    stream(): unknown {
      return Readable.from(['run ', `${this.count('stream')}`]);
    }

    @Sse('events')
    @cached()
    events(): unknown {
      return of({ data: 'first' }, { data: `run ${this.count('events')}` });
    }

    @Get('large')
    @cached()
    large(): unknown {
      return { run: this.count('large'), text: 'x'.repeat(MAX_BODY_BYTES) };
    }

    @Get('null')
    @cached()
    null(): null {
      this.count('null');
      return null;
    }

    @Get('nothing')
    @cached()
    nothing(): void {
      this.count('nothing');
    }

    @Get('missing')
    @cached()
    missing(): never {
      throw new NotFoundException({ run: this.count('missing') });
    }

    // Nest lines up the interceptors of a method from the bottom.
    @Get('account')
    @cached()
    @UseInterceptors(ClassSerializerInterceptor)
    account(): Account {
      return new Account();
    }

    @Get('guarded')
    @UseGuards(Doorkeeper)
    @cached()
    guarded(): unknown {
      return { run: this.count('guarded') };
    }
  }
  return RoutesController;
}

const SIDES = [
  routes('ours', options => CacheKeyed(User, options ?? {}) as MethodDecorator),
  routes('theirs', () => UseInterceptors(CacheInterceptor)),
];

/** An application with both, each with a store of its own. */
export function startBoth(
  adapter: AdapterName,
  {
    cache = createCache(),
    stores = [new Keyv()],
    ...more
  }: {
    readonly cache?: Cache;
    readonly stores?: Keyv[];
    readonly database?: DataSourceOptions;
  } = {},
): Promise<StartedApp> {
  return startRoutes(adapter, SIDES, {
    alkey: { scope: 'anonymous', maxBodyBytes: MAX_BODY_BYTES, cache },
    metadata: {
      imports: [CacheModule.register({ isGlobal: true, ttl: 60_000, stores })],
    },
    ...more,
  });
}

export type Asked = readonly [path: string, request?: RawRequest];

/** The answers of one side to requests that are sent one after the other. */
export async function answers(
  { url }: StartedApp,
  side: Side,
  ...asked: readonly Asked[]
): Promise<readonly RawAnswer[]> {
  const given: RawAnswer[] = [];
  for (const [path, request] of asked) {
    given.push(await ask(url, `/${side}/${path}`, request));
  }
  return given;
}

export const runOf = ({ body }: RawAnswer): unknown =>
  (JSON.parse(body.toString()) as { readonly run: unknown }).run;

/** The runs that answered those requests, on either side. */
export async function runsOn(
  app: StartedApp,
  ...asked: readonly Asked[]
): Promise<Readonly<Record<Side, readonly unknown[]>>> {
  return {
    ours: (await answers(app, 'ours', ...asked)).map(runOf),
    theirs: (await answers(app, 'theirs', ...asked)).map(runOf),
  };
}

export const sent = (path: string, name: string, value: string): Asked => [
  path,
  { headers: { [name]: value } },
];

/** The answer to the second of two requests. */
export async function again(
  app: StartedApp,
  side: Side,
  path: string,
): Promise<RawAnswer> {
  await answers(app, side, [path]);
  return ask(app.url, `/${side}/${path}`);
}

/** Its body. */
export const bodyAgain = async (
  ...asked: Parameters<typeof again>
): Promise<string> => String((await again(...asked)).body);

/** Revalidates an answer while it is stored, and when it is gone; then tells how often the handler ran. */
export async function revalidated(
  app: StartedApp,
  cache: Cache,
  side: Side,
): Promise<readonly unknown[]> {
  const [first] = await answers(app, side, ['validated']);
  const headers = { 'If-None-Match': String(first?.headers['etag']) };
  const revalidate = (): Promise<readonly RawAnswer[]> =>
    answers(app, side, ['validated', { headers }]);
  const [stored] = await revalidate();
  await cache.clear();
  await app.app.get<Cache>(CACHE_MANAGER).clear();
  const [gone] = await revalidate();
  return [
    stored?.status,
    gone?.status,
    app.runs.counts.get(`${side}/validated`),
  ];
}

/** Two requests, of which that many are let into the handler. */
export async function together(
  app: StartedApp,
  side: Side,
  inside: number,
): Promise<unknown> {
  const asked = Promise.all([
    answers(app, side, ['slow']),
    answers(app, side, ['slow']),
  ]);
  await gates[side].reached(inside);
  gates[side].open();
  return (await asked).flat().map(runOf).toSorted();
}
