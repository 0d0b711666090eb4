import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { type Observable } from 'rxjs';
import { IS_CACHE_KEYED_INTERCEPTOR } from './cache-keyed.metadata.js';
import { RouteResponses } from './route-responses.js';

/** Puts the cache in front of the handlers that `@CacheKeyed` marks. */
@Injectable()
export class CacheKeyedInterceptor implements NestInterceptor {
  static readonly [IS_CACHE_KEYED_INTERCEPTOR] = true;

  constructor(private readonly responses: RouteResponses) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return this.responses.serve(context, next);
  }
}
