import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { AlkeyEvents } from 'nestjs-alkey';
import { lastValueFrom, type Observable, of } from 'rxjs';
import { type Headers } from './headers.js';

/** Says in `Cache-Status` whether all queries of a request were answered without the database. */
@Injectable()
export class QueryHits implements NestInterceptor {
  private readonly outcomes = new AsyncLocalStorage<('hit' | 'other')[]>();

  constructor(@Inject(AlkeyEvents) events: AlkeyEvents) {
    const note = (source: string, outcome: 'hit' | 'other') => {
      if (source === 'query') this.outcomes.getStore()?.push(outcome);
    };
    events.on('hit', ({ source }) => note(source, 'hit'));
    events.on('miss', ({ source }) => note(source, 'other'));
    events.on('bypass', ({ source }) => note(source, 'other'));
  }

  async intercept(
    context: ExecutionContext,
    next: CallHandler,
  ): Promise<Observable<unknown>> {
    const outcomes: ('hit' | 'other')[] = [];
    const answer: unknown = await this.outcomes.run(outcomes, () =>
      lastValueFrom(next.handle()),
    );
    const isHit =
      outcomes.length > 0 && outcomes.every(outcome => outcome === 'hit');
    context
      .switchToHttp()
      .getResponse<Headers>()
      .setHeader('Cache-Status', isHit ? 'queries; hit' : 'queries; fwd=miss');
    return of(answer);
  }
}
