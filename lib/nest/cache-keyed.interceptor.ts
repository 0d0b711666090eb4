import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { type Observable } from 'rxjs';
import { CallAnswers } from './call-answers.js';
import { IS_CACHE_KEYED_INTERCEPTOR } from './cache-keyed.metadata.js';
import { RouteResponses } from './route-responses.js';

/**
 * Marks a context that was served already: a class, its method and the application may each carry the
 * interceptor, and not the same instance of it. On the context itself, since a set of all that are
 * alive would be work for the garbage collector with every request.
 */
const SERVED = Symbol('nestjs-alkey:served');

/** Puts the cache in front of the handlers that `@CacheKeyed` marks. */
@Injectable()
export class CacheKeyedInterceptor implements NestInterceptor {
  static readonly [IS_CACHE_KEYED_INTERCEPTOR] = true;

  constructor(
    private readonly responses: RouteResponses,
    private readonly answers: CallAnswers,
  ) {}

  intercept(
    context: ExecutionContext & { [SERVED]?: true },
    next: CallHandler,
  ): Observable<unknown> | Promise<Observable<unknown>> {
    if (context[SERVED]) return next.handle();
    context[SERVED] = true;
    return context.getType() === 'http'
      ? this.responses.serve(context, next)
      : this.answers.serve(context, next);
  }
}
