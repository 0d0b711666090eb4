import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Req,
  Res,
  type Type,
} from '@nestjs/common';
import {
  CacheKeyed,
  type CacheKeyedOptions,
  GLOBAL_WRITE_TOKEN,
  TokenStore,
} from 'nestjs-alkey';
import { Runs } from '../support/shop.js';
import {
  type AdapterName,
  startApp,
  type StartedApp,
  type StartOptions,
} from '../support/start-app.js';

/** What both frameworks have of a request. */
export interface AnyRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  user?: unknown;
}

/** What both frameworks have of a response. */
export interface AnyResponse {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
}

/** An application of these controllers, with its database in memory. */
export function startRoutes(
  adapter: AdapterName,
  controllers: Type | readonly Type[],
  more: Partial<StartOptions> = {},
): Promise<StartedApp> {
  return startApp({
    database: { type: 'sqljs' },
    adapter,
    ...more,
    metadata: { controllers: [controllers].flat(), ...more.metadata },
  });
}

/** `/x` answers the number of its run and who asked, with the headers that `x-set-…` name. */
export function counted(
  options: CacheKeyedOptions = {},
  ...decorators: readonly MethodDecorator[]
): Type {
  @Controller()
  class CountedController {
    constructor(@Inject(Runs) private readonly runs: Runs) {}

    @Get('x')
    @CacheKeyed(GLOBAL_WRITE_TOKEN, options)
    get(
      @Req() request: AnyRequest,
      @Res({ passthrough: true }) response: AnyResponse,
    ): unknown {
      for (const [name, value] of Object.entries(request.headers)) {
        const set = /^x-set-(.+)/.exec(name)?.[1];
        if (set !== undefined) response.header(set, value ?? '');
      }
      return { run: this.runs.count('x'), user: request.user };
    }
  }
  for (const decorate of decorators) {
    decorate(
      CountedController.prototype,
      'get',
      Object.getOwnPropertyDescriptor(CountedController.prototype, 'get')!,
    );
  }
  return CountedController;
}

/** Takes the row from a header where it names one, as others take it from a session. */
export class RowChooser implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers, params } = context
      .switchToHttp()
      .getRequest<AnyRequest & { params: Record<string, unknown> }>();
    params['id'] = headers['x-row'] ?? params['id'];
    return true;
  }
}

/** A writer that may commit anything at any moment. */
export async function holdEverything({ app }: StartedApp): Promise<void> {
  const everything = 'alkey:*#*' as never;
  await app.get(TokenStore).hold([everything], 'a writer' as never, 30_000);
}
