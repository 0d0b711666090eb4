import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  Headers,
  HttpCode,
  Injectable,
  type NestInterceptor,
  Param,
  Res,
  UseInterceptors,
} from '@nestjs/common';
import { type Observable, of, tap } from 'rxjs';
import { type Article } from '../articles.js';
import { ArticlesController } from '../articles-controller.js';
import { type Candidate } from '../candidate.js';

const ETAG = '"the-only-version-there-is"';

interface Response {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
}

interface Request {
  readonly params: { readonly id: string };
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** Asks the handler once for each article. */
@Injectable()
class TextInterceptor implements NestInterceptor {
  private readonly texts = new Map<string, string>();

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { id } = context.switchToHttp().getRequest<Request>().params;
    const text = this.texts.get(id);
    return text === undefined
      ? next.handle().pipe(tap((made: string) => this.texts.set(id, made)))
      : of(text);
  }
}

@Injectable()
class UnchangedInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const { headers } = http.getRequest<Request>();
    if (headers['if-none-match'] !== ETAG) return next.handle();
    const response = http.getResponse<Response>();
    response.header('ETag', ETAG);
    response.status(304);
    return of(undefined);
  }
}

@Controller('articles')
class BareController extends ArticlesController {
  private readonly values = new Map<string, Promise<Article>>();
  private readonly texts = new Map<string, Promise<string>>();

  /** The value, which the framework makes JSON of each time. */
  @Get(':id')
  value(@Param('id') id: string): Promise<Article> {
    let value = this.values.get(id);
    if (!value) this.values.set(id, (value = this.articles.load(Number(id))));
    return value;
  }

  @Get(':id/text')
  @Header('Content-Type', 'application/json; charset=utf-8')
  text(@Param('id') id: string): Promise<string> {
    let text = this.texts.get(id);
    if (!text) {
      text = this.articles
        .load(Number(id))
        .then(value => JSON.stringify(value));
      this.texts.set(id, text);
    }
    return text;
  }

  /** An interceptor has it, as that of a cache has. */
  @Get(':id/intercepted-text')
  @Header('Content-Type', 'application/json; charset=utf-8')
  @UseInterceptors(TextInterceptor)
  intercepted(@Param('id') id: string): Promise<string> {
    return this.text(id);
  }

  @Get(':id/intercepted-etag')
  @HttpCode(200)
  @UseInterceptors(UnchangedInterceptor)
  interceptedUnchanged(
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Article> {
    response.header('ETag', ETAG);
    return this.value(id);
  }

  /** Knows without looking that nothing has changed. */
  @Get(':id/etag')
  @HttpCode(200)
  unchanged(
    @Param('id') id: string,
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Article> | undefined {
    response.header('ETag', ETAG);
    if (known !== ETAG) return this.value(id);
    response.status(304);
    return undefined;
  }
}

export const openBare = (): Candidate => ({ controller: BareController });

@Controller('articles')
class UncachedController extends ArticlesController {
  @Get(':id')
  one(@Param('id') id: string): Promise<Article> {
    return this.articles.load(Number(id));
  }
}

export const openUncached = (): Candidate => ({
  controller: UncachedController,
});
