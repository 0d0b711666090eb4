import {
  Controller,
  Get,
  Header,
  Headers,
  HttpCode,
  Param,
  Res,
} from '@nestjs/common';
import { type Article } from '../articles.js';
import { ArticlesController } from '../articles-controller.js';
import { type Candidate } from '../candidate.js';

const ETAG = '"the-only-version-there-is"';

interface Response {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
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
