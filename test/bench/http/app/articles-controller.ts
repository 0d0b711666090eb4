import { Inject, Param, Post } from '@nestjs/common';
import { Articles } from './articles.js';

/** The writes, which are the same for every candidate. */
export abstract class ArticlesController {
  constructor(@Inject(Articles) protected readonly articles: Articles) {}

  @Post(':id/versions/:version')
  async write(
    @Param('id') id: string,
    @Param('version') version: string,
  ): Promise<void> {
    await this.articles.write(Number(id), Number(version));
    await this.invalidate(Number(id));
  }

  /** What a user of this cache calls after a commit. */
  protected async invalidate(_id: number): Promise<void> {}
}
